"""Several targets at once: each ends in a row of its own, and Ctrl-C ends them all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.integration.deploylab import config
from tests.unit.lanes.silent import Silent

from bb8deploy.base.errors import CheckFailed, Interrupted, UsageError
from bb8deploy.lanes.deploy.deploy import DeployOptions
from bb8deploy.lanes.rollout import host_commands
from bb8deploy.lanes.rollout import roll_out as rollouts
from bb8deploy.lanes.rollout.host_commands import DeployHost
from bb8deploy.lanes.rollout.host_result import TargetResult, worst
from bb8deploy.lanes.rollout.one_copy import one_copy
from bb8deploy.lanes.rollout.roll_out import Rollout, RolloutRequest, roll_out
from bb8deploy.lanes.rollout.rollout_summary import summarize
from bb8deploy.lanes.sync.plan_from_workspace import wanted_by
from bb8deploy.plan.waves import Pace
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import DEPLOY, Ledger, Token
from bb8deploy.settings.load_settings import load
from bb8deploy.workspace import git
from bb8deploy.workspace.git import Head

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
    monkeypatch.setattr(host_commands, "deploy", deploy)


def deploy_all(run: Run, names: list[str], options: DeployOptions) -> tuple[TargetResult, ...]:
    return rolled_out(run, names, options).rows


def rolled_out(
    run: Run, names: list[str], options: DeployOptions | None = None, pace: Pace | None = None
) -> Rollout:
    """A rollout to the targets as they are named."""
    options = options or DeployOptions()
    request = RolloutRequest(tuple(names), tuple(names), pace or Pace(), resume=options.resume)
    return roll_out(run, request, DeployHost(options, "tree"))


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
    rollout = rolled_out(run, ["a", "b"])
    assert isinstance(rollout.interrupted, Interrupted)
    assert rollout.exit_code == 130
    assert "`bb8deploy deploy --target a --target b --resume`" in rollout.interrupted.remedy
    assert told == ["DEPLOY_OK", "INTERRUPTED"]
    assert "TOKEN: DEPLOY_OK" in receipt(run, "b")
    assert "VERIFY_OK" not in receipt(run, "b")


def failing(*names: str) -> Lane:
    """A deploy that fails on these hosts and verifies the others."""

    def deploy(own: Run, options: DeployOptions, *, opened: Lane) -> Any:
        if own.settings.target in names:
            raise CheckFailed("IT_BROKE", "it broke at sesame", "Fix it.")
        own.ledger.emit(Token.VERIFY_OK, proof="stamp" if own.settings.target == "b" else "sealed")
        return DONE

    return deploy


def again(run: Run, number: str) -> Run:
    """A later run in the same workspace."""
    journal = Journal(run.reports / "runs" / number / "journal.jsonl")
    return replace(run, id=number, ledger=Ledger(number, run.reports), journal=journal)


def results(rollout: Rollout) -> list[str]:
    return [row.in_words for row in rollout.rows]


def summary(run: Run, names: list[str], rollout: Rollout) -> Any:
    summarize(run, RolloutRequest(tuple(names), tuple(names)), rollout)
    return json.loads((run.folder / "rollout_contract_v1.json").read_text())


def test_a_canary_that_fails_leaves_the_others_not_started(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lane(monkeypatch, failing("a"))
    rollout = rolled_out(run, ["a", "b"], pace=Pace(canary=1, max_failures=9))
    assert results(rollout) == ["IT_BROKE", "not started"]
    assert (rollout.stopped, rollout.waiting, rollout.exit_code) == ("the canary a failed", ("b",), 1)
    assert not (run.reports / "targets/b").exists()
    written = summary(run, ["a", "b"], rollout)
    assert (written["verdict"], written["stopped"]) == ("FAIL", "the canary a failed")
    assert [(host["target"], host["result"], host["wave"]) for host in written["hosts"]] == [
        ("a", "IT_BROKE", 1),
        ("b", "not started", 0),
    ]
    assert "sesame" not in json.dumps(written)
    assert run.ledger.held() == []


def test_every_host_verified_by_this_run_earns_the_token_of_all(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane(monkeypatch, failing())
    rollout = rolled_out(run, ["a", "b"], pace=Pace(wave=1))
    assert summary(run, ["a", "b"], rollout)["tokens"] == ["ALL_HOSTS_OK"]
    assert (
        "TOKEN: ALL_HOSTS_OK hosts=2 version=1.0.0 tree=tree proof=stamp run=r1"
        in (run.reports / DEPLOY).read_text()
    )


def test_hosts_that_run_but_are_not_proven_earn_no_token_of_all(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane(monkeypatch, lambda *_, **__: DONE)
    rollout = rolled_out(run, ["a", "b"])
    summary(run, ["a", "b"], rollout)
    assert rollout.exit_code == 0
    (line,) = run.ledger.texts(DEPLOY)
    assert line.startswith('SKIPPED: ALL_HOSTS_OK reason="2 of 2 hosts not verified by this run: a (done)')


def test_a_resume_leaves_out_what_is_done_and_claims_nothing_for_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane(monkeypatch, failing("b"))
    assert results(rolled_out(run, ["a", "b"], pace=Pace(wave=1))) == ["done", "IT_BROKE"]
    for number in ("r2", "r3"):
        later = again(run, number)
        rollout = rolled_out(later, ["a", "b"], DeployOptions(resume=True))
        assert results(rollout) == ["done earlier", "IT_BROKE"]
        assert (rollout.rows[0].earlier, rollout.rows[0].tokens) == ("r1", ())
    lane(monkeypatch, failing())
    last = again(run, "r4")
    rollout = rolled_out(last, ["a", "b"], DeployOptions(resume=True))
    assert results(rollout) == ["done earlier", "done"]
    summary(last, ["a", "b"], rollout)
    assert last.ledger.held() == []
    assert results(rolled_out(again(run, "r5"), ["a", "b"], DeployOptions(resume=True))) == ["done", "done"]


def test_a_resume_with_other_content_begins_every_host_again(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane(monkeypatch, failing("b"))
    rolled_out(run, ["a", "b"])
    request = RolloutRequest(("a", "b"), ("a", "b"), resume=True)
    rollout = roll_out(again(run, "r2"), request, DeployHost(DeployOptions(), "another tree"))
    assert results(rollout) == ["done", "IT_BROKE"]


def test_the_workspace_s_commit_is_read_once_for_all_hosts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def deploy(own: Run, options: DeployOptions, *, opened: Lane) -> Any:
        seen.append(own.contract_fields(version="1.0.0", passed=True)["head_commit"])
        return DONE

    def once(_folder: Path) -> Head:
        monkeypatch.setattr(git, "head_state", lambda _folder: pytest.fail("read again"))
        return Head("c0ffee", dirty=False)

    lane(monkeypatch, deploy)
    monkeypatch.setattr(rollouts, "head_state", once)
    assert results(rolled_out(run, ["a", "b"])) == ["done", "done"]
    assert seen == ["c0ffee", "c0ffee"]


def test_ctrl_c_in_the_pause_starts_no_other_host(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_seconds: float) -> None:
        raise KeyboardInterrupt

    lane(monkeypatch, failing())
    # Not `time.sleep` itself: a git call that is waited for would be interrupted too.
    monkeypatch.setattr(rollouts, "time", SimpleNamespace(sleep=pressed, monotonic=time.monotonic))
    rollout = rolled_out(run, ["a", "b"], pace=Pace(wave=1, pause=60))
    assert results(rollout) == ["done", "not started"]
    assert rollout.interrupted
    assert results(rolled_out(again(run, "r2"), ["a", "b"], DeployOptions(resume=True))) == [
        "done earlier",
        "done",
    ]


def test_a_dry_run_plans_every_host_and_records_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = SimpleNamespace(synced=DONE.synced, verified=None, preview=("would install",))
    lane(monkeypatch, lambda *_, **__: planned)
    dry = replace(run, dry_run=True)
    rollout = rolled_out(dry, ["a", "b"], pace=Pace(wave=1, pause=60))
    assert results(rollout) == ["planned", "planned"]
    summarize(dry, RolloutRequest(("a", "b"), ("a", "b")), rollout)
    assert not (run.reports / "runs").exists()


def test_all_hosts_get_the_app_as_it_was_when_the_rollout_began(run: Run) -> None:
    run.addon.mkdir()
    (run.addon / "config.yaml").write_text(config("1.0.0"))
    (run.addon / "run.sh").write_text("#!/bin/sh\n")
    (run.addon / "run.sh").chmod(0o755)
    (run.addon / "link").symlink_to("run.sh")
    with one_copy(run) as read:
        (run.addon / "run.sh").write_text("edited\n")
        assert (read.source / "run.sh").read_text() == "#!/bin/sh\n"
        first, second = (wanted_by(again(run, name), read) for name in ("r2", "r3"))
    assert [entry.path for entry in first.manifest.entries] == ["config.yaml", "link", "run.sh"]
    assert [entry.executable for entry in first.manifest.entries] == [False, False, True]
    assert first.manifest.digest == second.manifest.digest
    assert (first.stamp.run, second.stamp.run) == ("r2", "r3")
    assert not read.source.exists()
