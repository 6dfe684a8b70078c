"""Deploys to several hosts at once: each with a run, settings and receipts of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from bb8deploy.base.errors import Bb8Error, Interrupted, UsageError
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.deploy.deploy import DeployOptions, DeployOutcome, deploy
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Progress, Run, defect, interrupted, resume_command
from bb8deploy.runs.tokens import Ledger, Token
from bb8deploy.settings.app_instance import for_instance
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.project import settings_of

AT_ONCE = 4
# From best to worst: the exit code of several hosts is the worst one.
_GRAVITY = (0, 1, 5, 3, 2, 4, 130)


@dataclass(frozen=True, slots=True)
class TargetResult:
    """How one target ended; `result` is `done`, `planned` or the code of `error`."""

    name: str
    result: str
    exit_code: int
    version: str = ""
    action: str = ""
    tokens: tuple[str, ...] = ()
    reports: Path = Path()
    preview: tuple[str, ...] = ()
    error: Bb8Error | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """The run of all targets, and what Ctrl-C does to it: no step of any target begins after that."""

    run: Run
    names: tuple[str, ...]
    stop: Event = field(default_factory=Event)
    hosts: list[Host] = field(default_factory=list)

    def check(self) -> None:
        """Raises Interrupted once Ctrl-C was pressed."""
        if self.stop.is_set():
            raise self.interrupted()

    def opened(self, host: Host) -> None:
        """Takes note of a target's connection."""
        self.hosts.append(host)
        self.check()

    def end(self) -> None:
        """Stops every target; whatever waits on a connection ends."""
        self.stop.set()
        for host in tuple(self.hosts):
            host.break_off()

    def interrupted(self) -> Interrupted:
        """The error for all of it."""
        return interrupted(self.run, resume_command(self.run.command, self.names))


@dataclass(slots=True)
class Stoppable(Ledger):
    """A Ledger that writes no token after Ctrl-C."""

    check: Callable[[], None] = lambda: None

    def emit(self, token: Token, **evidence: object) -> None:
        """Writes a token. Raises Interrupted after Ctrl-C."""
        self.check()
        Ledger.emit(self, token, **evidence)


@dataclass(frozen=True, slots=True)
class Named:
    """A Progress that puts the target's name before each message."""

    name: str
    inner: Progress
    check: Callable[[], None] = lambda: None

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:
        """A step of this target. Raises Interrupted after Ctrl-C."""
        self.check()
        return self.inner.step(f"[{self.name}] {name}", where)

    def note(self, text: str) -> None:
        """A line of this target."""
        self.inner.note(f"[{self.name}] {text}")

    def warn(self, text: str) -> None:
        """A warning of this target."""
        self.inner.warn(f"[{self.name}] {text}")


def deploy_all(run: Run, names: list[str], options: DeployOptions) -> list[TargetResult]:
    """Deploys to every target, at most AT_ONCE at a time; gives one row each, in the order of `names`.

    Receipts are in `reports/targets/NAME/`; the run ids are that of `run` and the name. Ctrl-C ends
    every connection, and with it what waits there; then Interrupted is raised.
    """
    several = Several(run, tuple(names))
    with ThreadPoolExecutor(min(AT_ONCE, len(names)), "bb8deploy-target") as pool:
        try:
            futures = [pool.submit(_one, several, name, options) for name in names]
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            several.end()
            raise several.interrupted() from None


def worst(rows: list[TargetResult]) -> int:
    """The worst exit code of the rows."""
    return max((row.exit_code for row in rows), key=_GRAVITY.index, default=0)


def run_of(several: Several, name: str) -> Run:
    """The run of one target. Raises UsageError if its settings cannot be read."""
    run = several.run
    reports = run.reports / "targets" / name
    run_id = f"{run.id}-{name}"
    return Run(
        id=run_id,
        command=run.command,
        workspace=run.workspace,
        addon=run.addon,
        settings=_settings(run, name),
        reports=reports,
        ledger=Stoppable(run_id, reports, listener=run.ledger.listener, check=several.check),
        journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
        progress=Named(name, run.progress, several.check),
        dry_run=run.dry_run,
        assume_yes=run.assume_yes,
    )


def _settings(run: Run, name: str) -> Settings:
    settings = settings_of(run.workspace, run.addon, target=name, flags=run.settings.flags())
    instance = run.settings.instance
    return for_instance(settings, instance, read_addon(run.addon).slug) if instance else settings


def _one(several: Several, name: str, options: DeployOptions) -> TargetResult:
    """One target's deploy; whatever it meets becomes its row, so that the others go on."""
    own: Run | None = None
    try:
        several.check()
        own = run_of(several, name)
        if not own.dry_run:
            own.ledger.begin("deploy")
        outcome = _deployed(several, own, options)
    except Exception as problem:  # noqa: BLE001 - one target's defect leaves the others their rows
        return _failed(name, own, _recorded(several, own, problem))
    verified = outcome.verified
    return TargetResult(
        name,
        "done" if verified else "planned",
        0,
        outcome.synced.version,
        verified.action if verified else "",
        tuple(own.ledger.held()),
        own.reports,
        outcome.preview,
    )


def _deployed(several: Several, own: Run, options: DeployOptions) -> DeployOutcome:
    """The deploy; of several targets that are resumed, some had reached their end or never begun."""
    try:
        return deploy(own, options, opened=several.opened)
    except UsageError as error:
        if error.code != "RESUME_NOTHING":
            raise
    own.progress.note("nothing to continue here, so this is an ordinary deploy")
    return deploy(own, replace(options, resume=False), opened=several.opened)


def _recorded(several: Several, own: Run | None, problem: Exception) -> Bb8Error:
    """What a target met, in words, and as a DRIFT line in its receipt."""
    error = problem if isinstance(problem, Bb8Error) else None
    if several.stop.is_set():
        error = several.interrupted()
    error = error or defect(problem, own or several.run)
    if own and not own.dry_run:
        with suppress(Bb8Error):  # if its reports folder is not writable, the first error reported it
            own.ledger.drift("deploy", error.code, own.clean(error.cause))
    return error


def _failed(name: str, own: Run | None, error: Bb8Error) -> TargetResult:
    return TargetResult(
        name,
        error.code,
        error.exit_code,
        tokens=tuple(own.ledger.held()) if own else (),
        reports=own.reports if own else Path(),
        error=error,
    )
