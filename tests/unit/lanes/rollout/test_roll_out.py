"""Several targets at once: each ends in a row of its own, and Ctrl-C ends them all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.lanes.silent import Silent

from bb8deploy.base.errors import CheckFailed, Interrupted, UsageError
from bb8deploy.lanes.deploy.deploy import DeployOptions
from bb8deploy.lanes.rollout import roll_out
from bb8deploy.lanes.rollout.roll_out import deploy_all, worst
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import DEPLOY, Ledger, Token
from bb8deploy.settings.load_settings import load

Lane = Callable[..., Any]
DONE = SimpleNamespace(
    synced=SimpleNamespace(version="1.0.0"), verified=SimpleNamespace(action="update"), preview=()
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """The run above two targets, a and b."""
    for name in ("a", "b"):
        (tmp_path / f".env.{name}").write_text("HA_LLAT=sesame\n")
    reports = tmp_path / "reports"
    return Run(
        id="r1",
        command="deploy",
        workspace=tmp_path,
        addon=tmp_path / "addon",
        settings=load(tmp_path, environ={}),
        reports=reports,
        ledger=Ledger("r1", reports),
        journal=Journal(reports / "runs" / "r1" / "journal.jsonl"),
        progress=Silent(),
    )


def lane(monkeypatch: pytest.MonkeyPatch, deploy: Lane) -> None:
    """Puts `deploy(run, options, *, opened)` in the place of lanes 2 and 3."""
    monkeypatch.setattr(roll_out, "deploy", deploy)


def receipt(run: Run, name: str) -> str:
    return (run.reports / "targets" / name / DEPLOY).read_text()


def test_a_defect_with_one_target_is_its_row_and_its_crash_file_and_the_other_ends(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploy(own: Run, options: DeployOptions, *, opened: Lane) -> Any:
        if own.settings.target == "a":
            raise UnicodeEncodeError("utf-8", "sesame", 0, 1, "surrogates not allowed")
        own.ledger.emit(Token.VERIFY_OK)
        return DONE

    lane(monkeypatch, deploy)
    rows = deploy_all(run, ["a", "b"], DeployOptions())
    assert [(row.name, row.result, row.exit_code, row.tokens) for row in rows] == [
        ("a", "INTERNAL", 1, ()),
        ("b", "done", 0, ("VERIFY_OK",)),
    ]
    assert worst(rows) == 1
    crash = run.reports / "targets/a/runs/r1-a/crash.txt"
    assert rows[0].error
    assert str(crash) in rows[0].error.details[-1]
    assert "Traceback" in crash.read_text()
    assert "sesame" not in crash.read_text() + receipt(run, "a")
    assert "DRIFT: INTERNAL" in receipt(run, "a")


def test_reports_that_take_no_files_are_the_row_of_their_target(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane(monkeypatch, lambda *_, **__: DONE)
    (run.reports / "targets").mkdir(parents=True)
    (run.reports / "targets/a").touch()
    rows = deploy_all(run, ["a", "b"], DeployOptions())
    assert [row.result for row in rows] == ["REPORTS_UNWRITABLE", "done"]


def test_of_targets_that_are_resumed_those_with_nothing_to_continue_are_deployed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[tuple[str, bool]] = set()

    def deploy(own: Run, options: DeployOptions, *, opened: Lane) -> Any:
        asked.add((own.settings.target, options.resume))
        if options.resume and own.settings.target == "b":
            raise UsageError("RESUME_NOTHING", "it reached its end", "Leave it out.")
        return DONE

    lane(monkeypatch, deploy)
    rows = deploy_all(run, ["a", "b"], DeployOptions(resume=True))
    assert [row.result for row in rows] == ["done", "done"]
    assert asked == {("a", True), ("b", True), ("b", False)}


def test_another_error_of_a_resumed_target_stays_its_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def deploy(*_: object, **__: object) -> Any:
        raise CheckFailed("IT_BROKE", "it broke", "Fix it.")

    lane(monkeypatch, deploy)
    assert [row.result for row in deploy_all(run, ["a"], DeployOptions(resume=True))] == ["IT_BROKE"]


@pytest.mark.parametrize("then", ["step", "emit"])
def test_after_ctrl_c_connections_end_no_step_begins_and_no_token_is_reported(
    run: Run, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """The first target's work is where Ctrl-C turns up, as it does in the thread that waits for the rows."""
    broken_off, at_work = threading.Event(), threading.Event()
    told: list[str] = []
    run.ledger.listener = lambda line: told.append(line.name)

    def deploy(own: Run, options: DeployOptions, *, opened: Lane) -> Any:
        if own.settings.target == "a":
            assert at_work.wait(60)
            raise KeyboardInterrupt
        opened(SimpleNamespace(break_off=broken_off.set))
        own.ledger.emit(Token.DEPLOY_OK)
        at_work.set()
        assert broken_off.wait(60)
        if then == "step":
            with own.step("wait"):
                told.append("a step")
        own.ledger.emit(Token.VERIFY_OK)
        return DONE

    lane(monkeypatch, deploy)
    with pytest.raises(Interrupted) as caught:
        deploy_all(run, ["a", "b"], DeployOptions())
    assert "`bb8deploy deploy --target a --target b --resume`" in caught.value.remedy
    assert told == ["DEPLOY_OK", "INTERRUPTED"]
    assert "TOKEN: DEPLOY_OK" in receipt(run, "b")
    assert "VERIFY_OK" not in receipt(run, "b")
