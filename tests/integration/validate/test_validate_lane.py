"""`bb8deploy validate` as a program: tokens, receipts, exit codes, formats, fixes and hostile trees."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FILES = {
    "config.yaml": (
        'name: Small\nversion: "1.4.2"\nslug: small\ndescription: An app for tests\narch:\n  - amd64\n'
    ),
    "Dockerfile": "ARG BUILD_FROM=ghcr.io/home-assistant/base:3.23\nFROM ${BUILD_FROM}\nENTRYPOINT []\n",
    "run.sh": "#!/usr/bin/env bash\nexec sleep infinity\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a sound generic app and no tests."""
    for name, text in FILES.items():
        path = tmp_path / "addon" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "addon" / "run.sh").chmod(0o755)
    (tmp_path / "pyproject.toml").write_text("[tool.bb8deploy]\n")
    return tmp_path


def bb8(workspace: Path, *words: str, before: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Runs the command line there; `before` stands before it, as `nice` would."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "BB8DEPLOY_CACHE": str(workspace / ".cache")}
    command = [*before, sys.executable, "-m", "bb8deploy", *words]
    return subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, timeout=110)


def lines(workspace: Path, receipt: str) -> list[str]:
    """A receipt's lines without run ids."""
    text = (workspace / "reports" / receipt).read_text()
    return [re.sub(r" run=\S+", "", line) for line in text.splitlines()]


def test_a_sound_addon_earns_its_tokens_and_reports_what_was_left_out(workspace: Path) -> None:
    done = bb8(workspace, "validate")
    assert done.returncode == 0, done.stderr
    assert lines(workspace, "local_receipts.txt") == [
        "TOKEN: STRUCTURE_OK mode=LOCAL_DEV",
        "TOKEN: MANIFEST_OK rating=5",
        'SKIPPED: TESTS_OK reason="the project names no tests"',
        'SKIPPED: WS_READY reason="no tests were run"',
    ]
    assert "TOKEN: DEV_LOCAL_BUILD_FORCED" in lines(workspace, "paths_health_receipt.txt")


def test_a_refused_config_leaves_no_manifest_token_and_exits_with_one(workspace: Path) -> None:
    config = workspace / "addon" / "config.yaml"
    config.write_text(config.read_text() + "map:\n")
    bb8(workspace, "validate")
    done = bb8(workspace, "validate", "--no-tests")
    assert done.returncode == 1
    receipt = lines(workspace, "local_receipts.txt")
    assert not [line for line in receipt if "MANIFEST_OK" in line or "WS_READY" in line]
    assert [line for line in receipt if line.startswith("DRIFT: CONFIG_CRASHES")]
    assert "config.yaml:7: `map` holds nothing" in done.stderr


def test_an_image_keeps_the_local_build_token_away(workspace: Path) -> None:
    config = workspace / "addon" / "config.yaml"
    config.write_text(config.read_text() + "image: ghcr.io/a/b\n")
    assert bb8(workspace, "validate").returncode == 0
    assert lines(workspace, "paths_health_receipt.txt")[1] == (
        'SKIPPED: DEV_LOCAL_BUILD_FORCED reason="the mode is PUBLISH"'
    )
    assert bb8(workspace, "validate", "--mode", "local_dev").returncode == 1
    assert lines(workspace, "paths_health_receipt.txt")[0].startswith("DRIFT: IMAGE_OUTSIDE_PUBLISH")


