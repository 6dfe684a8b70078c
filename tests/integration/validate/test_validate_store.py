"""`bb8deploy validate` over a store as a program: one list, one SARIF, one summary, one exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
CONFIG = 'name: A\nversion: "1"\nslug: {slug}\ndescription: x\narch: [amd64]\ninit: false\n'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A repository with three apps, one of them with an error."""
    root = tmp_path / "store"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / "repository.yaml").write_text("name: Store\n")
    for slug in ("one", "two", "three"):
        (root / slug).mkdir()
        (root / slug / "config.yaml").write_text(CONFIG.format(slug=slug))
        (root / slug / "Dockerfile").write_text("FROM a/b\n")
    (root / "two" / "Dockerfile").write_text("FROM a/b\nCOPY gone /\n")
    return root


def bb8(store: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in the store."""
    full = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "BB8DEPLOY_CACHE": str(store.parent / "cache"),
        **env,
    }
    command = [sys.executable, "-m", "bb8deploy", *words]
    return subprocess.run(command, cwd=store, env=full, capture_output=True, text=True, timeout=110)


def test_a_store_is_one_list_one_file_and_one_exit_code(store: Path, tmp_path: Path) -> None:
    page = tmp_path / "summary.md"
    done = bb8(store, "validate", ".", "--github", "--sarif", "out.sarif", GITHUB_STEP_SUMMARY=str(page))
    assert done.returncode == 1, done.stderr
    assert "two/Dockerfile\n" in done.stdout
    assert "::error file=two/Dockerfile,line=2,col=1,title=COPY_SOURCE_MISSING::" in done.stdout
    assert done.stdout.rstrip().endswith("3 apps: 1 error; 1 of them fail the run")
    (run,) = json.loads((store / "out.sarif").read_text())["runs"]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "two/Dockerfile"
    assert "| two | 1 | 5 |" in page.read_text()
    assert not (store / "reports").exists()


def test_json_has_every_app_with_its_oldest_supervisor(store: Path) -> None:
    document = json.loads(bb8(store, "validate", "one", "two", "--json").stdout)
    assert [app["folder"] for app in document["apps"]] == ["one", "two"]
    assert document["apps"][0]["oldest_supervisor"] == "204"
    assert (document["verdict"], document["findings"][0]["path"]) == ("FAIL", "two/Dockerfile")


def test_a_baseline_lets_only_new_findings_fail(store: Path) -> None:
    assert bb8(store, "validate", ".", "--write-baseline", "base.json").returncode == 1
    assert bb8(store, "validate", ".", "--baseline", "base.json").returncode == 0
    (store / "one" / "Dockerfile").write_text("FROM a/b\nCOPY more /\n")
    (store / "two" / "Dockerfile").write_text("FROM a/b\n")
    done = bb8(store, "validate", ".", "--baseline", "base.json")
    assert done.returncode == 1
    assert "1 entries of the baseline are fixed" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("validate", ".", "--sarif", "."),
        ("validate", "one", "--sarif", "one"),
        ("validate", ".", "--ignore", "NO_SUCH_RULE"),
        ("validate", ".", "--baseline", "none.json"),
        ("validate", "nothing*"),
        ("rules", "nowhere"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(store: Path, words: tuple[str, ...]) -> None:
    done = bb8(store, *words)
    assert done.returncode == 2, done.stdout
    assert "INTERNAL" not in done.stderr
    assert "remedy:" in done.stderr


def test_an_ignored_error_passes_but_leaves_no_token(store: Path) -> None:
    done = bb8(store, "validate", "two", "--ignore", "COPY_SOURCE_MISSING", "--no-tests")
    assert done.returncode == 0, done.stderr
    assert "TOKEN: STRUCTURE_OK" not in done.stdout
    assert 'SKIPPED: STRUCTURE_OK reason="ignored: COPY_SOURCE_MISSING"' in done.stdout
    assert (store / "reports").is_dir()


def test_fail_on_decides_what_fails(store: Path) -> None:
    (store / "one" / "config.yaml").write_text(CONFIG.format(slug="one") + "nonsense: 1\n")
    assert bb8(store, "validate", "one", "three").returncode == 0
    assert bb8(store, "validate", "one", "three", "--fail-on", "warning").returncode == 1
    (store / "bb8deploy.toml").write_text('[validate]\nfail-on = "warning"\n')
    assert bb8(store, "validate", "one", "three").returncode == 1
    assert bb8(store, "validate", ".", "--fail-on", "never").returncode == 0


def test_migrate_shows_a_diff_and_writes_only_when_asked(store: Path) -> None:
    (store / "one" / "build.yaml").write_text("build_from: x/y:1\n")
    (store / "one" / "Dockerfile").write_text("ARG BUILD_FROM\nFROM $BUILD_FROM\n")
    done = bb8(store, "migrate", ".")
    assert done.returncode == 0
    assert "+ARG BUILD_FROM=x/y:1" in done.stdout
    assert (store / "one" / "build.yaml").exists()
    assert bb8(store, "migrate", ".", "--write").returncode == 0
    assert not (store / "one" / "build.yaml").exists()
    assert "3 apps: 0 would change" in bb8(store, "migrate", ".").stdout


def test_rules_are_listed(store: Path) -> None:
    text = bb8(store, "rules").stdout
    assert text.startswith("CODE")
    assert "INIT_NOT_OFF" in text
    listed = json.loads(bb8(store, "rules", "--json").stdout)["rules"]
    assert {"code", "level", "fixable", "since", "source"} <= listed[0].keys()
