"""Every way that a command can end: the exit code, the message, the document, the receipt."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from bb8deploy.base.errors import CheckFailed, Locked, NotVerified, Unreachable, UsageError
from bb8deploy.base.findings import Finding, Level
from bb8deploy.cli.open_run import Modes, _instance, open_run, plain_errors
from bb8deploy.cli.ship.release import _completed
from bb8deploy.console.terminal_capabilities import ReaderGone
from bb8deploy.runs.journal import PUT_BACK
from bb8deploy.runs.tokens import DEPLOY, Token

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def workspace(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A workspace to stand in, with a secret in its settings."""
    (tmp_path / "pyproject.toml").write_text("[tool.bb8deploy]\n")
    (tmp_path / ".env").write_text("HA_LLAT=sesame\n")
    (tmp_path / "addon").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BB8DEPLOY_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("BB8DEPLOY_DEBUG", "GITHUB_ACTIONS", "HA_LLAT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def ends_with(problem: BaseException, *, as_json: bool = False) -> int:
    """The exit code of a deploy in which `problem` turns up after its first token."""
    try:
        with open_run("deploy", Modes(as_json=as_json), lane="deploy") as opened:
            opened.run.ledger.emit(Token.SSH_HA_OK)
            raise problem
    except typer.Exit as stop:
        return stop.exit_code


def receipt(workspace: Path) -> list[str]:
    """The deploy receipt without run ids."""
    text = (workspace / "reports" / DEPLOY).read_text()
    return [re.sub(r" run=\S+", "", line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("kind", "code"), [(CheckFailed, 1), (UsageError, 2), (Unreachable, 3), (NotVerified, 4), (Locked, 5)]
)
def test_an_error_ends_with_its_exit_code_its_words_and_a_drift_line(
    workspace: Path, capsys: pytest.CaptureFixture[str], kind: Any, code: int
) -> None:
    assert ends_with(kind("SOME_CODE", "it broke", "Fix it.", details=["a log line"])) == code
    assert receipt(workspace) == ["TOKEN: SSH_HA_OK", 'DRIFT: SOME_CODE detail="it broke"']
    out, err = capsys.readouterr()
    assert err == "error SOME_CODE: it broke\n    a log line\n  remedy: Fix it.\n"
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["TOKEN:", "SSH_HA_OK"],
        ["DRIFT:", "SOME_CODE"],
    ]


@pytest.mark.parametrize("ports", ["", "drop"])
def test_an_empty_name_of_an_instance_is_refused_and_does_not_reach_the_app(ports: str) -> None:
    with pytest.raises(UsageError, match="cannot name an instance"):
        _instance(Modes(as_name="", ports=ports))
    assert _instance(Modes()) is None


def test_a_drift_that_the_lane_has_written_is_not_written_twice(workspace: Path) -> None:
    with suppress(typer.Exit), open_run("deploy", Modes(), lane="deploy") as opened:
        opened.run.ledger.drift("deploy", "SOME_CODE", "what the lane saw")
        raise CheckFailed("SOME_CODE", "it broke", "Fix it.")
    assert receipt(workspace) == ['DRIFT: SOME_CODE detail="what the lane saw"']


def test_ctrl_c_ends_with_130_and_keeps_what_was_observed(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(KeyboardInterrupt()) == 130
    assert receipt(workspace)[0] == "TOKEN: SSH_HA_OK"
    assert "error INTERRUPTED:" in capsys.readouterr().err


def test_an_interrupted_release_names_the_command_that_continues(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(typer.Exit), open_run("release", Modes()) as opened:
        opened.run.command = "release patch"
        opened.run.journal.write("release", "started")
        raise KeyboardInterrupt
    assert "  remedy: `bb8deploy release --resume` continues" in capsys.readouterr().err


def test_a_rollback_that_was_cut_off_is_completed_by_the_same_command(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(typer.Exit), open_run("rollback", Modes()) as opened:
        raise KeyboardInterrupt
    assert "Run the same command again." in capsys.readouterr().err
    with suppress(typer.Exit), open_run("rollback", Modes()) as opened:
        with opened.run.step(PUT_BACK):
            pass
        raise KeyboardInterrupt
    shown = capsys.readouterr().err
    assert "The earlier files are in place, but not verified." in shown
    assert "Run the same command again: it completes this rollback" in " ".join(shown.split())


def test_an_interrupted_deploy_names_the_target_that_goes_on(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".env.cabin").write_text("")
    with suppress(typer.Exit), open_run("deploy", Modes(), target="cabin", lane="deploy") as opened:
        opened.run.journal.write("deploy", "started")
        raise KeyboardInterrupt
    assert "  remedy: `bb8deploy deploy --target cabin --resume` continues" in capsys.readouterr().err


def test_findings_and_details_of_a_document_name_commands_with_their_target(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".env.cabin").write_text("")
    with suppress(typer.Exit), open_run("deploy", Modes(as_json=True), target="cabin") as opened:
        hint = "See `bb8deploy logs`."
        opened.run.findings.append(Finding("SOME_CODE", Level.ERROR, "it broke", hint=hint))
        raise CheckFailed("SOME_CODE", "it broke", "Fix it.", details=["`bb8deploy remove` continues"])
    document = json.loads(capsys.readouterr().out)
    assert document["findings"][0]["hint"] == "See `bb8deploy logs --target cabin`."
    assert document["error"]["details"] == ["`bb8deploy remove --target cabin` continues"]


def test_a_resumed_release_names_its_target_and_app_in_other_commands(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `release --resume` knows them by itself; `logs` would show another host's."""
    past = SimpleNamespace(target="cabin", apps=())
    app = workspace / "addon"
    complete = _completed("default", None, past, app, None)  # type: ignore[arg-type]
    assert complete("`bb8deploy logs`") == "`bb8deploy logs --target cabin`"
    assert complete("`bb8deploy release --resume`") == "`bb8deploy release --resume`"
    (workspace / "second").mkdir()
    monkeypatch.chdir(workspace / "second")
    for folder in ("one", "two"):
        (workspace / "second" / folder).mkdir()
        (workspace / "second" / folder / "config.yaml").write_text(f"name: x\nslug: {folder}\nversion: '1'\n")
    (workspace / "second" / "repository.yaml").write_text("name: store\n")
    complete = _completed("default", None, past, workspace / "second" / "two", None)  # type: ignore[arg-type]
    assert complete("`bb8deploy logs`") == "`bb8deploy logs --target cabin --addon two`"


def test_a_defect_of_ours_is_reported_in_words_and_kept_without_secrets(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ends_with(ZeroDivisionError("sesame")) == 1
    out, err = capsys.readouterr()
    assert "error INTERNAL: bb8deploy has a defect: ZeroDivisionError: ***\n" in err
    assert "Traceback" not in err
    assert "sesame" not in out + err + "".join(receipt(workspace))
    (crash,) = (workspace / "reports" / "runs").glob("*/crash.txt")
    assert str(crash) in err
    assert "Traceback" in crash.read_text()
    assert "sesame" not in crash.read_text()
    assert crash.stat().st_mode & 0o777 == 0o600


def test_a_broken_pipe_of_a_lane_is_never_taken_for_a_reader_who_left(workspace: Path) -> None:
    assert ends_with(BrokenPipeError(32, "Broken pipe")) == 1
    assert receipt(workspace)[-1].startswith("DRIFT: INTERNAL")
    assert ends_with(ReaderGone()) == 0


def test_the_debug_variable_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BB8DEPLOY_DEBUG", "1")
    ends_with(ZeroDivisionError("no"))
    assert "Traceback (most recent call last):" in capsys.readouterr().err


def test_with_json_stdout_is_the_document_alone_with_the_tokens_in_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with open_run("deploy", Modes(as_json=True), lane="deploy") as opened:
        opened.run.ledger.emit(Token.SSH_HA_OK, host="h")
        opened.run.ledger.skip(Token.VERIFY_OK, "no identity")
        opened.console.text("words")
        opened.result["said"] = "sesame"
    document = json.loads(capsys.readouterr().out)
    run = document["run_id"]
    assert document == {
        "run_id": run,
        "command": "deploy",
        "verdict": "PASS",
        "exit_code": 0,
        "tokens": [{"name": "SSH_HA_OK", "host": "h", "run": run}],
        "skipped": [{"name": "VERIFY_OK", "reason": "no identity", "run": run}],
        "drift": [],
        "findings": [],
        "result": {"said": "***"},
        "error": None,
    }


def test_with_json_a_failure_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_with(Locked("HOST_LOCKED", "mia is at work", "Wait."), as_json=True) == 5
    document = json.loads(capsys.readouterr().out)
    assert (document["verdict"], document["exit_code"]) == ("FAIL", 5)
    assert document["error"]["code"] == document["drift"][0]["code"] == "HOST_LOCKED"


def test_settings_that_cannot_be_read_leave_no_token_of_yesterday(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_run("deploy", Modes(), lane="deploy") as opened:
        opened.run.ledger.emit(Token.DEPLOY_OK)
    (workspace / ".env").write_text("MQTT_PORT=x\n")
    with pytest.raises(typer.Exit) as caught, open_run("deploy", Modes(as_json=True), lane="deploy"):
        pytest.fail("the run was opened")
    assert caught.value.exit_code == 2
    assert receipt(workspace) == []
    assert json.loads(capsys.readouterr().out.partition("\n")[2])["error"]["code"] == "SETTING_INVALID"


def test_a_dry_run_leaves_the_real_receipts_alone(workspace: Path) -> None:
    with open_run("deploy", Modes(), lane="deploy") as opened:
        opened.run.ledger.emit(Token.DEPLOY_OK)
    with open_run("deploy", Modes(dry_run=True), lane="deploy") as opened:
        assert opened.run.reports == workspace / "reports" / "dry-run"
        opened.run.journal.write("plan", "done")
    assert receipt(workspace) == ["TOKEN: DEPLOY_OK"]


def test_a_reports_folder_that_takes_no_files_is_one_error(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / "reports").touch()
    with pytest.raises(typer.Exit) as caught, open_run("deploy", Modes(), lane="deploy"):
        pytest.fail("the run was opened")
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err.count("error REPORTS_UNWRITABLE") == 1


def test_a_reports_folder_lost_on_the_way_is_one_error(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(typer.Exit), open_run("deploy", Modes(), lane="deploy") as opened:
        (workspace / "reports").rename(workspace / "old")
        (workspace / "reports").touch()
        opened.run.ledger.emit(Token.DEPLOY_OK)
    out, err = capsys.readouterr()
    assert err.count("error REPORTS_UNWRITABLE") == 1
    assert "TOKEN" not in out


def test_a_reports_folder_that_is_made_here_is_unknown_to_git(workspace: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    with open_run("deploy", Modes(), lane="deploy") as opened:
        opened.run.ledger.emit(Token.DEPLOY_OK)
    told = subprocess.run(["git", "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert "reports" not in told.stdout


def test_two_runs_side_by_side_keep_apart(workspace: Path) -> None:
    with open_run("sync", Modes()) as one, open_run("sync", Modes()) as two:
        assert one.run.id != two.run.id
        one.run.journal.write("copy", "done")
        two.run.journal.write("build", "done")
    assert len(list((workspace / "reports" / "runs").iterdir())) == 2


def test_outside_of_any_workspace_the_message_reports_how_to_start(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))
    with pytest.raises(typer.Exit) as caught, open_run("deploy", Modes(), lane="deploy"):
        pytest.fail("the run was opened")
    assert caught.value.exit_code == 2
    told = capsys.readouterr().err
    assert "error WORKSPACE_NOT_FOUND" in told
    assert "`bb8deploy new NAME`" in told


def test_unknown_settings_are_named_once_with_the_nearest_known_one(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".env").write_text("HA_LLATT=x\nHA_WHATEVER_THIS_IS=1\n")
    with open_run("deploy", Modes(quiet=True)):
        pass
    assert capsys.readouterr().err == (
        "warning: .env: unknown setting HA_LLATT; did you mean HA_LLAT?\n"
        "warning: .env: unknown setting HA_WHATEVER_THIS_IS\n"
    )


@pytest.mark.parametrize(
    ("problem", "code", "words"),
    [
        (UsageError("CODE_UNKNOWN", "no page", "Look."), 2, "error CODE_UNKNOWN: no page"),
        (KeyboardInterrupt(), 130, "error INTERRUPTED: the command was interrupted\n  remedy: Run the same"),
        (RuntimeError("odd"), 1, "error INTERNAL: bb8deploy has a defect: RuntimeError: odd"),
        (
            ZeroDivisionError("odd"),
            1,
            "remedy: Report it, and attach the crash.txt that the message names.",
        ),
        (BrokenPipeError(32, "Broken pipe"), 1, "error INTERNAL"),
        (ReaderGone(), 0, ""),
    ],
)
def test_commands_without_a_run_end_in_the_same_ways(
    capsys: pytest.CaptureFixture[str], problem: BaseException, code: int, words: str
) -> None:
    with pytest.raises(typer.Exit) as caught, plain_errors(Modes()):
        raise problem
    assert caught.value.exit_code == code
    err = capsys.readouterr().err
    assert (words in err, "Traceback" in err) == (True, False)


WAITING = """
import signal, sys
from bb8deploy.cli.open_run import Modes, open_run
import typer
app = typer.Typer(pretty_exceptions_enable=False)
@app.command()
def main() -> None:
    with open_run("deploy", Modes(), lane="deploy") as opened, opened.run.step({step!r}):
        print("waiting", flush=True)
        signal.pause()
app()
"""


@pytest.mark.parametrize(
    ("step", "remedy"),
    [
        ("wait", "Run the same command again."),
        ("deploy", "`bb8deploy deploy --resume` continues where it stopped."),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_gets_a_stop_signal_unwinds_and_ends_with_130(
    workspace: Path, number: signal.Signals, step: str, remedy: str
) -> None:
    argv = [sys.executable, "-c", WAITING.format(step=step)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert "error INTERRUPTED: the run was interrupted" in err
    assert f"  remedy: {remedy}" in err
    assert "Traceback" not in err
    (journal,) = (workspace / "reports" / "runs").glob("*/journal.jsonl")
    assert [json.loads(line)["state"] for line in journal.read_text().splitlines()] == ["started", "failed"]


def test_a_run_that_was_started_with_nohup_outlives_its_terminal() -> None:
    program = WAITING.format(step="wait").replace("signal.pause()", "sys.stdin.readline()")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    argv = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", program]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate("go on\n", timeout=100)
    assert (process.returncode, "INTERRUPTED" in err) == (0, False), err


def test_a_closed_terminal_that_hangs_up_twice_does_not_stop_the_unwinding(workspace: Path) -> None:
    """The shell and the system each send SIGHUP."""
    twice = ("try:", "    signal.pause()", "finally:", "    signal.raise_signal(signal.SIGHUP)")
    program = WAITING.format(step="wait").replace("signal.pause()", "\n        ".join(twice))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    argv = [sys.executable, "-c", program]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(argv, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGHUP)
        _, err = process.communicate(timeout=100)
    assert process.returncode == 130
    assert err.count("error INTERRUPTED") == 1
    assert list((workspace / "reports" / "runs").glob("*/crash.txt")) == []


def test_an_error_names_commands_with_the_target_and_options_of_the_run(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".env.cabin").write_text("")
    error = CheckFailed("HOST_DIFFERS", "it differs", "Run `bb8deploy deploy`, which sends it first.")
    for as_json in (False, True):
        modes = Modes(as_json=as_json, via="mount")
        with suppress(typer.Exit), open_run("verify", modes, target="cabin", lane="verify"):
            raise error
    out, err = capsys.readouterr()
    remedy = "Run `bb8deploy deploy --target cabin --via mount`, which sends it first."
    assert err.count(f"  remedy: {remedy}\n") == 2
    assert json.loads(out[out.index("{") :])["error"]["remedy"] == remedy


def test_a_deploy_to_several_targets_leaves_no_token_of_an_earlier_deploy(workspace: Path) -> None:
    """The documented grep over reports/*.txt must not find yesterday's VERIFY_OK."""
    with open_run("deploy", Modes(), lane="deploy") as opened:
        opened.run.ledger.emit(Token.VERIFY_OK)
    for name in ("cabin", "attic"):
        (workspace / f".env.{name}").write_text("")
    argv = [sys.executable, "-m", "bb8deploy", "deploy", "--target", "cabin", "--target", "attic"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode in {1, 2}, done.stderr
    assert "VERIFY_OK" not in "".join(p.read_text() for p in (workspace / "reports").glob("*.txt"))
