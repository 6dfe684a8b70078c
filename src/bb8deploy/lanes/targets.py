"""Deploys to several hosts at once: each with a run, settings and receipts of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from bb8deploy.errors import Bb8Error, Interrupted
from bb8deploy.host.connect import Host
from bb8deploy.lanes.deploy import DeployOptions, deploy
from bb8deploy.lanes.journal import Journal
from bb8deploy.lanes.run import Progress, Run
from bb8deploy.receipts.tokens import Ledger
from bb8deploy.settings import load

AT_ONCE = 4
# From harmless to grave: what the exit code of several says first.
_GRAVITY = (0, 1, 5, 3, 2, 4, 130)


@dataclass(frozen=True, slots=True)
class Row:
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
class Named:
    """A Progress that says for which target it speaks."""

    name: str
    inner: Progress

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:
        """A step of this target."""
        return self.inner.step(f"[{self.name}] {name}", where)

    def note(self, text: str) -> None:
        """A line of this target."""
        self.inner.note(f"[{self.name}] {text}")

    def warn(self, text: str) -> None:
        """A warning of this target."""
        self.inner.warn(f"[{self.name}] {text}")


def deploy_all(run: Run, names: list[str], options: DeployOptions) -> list[Row]:
    """Deploys to every target, at most AT_ONCE at a time; gives one row each, in the order of `names`.

    Receipts lie in `reports/targets/NAME/`; the run ids are that of `run` with the name behind. Ctrl-C ends
    every connection, and with it what waits there.
    """
    stop, hosts = Event(), list[Host]()
    with ThreadPoolExecutor(min(AT_ONCE, len(names)), "bb8deploy-target") as pool:
        futures = [pool.submit(_one, run, name, options, hosts.append, stop) for name in names]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            stop.set()
            for host in hosts:
                if host.transport:
                    host.transport.close()
            raise


def worst(rows: list[Row]) -> int:
    """The gravest exit code among the rows."""
    return max((row.exit_code for row in rows), key=_GRAVITY.index, default=0)


def run_of(run: Run, name: str) -> Run:
    """The run of one target. Raises UsageError where its settings cannot be read."""
    reports = run.reports / "targets" / name
    run_id = f"{run.id}-{name}"
    return Run(
        id=run_id,
        command=run.command,
        workspace=run.workspace,
        addon=run.addon,
        settings=load(run.workspace, target=name),
        reports=reports,
        ledger=Ledger(run_id, reports, listener=run.ledger.listener),
        journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
        progress=Named(name, run.progress),
        dry_run=run.dry_run,
        assume_yes=run.assume_yes,
    )


def _one(run: Run, name: str, options: DeployOptions, opened: Callable[[Host], object], stop: Event) -> Row:
    """One target's deploy; whatever it meets becomes its row, so that the others go on."""
    own: Run | None = None
    try:
        if stop.is_set():
            raise _interrupted()
        own = run_of(run, name)
        if not own.dry_run:
            own.ledger.begin("deploy")
        outcome = deploy(own, options, opened=opened)
    except Bb8Error as met:
        error = _interrupted() if stop.is_set() else met
        if own and not own.dry_run:
            own.ledger.drift("deploy", error.code, own.clean(error.cause))
        return _failed(name, own, error)
    verified = outcome.verified
    return Row(
        name,
        "done" if verified else "planned",
        0,
        outcome.synced.version,
        verified.action if verified else "",
        tuple(own.ledger.held()),
        own.reports,
        outcome.preview,
    )


def _interrupted() -> Interrupted:
    return Interrupted(
        "INTERRUPTED",
        "the run was interrupted; what was observed so far is kept",
        "Run the same command again with --resume.",
    )


def _failed(name: str, own: Run | None, error: Bb8Error) -> Row:
    return Row(
        name,
        error.code,
        error.exit_code,
        tokens=tuple(own.ledger.held()) if own else (),
        reports=own.reports if own else Path(),
        error=error,
    )
