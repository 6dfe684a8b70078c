"""Whatever is in the folder: findings, soon, and no output that could command a terminal or a workflow."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest
from tests.unit.checks.mutants import write

from bb8deploy.checks.fix.fixes import plan_fixes
from bb8deploy.checks.judge import judge
from bb8deploy.checks.output.formats import github, people
from bb8deploy.checks.output.markdown import Row, markdown
from bb8deploy.checks.output.sarif import sarif

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
    lines += markdown([Row("a", judged.report.version, judged.report.rating, judged.oldest, findings)]).split(
        "\n"
    )
    json.dumps(sarif(findings, "1")).encode("utf-8")
    unsafe = [line for line in lines if not line.replace("\u200b", "").isprintable()]
    commands = [line for line in lines[: len(lines)] if "##[" in line]
    told = [line for line, _style in people(findings, root) if line.lstrip().startswith("::")]
    return repr((unsafe + commands + told)[0]) if unsafe or commands or told else ""


@pytest.mark.timeout(3600)
def test_no_damage_ends_the_run_or_reaches_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
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