def test_the_json_document_is_alone_and_the_contract_agrees(workspace: Path) -> None:
    config = workspace / "addon" / "config.yaml"
    config.write_text(config.read_text() + "advanced: true\n")
    done = bb8(workspace, "validate", "--json")
    document = json.loads(done.stdout)
    (finding,) = [f for f in document["findings"] if f["level"] == "warning"]
    assert (finding["code"], finding["line"], finding["column"]) == ("CONFIG_NO_EFFECT", 7, 1)
    contract = next((workspace / "reports" / "runs").glob("*/validate_contract_v1.json"))
    told = json.loads(contract.read_text())
    (in_contract,) = [f for f in told["findings"] if f["level"] == "warning"]
    assert finding["path"] == in_contract["path"] == "addon/config.yaml"
    assert told["verdict"] == document["verdict"] == "PASS"
    assert told["tokens"] == ["STRUCTURE_OK", "DEV_LOCAL_BUILD_FORCED", "MANIFEST_OK"]
    assert told["rating"] == 5


def test_a_baseline_of_one_app_accepts_its_own_findings(workspace: Path) -> None:
    (workspace / "addon" / "config.yaml").write_text("name: x\n")
    assert bb8(workspace, "validate", "--no-tests", "--write-baseline", "old.json").returncode == 1
    done = bb8(workspace, "validate", "--no-tests", "--baseline", "old.json", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["findings"]) == (0, [])


def test_annotations_and_sarif_are_written_for_a_failing_run_too(workspace: Path) -> None:
    (workspace / "addon" / "config.yaml").write_text("name: x\n")
    done = bb8(workspace, "validate", "--github", "--sarif", "out.sarif")
    assert done.returncode == 1
    assert "::error file=addon/config.yaml,line=1,col=1,title=CONFIG_INVALID::" in done.stdout
    assert len(json.loads((workspace / "out.sarif").read_text())["runs"][0]["results"]) >= 4


def test_fix_shows_a_diff_first_and_then_fixes(workspace: Path) -> None:
    config = workspace / "addon" / "config.yaml"
    config.write_text(config.read_text().replace('"1.4.2"', "1.4"))
    done = bb8(workspace, "validate", "--fix", "--dry-run")
    assert '+version: "1.4"' in done.stdout
    assert "version: 1.4\n" in config.read_text()
    assert bb8(workspace, "validate", "--fix").returncode == 0
    assert 'version: "1.4"' in config.read_text()


def test_the_fixes_of_a_failing_run_are_shown_too(workspace: Path) -> None:
    config = workspace / "addon" / "config.yaml"
    config.write_text(config.read_text().replace('"1.4.2"', "1.10"))
    done = bb8(workspace, "validate", "--fix", "--dry-run")
    assert done.returncode == 1
    assert '-version: 1.10\n+version: "1.10"' in done.stdout
    repaired = bb8(workspace, "validate", "--fix", "--no-tests")
    assert (repaired.returncode, "fixed config.yaml" in repaired.stderr) == (0, True)


def test_findings_are_results_and_are_on_stdout_with_a_caret(workspace: Path) -> None:
    config = workspace / "addon" / "config.yaml"
    config.write_text(config.read_text().replace("  - amd64", "  - amd64\n  - armv7"))
    done = bb8(workspace, "validate", "--quiet")
    assert done.returncode == 0
    assert done.stderr == ""
    assert (
        "config.yaml\n"
        "      7:5  warning CONFIG_OLD_WORD: `arch` names what is no longer supported: armv7\n"
        "           |   - armv7\n"
        "           |     ^\n"
        "           Use the current word.\n"
    ) in done.stdout


