"""The runs of several hosts: each has its own settings, receipts and journal, and Ctrl-C ends them all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from bb8deploy.base.errors import Interrupted
from bb8deploy.host.open_host import Host
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Progress, Run, interrupted
from bb8deploy.runs.tokens import Ledger, Token
from bb8deploy.settings.instance_settings import for_instance
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.git import Head
from bb8deploy.workspace.project import settings_of


@dataclass(slots=True)
class HostRuns:
    """The run above all hosts, and what Ctrl-C does to it: no step of any host begins after that.

    `resume` is the command that continues it, empty if none does; `head` is the workspace's commit, if it was
    read for all of them.
    """

    run: Run
    resume: str = ""
    head: Head | None = None
    _stopped: bool = False
    _hosts: list[Host] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self._stopped

    def check(self) -> None:
        """Raises Interrupted once Ctrl-C was pressed."""
        if self._stopped:
            raise self.interrupted()

    def opened(self, host: Host) -> None:
        """Takes note of a host's connection."""
        self._hosts.append(host)
        self.check()

    def end(self) -> None:
        """Stops every host; whatever waits on a connection ends."""
        self._stopped = True
        for host in tuple(self._hosts):
            host.break_off()

    def interrupted(self) -> Interrupted:
        """The error for all of it."""
        return interrupted(self.run, self.resume)

    def of(self, name: str) -> Run:
        """The run of one host; its receipts are in `reports/targets/NAME/`.

        Raises UsageError if its settings cannot be read.
        """
        run = self.run
        reports = run.reports / "targets" / name
        run_id = f"{run.id}-{name}"
        return Run(
            id=run_id,
            command=run.command,
            workspace=run.workspace,
            addon=run.addon,
            settings=_settings(run, name),
            reports=reports,
            ledger=StoppableLedger(run_id, reports, listener=run.ledger.listener, check=self.check),
            journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
            progress=StoppableProgress(name, run.progress, self.check),
            dry_run=run.dry_run,
            assume_yes=run.assume_yes,
            head=self.head,
        )


@dataclass(slots=True)
class StoppableLedger(Ledger):
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

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:
        """A step of this target."""
        return self.inner.step(f"[{self.name}] {name}", where)

    def note(self, text: str) -> None:
        """A line of this target."""
        self.inner.note(f"[{self.name}] {text}")

    def warn(self, text: str) -> None:
        """A warning of this target."""
        self.inner.warn(f"[{self.name}] {text}")


@dataclass(frozen=True, slots=True)
class StoppableProgress(Named):
    """The same without lines for steps: of many hosts, one line each is shown, when it ends."""

    check: Callable[[], None] = lambda: None

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:  # noqa: ARG002 - not shown
        """A step of this host, which the journal has. Raises Interrupted after Ctrl-C."""
        self.check()
        return nullcontext()


def _settings(run: Run, name: str) -> Settings:
    settings = settings_of(run.workspace, run.addon, target=name, flags=run.settings.flags())
    instance = run.settings.instance
    return for_instance(settings, instance, read_addon(run.addon).slug) if instance else settings
