"""A run: its id, its journaled steps, and contracts without secrets."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from tests.unit.lanes.silent import Silent

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.secret import Secret
from bb8deploy.runs.contracts.base import Contract
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run, defect, new_run_id
from bb8deploy.runs.tokens import Ledger, Token
from bb8deploy.settings.load_settings import load


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run in a repository without any commit."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    reports = tmp_path / "reports"
    return Run(
        id="r1",
        command="deploy",
        workspace=tmp_path,
        addon=tmp_path / "addon",
        settings=load(tmp_path, environ={"HA_LLAT": "sesame"}),
        reports=reports,
        ledger=Ledger("r1", reports),
        journal=Journal(reports / "runs" / "r1" / "journal.jsonl"),
        progress=Silent(),
    )


def test_run_ids_sort_by_time_and_differ_within_a_second() -> None:
    made = [new_run_id() for _ in range(200)]
    assert len(set(made)) == 200
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", one) for one in made)
    assert made[0][:16] <= made[-1][:16]


def test_a_step_that_ends_is_done_with_the_facts_that_it_left(run: Run) -> None:
    with run.step("copy", "host") as facts:
        facts.update(files=3, said="the token is sesame")
    assert [(e.step, e.state, e.facts) for e in run.journal.entries()] == [
        ("copy", "started", {}),
        ("copy", "done", {"files": 3, "said": "the token is ***"}),
    ]


@pytest.mark.parametrize("error", [ValueError("sesame is wrong"), KeyboardInterrupt()])
def test_a_step_that_breaks_is_failed_and_never_done(run: Run, error: BaseException) -> None:
    with pytest.raises(type(error)), run.step("copy"):
        raise error
    assert [e.state for e in run.journal.entries()] == ["started", "failed"]
    assert "sesame" not in run.journal.path.read_text()


def test_a_contract_names_its_run_and_what_the_run_holds(run: Run) -> None:
    run.ledger.emit(Token.STRUCTURE_OK)
    run.ledger.skip(Token.TESTS_OK, "--no-tests")
    run.findings.append(Finding("CODE", Level.WARNING, "sesame stands here", path="a.yaml", line=3, column=9))
    path = run.write_contract(
        Contract(contract="x_contract_v1", **run.contract_fields(version="1.0", passed=True))
    )
    assert path == run.folder / "x_contract_v1.json"
    told = json.loads(path.read_text())
    assert (told["run_id"], told["tokens"], told["version"]) == ("r1", ["STRUCTURE_OK"], "1.0")
    assert told["findings"] == [
        {
            "code": "CODE",
            "level": "warning",
            "path": "a.yaml",
            "line": 3,
            "message": "*** stands here",
            "hint": "",
        }
    ]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_contract_with_a_file_name_that_is_not_utf_8_is_written_and_is_json(run: Run) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    run.findings.append(Finding("CODE", Level.WARNING, "it lies there", path=name))
    path = run.write_contract(
        Contract(contract="x_contract_v1", **run.contract_fields(version="1.0", passed=True))
    )
    assert json.loads(path.read_text(encoding="utf-8"))["findings"][0]["path"] == name


def test_latest_json_points_at_the_newest_run(run: Run) -> None:
    run.point_latest()
    told = json.loads((run.reports / "latest.json").read_text())
    assert (told["run_id"], told["command"], told["target"]) == ("r1", "deploy", "default")


def test_secrets_besides_those_of_the_settings_are_in_no_file(run: Run, tmp_path: Path) -> None:
    run.hidden = (Secret("correct-horse"),)
    with run.step("copy") as facts:
        facts.update(said="correct-horse")
    with pytest.raises(ValueError, match="correct-horse"), run.step("send"):
        raise ValueError("correct-horse")
    run.write_contract(
        Contract(**run.contract_fields(version="correct-horse", passed=False), contract="c_v1")
    )
    defect(ValueError("correct-horse"), run)
    files = [path for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"journal.jsonl", "crash.txt", "latest.json", "c_v1.json"}
    assert not [path.name for path in files if "correct-horse" in path.read_text()]
    assert run.clean("sesame correct-horse") == "*** ***"


def test_a_defect_without_a_run_leaves_its_traceback_in_the_cache_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BB8DEPLOY_CACHE", str(tmp_path))
    error = defect(ZeroDivisionError("sesame went by zero"), None, [Secret("sesame")])
    (crash,) = tmp_path.glob("crashes/*/crash.txt")
    assert f"full traceback: {crash}" in error.details
    assert "ZeroDivisionError: *** went by zero" in crash.read_text()
    assert crash.stat().st_mode & 0o777 == 0o600
    assert error.remedy == "Report it, and attach the crash.txt that the message names."


def test_a_defect_whose_traceback_cannot_be_kept_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BB8DEPLOY_CACHE", str(tmp_path / "file"))
    assert "BB8DEPLOY_DEBUG=1" in defect(ZeroDivisionError("no"), None).remedy