def test_a_foreign_add_on_is_checked_without_a_workspace_around_it(tmp_path: Path) -> None:
    addon = tmp_path / "somewhere" / "thing"
    addon.mkdir(parents=True)
    for name, text in FILES.items():
        (addon / name).write_text(text)
    (addon / "tools").mkdir()
    done = bb8(tmp_path, "validate", "--addon", str(addon), "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (0, "PASS")
    found = {(f["code"], f["level"]) for f in document["findings"]}
    assert found - {("SHELLCHECK_SKIPPED", "note")} == {
        ("SCRIPT_NOT_EXECUTABLE", "warning"),
        ("RUNTIME_FOLDER_UNUSED", "warning"),
    }
    assert document["result"]["rating"] == 5


def test_files_that_may_not_be_read_are_one_finding_each(workspace: Path) -> None:
    addon = workspace / "addon"
    (addon / "locked").mkdir()
    for name in ("config.yaml", "run.sh", "locked"):
        (addon / name).chmod(0)
    limited: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("SKIPPED: root reads everything, and there is no setpriv to forbid it")
        limited = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    try:
        done = bb8(workspace, "validate", "--no-tests", "--json", before=limited)
    finally:
        for name in ("config.yaml", "run.sh", "locked"):
            (addon / name).chmod(0o755)
    found = [(f["code"], f["path"]) for f in json.loads(done.stdout)["findings"] if f["level"] == "error"]
    paths = [f"addon/{name}" for name in ("config.yaml", "locked", "run.sh")]
    assert sorted(found) == [("FILE_UNREADABLE", path) for path in paths]


def test_tests_that_run_earn_tests_ok_and_ws_ready_and_failing_ones_do_not(
    workspace: Path, tmp_path: Path
) -> None:
    (workspace / "pyproject.toml").write_text('[tool.bb8deploy]\ntests = "tests"\n')
    (workspace / "tests").mkdir()
    test = workspace / "tests" / "test_it.py"
    test.write_text("def test_it():\n    pass\n")
    # A pytest without an index: the interpreter's own packages, seen through a .pth file of a venv.
    made = bb8(workspace, "validate")
    if "TEST_ENVIRONMENT" in made.stderr:
        pytest.skip("SKIPPED: no venv can be made here")
    assert "DRIFT: TESTS_EMPTY" in made.stdout
    (site,) = (workspace / ".cache" / "venvs").glob("*/lib/python*/site-packages")
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    (site / "seen.pth").write_text(packages + "\n")
    (workspace / "pyproject.toml").write_text(
        '[tool.bb8deploy]\ntests = "tests"\n[tool.pytest.ini_options]\n'
        'asyncio_default_fixture_loop_scope = "function"\n'
    )
    good = bb8(workspace, "validate")
    assert "TOKEN: TESTS_OK passed=1 skipped=0" in good.stdout
    assert "TOKEN: WS_READY version=1.4.2" in good.stdout
    test.write_text("def test_it():\n    assert 0\n")
    bad = bb8(workspace, "validate")
    assert bad.returncode == 1
    assert "DRIFT: TESTS_FAILED" in bad.stdout
    assert "TESTS_OK" not in bad.stdout
    assert "WS_READY" not in bad.stdout


def test_a_hostile_tree_ends_soon_with_a_finding_for_each_trouble(workspace: Path) -> None:
    addon = workspace / "addon"
    (addon / "loop").symlink_to("loop")
    (addon / "translations").mkdir()
    with (addon / "translations" / "en.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    (addon / "build.json").write_bytes(b"[" * 100_000)
    (addon / "deep").mkdir()
    for number in range(51_000):
        (addon / "deep" / f"{number}").touch()
    before = os.times()
    done = bb8(workspace, "validate", "--no-tests", "--json")
    after = os.times()
    assert after.children_user - before.children_user < 60
    found = {f["code"] for f in json.loads(done.stdout)["findings"]}
    assert {"TREE_TOO_LARGE", "SYMLINK_BROKEN", "FILE_TOO_LARGE", "YAML_TOO_DEEP"} <= found


def test_explain_knows_every_code_and_schema_every_contract(workspace: Path) -> None:
    assert bb8(workspace, "explain", "config_crashes").stdout.startswith("# CONFIG_CRASHES:")
    assert bb8(workspace, "explain", "CONFIG_CRASH").returncode == 2
    assert "validate_contract_v1" in bb8(workspace, "schema").stdout
    assert json.loads(bb8(workspace, "schema", "validate_contract_v1").stdout)["type"] == "object"
    assert json.loads(bb8(workspace, "schema", "config").stdout)["properties"]["slug"]
