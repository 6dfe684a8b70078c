"""Whatever is in the folder: findings, soon, and no output that could command a terminal or a workflow."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.unit.checks.mutants import write

from bb8deploy.checks.check_one_app import judge
from bb8deploy.checks.fix.safe_fixes import plan_fixes
from bb8deploy.checks.output.markdown_summary import FindingRow, markdown
from bb8deploy.checks.output.sarif import sarif
from bb8deploy.checks.output.text_and_github import github, people

MUTANTS = int(os.environ.get("BB8DEPLOY_MUTANTS", "150"))
FIRST = int(os.environ.get("BB8DEPLOY_MUTANT", "0"))
CPU_LIMIT = 2.0  # seconds for one app


def problem(root: Path) -> str:
    """What is wrong with how the app in `root` was checked, "" for nothing."""
    started = time.process_time()
    judged = judge(root, workspace=None)
    list(plan_fixes(root))
    if time.process_time() - started > CPU_LIMIT:
        return "it took too long"
    findings = judged.kept.findings
    broken = [one.message for one in findings if one.code == "RULE_FAILED"]
    if broken:
        return broken[0]
    lines = [line for line, _style in people(findings, root)]
    lines += list(github(findings))
    lines += markdown(
        [FindingRow("a", judged.report.version, judged.report.rating, judged.oldest, findings)]
    ).split("\n")
    json.dumps(sarif(findings, "1")).encode("utf-8")
    unsafe = [line for line in lines if not line.replace("\u200b", "").isprintable()]
    commands = [line for line in lines[: len(lines)] if "##[" in line]
    told = [line for line, _style in people(findings, root) if line.lstrip().startswith("::")]
    return repr((unsafe + commands + told)[0]) if unsafe or commands or told else ""


@pytest.mark.timeout(3600)
def test_no_damage_ends_the_run_or_reaches_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name, **_where: None)
    wrong = {}
    for seed in range(FIRST, FIRST + MUTANTS):
        root = tmp_path / "app"
        root.mkdir()
        write(root, seed)
        try:
            why = problem(root)
        except Exception as error:  # noqa: BLE001 - the point of the test
            why = f"{type(error).__name__}: {error}"
        if why:
            wrong[seed] = why
        shutil.rmtree(root)
    assert wrong == {}


def _hostile(kind: str) -> dict[str, str]:
    base = 'name: A\nversion: "1"\nslug: a\ndescription: x\narch: [amd64]\ninit: false\n'
    files = {"config.yaml": base, "Dockerfile": "FROM a/b\n"}
    files |= {
        "keys": {"config.yaml": base + "".join(f"k{n}: 1\n" for n in range(20_000))},
        "words": {"Dockerfile": "FROM a/b\nRUN " + "apk " * 150_000},
        "newlines": {"Dockerfile": "FROM a/b\nRUN <<E\n" + "\n" * 500_000 + "E\n"},
        "mounts": {"Dockerfile": "FROM a/b\nRUN " + "--mount=" * 100_000},
        "stages": {"Dockerfile": "".join(f"FROM s{n - 1} AS s{n}\nCOPY . /\n" for n in range(1, 5_000))},
        "quotes": {"Dockerfile": "FROM a/b\nCOPY " + "\"'" * 200_000 + " /\n"},
        "braces": {"Dockerfile": "FROM " + "${A:-" * 20_000 + "\n"},
        "tokens": {"x.txt": "eyJaaaaaaaaa-" * 60_000},
        "keys_pem": {"x.txt": "-----BEGIN " * 80_000},
        "services": {f"rootfs/etc/s6-overlay/s6-rc.d/s{n}/run": "" for n in range(3_000)},
        "options": {"config.yaml": base + "schema:\n" + "".join(f"  o{n}: str\n" for n in range(15_000))},
        "comments": {"run.sh": "#!/bin/sh\n" + "# bb8deploy: ignore[X]\n" * 20_000},
    }[kind]
    return files


KINDS = (
    "keys", "words", "newlines", "mounts", "stages", "quotes", "braces", "tokens", "keys_pem", "services",
    "options", "comments",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_made_to_keep_us_busy_does_not(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name, **_where: None)
    for name, text in _hostile(kind).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    started = time.process_time()
    judged = judge(tmp_path, workspace=None)
    assert time.process_time() - started < 2 * CPU_LIMIT
    assert "RULE_FAILED" not in {one.code for one in judged.kept.findings}
