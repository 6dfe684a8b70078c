"""Opens a run for a command, and turns each way that it can end into an exit code."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import typer

from bb8deploy.base.errors import Bb8Error, Interrupted
from bb8deploy.base.findings import Finding
from bb8deploy.base.os_differences import handling, stop_signals
from bb8deploy.base.secret import Secret
from bb8deploy.catalogue.errors.settings import INSTANCE_INVALID
from bb8deploy.cli.suggested_commands import carrier, given, options_of
from bb8deploy.console.console import Console, as_dict
from bb8deploy.console.terminal_capabilities import ReaderGone
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.report_files import save
from bb8deploy.runs.run import Run, after_cut, defect, interrupted, new_run_id, resume_command
from bb8deploy.runs.tokens import LANE_RECEIPTS, Ledger
from bb8deploy.settings.app_instance import Instance
from bb8deploy.settings.instance_settings import for_instance
from bb8deploy.settings.load_settings import target_names
from bb8deploy.settings.project_file import near_name
from bb8deploy.settings.settings_table import BB8_LOCK_WAIT, BB8_VERIFY, suggestion
from bb8deploy.settings.settings_type import Settings
from bb8deploy.settings.target_groups import ChosenTargets, choose_targets
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.project import Project, find_project, settings_of


@dataclass(frozen=True, slots=True)
class Modes:
    """The options that change how a command behaves; `own` are those that only this command has, by name."""

    as_json: bool = False
    quiet: bool = False
    dry_run: bool = False
    yes: bool = False
    via: str = "auto"
    lock_wait: float | None = None
    as_name: str | None = None
    ports: str = ""
    verify: str | None = None
    own: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Opened:
    """A run with its project and console; `result` becomes part of the JSON document."""

    run: Run
    project: Project
    console: Console
    result: dict[str, object]
    targets: ChosenTargets


@contextmanager
def open_run(
    command: str,
    modes: Modes,
    *,
    target: str | Sequence[str] = "default",
    addon: Path | None = None,
    lane: str = "",
) -> Iterator[Opened]:
    """Opens the run of a command. Every failure inside ends as one message and the right exit code.

    `target` is one target, or for a command for several hosts a list of targets and groups, of which the run
    has the first one's settings. `lane` names the lane whose receipts this run replaces; empty if it writes
    none.
    """
    asked = (target,) if isinstance(target, str) else tuple(target)
    console = _console(modes, asked, addon)
    opened: Opened | None = None
    with _stop_signals_as_interrupt():
        try:
            project = find_project(Path.cwd(), addon=addon)
            ledger = _ledger(project, modes, lane, console)
            chosen = ChosenTargets(asked, asked) if isinstance(target, str) else choose(project, asked)
            opened = _open(command, modes, chosen, project, ledger, console)
            yield opened
        except typer.Exit as stop:
            raise typer.Exit(_document(console, opened, None, stop.exit_code)) from None
        except ReaderGone:
            raise typer.Exit(0) from None
        except BaseException as problem:  # noqa: BLE001 - the last net: the user never gets a traceback
            _fail(console, opened, lane, problem)
        else:
            if lost := _document(console, opened, None, 0):
                raise typer.Exit(lost)


@contextmanager
def plain_errors(modes: Modes, *, target: str = "default", addon: Path | None = None) -> Iterator[Console]:
    """For commands without a run (config, schema, explain): the same messages and exit codes."""
    console = _console(modes, [target], addon)
    try:
        with _stop_signals_as_interrupt():
            yield console
    except typer.Exit:
        raise
    except ReaderGone:
        raise typer.Exit(0) from None
    except BaseException as problem:  # noqa: BLE001 - the last net: the user never gets a traceback
        raise typer.Exit(tell(problem, console)) from None


def _console(modes: Modes, targets: Sequence[str], addon: Path | None) -> Console:
    """The console of a command; its messages name commands with the options of this one."""
    _hush_libraries()
    options = options_of(targets, addon, modes.via, modes.as_name, modes.verify)
    carried = carrier([*options, *given({"--ports": modes.ports, **modes.own})])
    return Console(as_json=modes.as_json, quiet=modes.quiet or modes.as_json, complete=carried)


def tell(problem: BaseException, console: Console) -> int:
    """Prints a problem outside of a run, and returns the exit code."""
    error = _as_error(problem, None, console.hidden)
    console.error(error)
    if not console.as_json:
        return error.exit_code
    described = as_dict(error, console.complete)
    document = {"verdict": "FAIL", "exit_code": error.exit_code, "error": described}
    return _print_document(console, document, error.exit_code)


def _print_document(console: Console, document: object, exit_code: int) -> int:
    """Prints the JSON document; returns the exit code, which is not 0 if the document is lost."""
    try:
        console.document(document)
    except Bb8Error as lost:
        console.error(lost)
        return exit_code or lost.exit_code
    return exit_code


def load_settings(
    project: Project, target: str, console: Console, flags: Mapping[str, str] | None = None
) -> Settings:
    """The settings of a target; warns about unknown ones and suggests the nearest name."""
    settings = settings_of(project.root, project.addon, target=target, flags=flags)
    console.hidden.extend(settings.secrets())
    for name, origin in settings.unknown:
        near = near_name(name) if origin.endswith(".toml") else suggestion(name)
        console.warn(f"{origin}: unknown setting {name}" + (f"; did you mean {near}?" if near else ""))
    return settings


def _ledger(project: Project, modes: Modes, lane: str, console: Console) -> Ledger:
    """The run's ledger. The lane's receipts are emptied first, before anything can fail."""
    ledger = Ledger(new_run_id(), _reports(project, modes), listener=console.token)
    if lane and not modes.dry_run:
        ledger.begin(lane)
    return ledger


def choose(project: Project, asked: Sequence[str]) -> ChosenTargets:
    """The targets that the targets and groups in `asked` mean. Raises UsageError GROUP_INVALID."""
    return choose_targets(project.root, asked, target_names(project.root))


def _open(
    command: str, modes: Modes, chosen: ChosenTargets, project: Project, ledger: Ledger, console: Console
) -> Opened:
    run = Run(
        id=ledger.run_id,
        command=command,
        workspace=project.root,
        addon=project.addon,
        settings=_settings(project, chosen.names[0], console, modes),
        reports=ledger.reports,
        ledger=ledger,
        journal=Journal(ledger.reports / "runs" / ledger.run_id / "journal.jsonl"),
        progress=console,
        dry_run=modes.dry_run,
        assume_yes=modes.yes,
    )
    return Opened(run, project, console, {}, chosen)


def _settings(project: Project, target: str, console: Console, modes: Modes) -> Settings:
    settings = load_settings(project, target, console, _flags(modes))
    instance = _instance(modes)
    return for_instance(settings, instance, read_addon(project.addon).slug) if instance else settings


def _instance(modes: Modes) -> Instance | None:
    """What `--as` and `--ports` name. Raises UsageError INSTANCE_INVALID."""
    name = modes.as_name
    if modes.ports and name is None:
        raise INSTANCE_INVALID("`--ports` needs `--as`", "Name the instance too, as in `--as beta`.")
    # An empty name is refused, never dropped: in a script, a variable that is not set would reach the app.
    return None if name is None else Instance.parse(name, modes.ports)


def _flags(modes: Modes) -> dict[str, str]:
    """The settings that an option of the command line overrides."""
    given = {BB8_LOCK_WAIT.name: modes.lock_wait, BB8_VERIFY.name: modes.verify}
    return {name: str(value) for name, value in given.items() if value is not None}


def _reports(project: Project, modes: Modes) -> Path:
    """`reports/`, ignored by git; a dry run uses its own folder there and does not change receipts."""
    reports = project.root / "reports"
    if not reports.exists():
        save(reports / ".gitignore", "*\n")
    if not modes.dry_run:
        return reports
    shutil.rmtree(reports / "dry-run", ignore_errors=True)
    return reports / "dry-run"


def _fail(console: Console, opened: Opened | None, lane: str, problem: BaseException) -> NoReturn:
    error = _as_error(problem, opened)
    if opened and lane and not opened.run.dry_run:
        with contextlib.suppress(Bb8Error):  # if reports/ is not writable, the first error reported it
            _record(opened.run, lane, error)
    console.error(error)
    raise typer.Exit(_document(console, opened, error, error.exit_code)) from None


def _record(run: Run, lane: str, error: Bb8Error) -> None:
    """Records the failure as a DRIFT line, unless the lane has."""
    receipts = LANE_RECEIPTS[lane]
    if not any(f"DRIFT: {error.code} " in text for name in receipts for text in run.ledger.texts(name)):
        run.ledger.drift(lane, error.code, run.clean(error.cause))


def _as_error(problem: BaseException, opened: Opened | None, hidden: Sequence[Secret] = ()) -> Bb8Error:
    if isinstance(problem, Bb8Error):
        return problem
    if isinstance(problem, KeyboardInterrupt):
        return _interrupted(opened.run) if opened else interrupted(None)
    return defect(problem, opened.run if opened else None, hidden)


def _interrupted(run: Run) -> Interrupted:
    """A command can be resumed only if its own step was journalled; a rollback is run again."""
    command = run.command.split(maxsplit=1)[0]
    if command == "rollback" and (remedy := after_cut(run)):
        return interrupted(run, remedy=remedy)
    if not run.journal.unfinished(command):
        return interrupted(run)
    target = run.settings.target
    return interrupted(run, resume_command(run.command, () if target == "default" else (target,)))


def _document(console: Console, opened: Opened | None, error: Bb8Error | None, exit_code: int) -> int:
    """Prints the document of a run if it is wanted; returns the exit code."""
    if not console.as_json:
        return exit_code
    lines = opened.run.ledger.lines if opened else []
    document = {
        "run_id": opened.run.id if opened else None,
        "command": opened.run.command if opened else None,
        "verdict": "PASS" if exit_code == 0 else "FAIL",
        "exit_code": exit_code,
        "tokens": [{"name": x.name, **dict(x.fields)} for x in lines if x.kind == "TOKEN"],
        "skipped": [{"name": x.name, **dict(x.fields)} for x in lines if x.kind == "SKIPPED"],
        "drift": [{"code": x.name, **dict(x.fields)} for x in lines if x.kind == "DRIFT"],
        "findings": [_finding(one, console) for one in opened.run.findings] if opened else [],
        "result": opened.result if opened else {},
        "error": as_dict(error, console.complete) if error else None,
    }
    return _print_document(console, document, exit_code)


def _finding(finding: Finding, console: Console) -> dict[str, object]:
    return asdict(replace(finding, hint=console.complete(finding.hint)))


def _hush_libraries() -> None:
    """Hides the logs of libraries such as paramiko: every failure is reported as an error of bb8deploy."""
    import logging

    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())


@contextmanager
def _stop_signals_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind like Ctrl-C, so that locks and child processes are released."""
    if threading.current_thread() is not threading.main_thread():  # which handles signals
        yield
        return
    with handling(stop_signals()[1:], _interrupt):
        yield


def _interrupt(number: int, _frame: object) -> None:
    # A closed terminal sends SIGHUP more than once, the second during the unwinding.
    if number != signal.SIGTERM:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
