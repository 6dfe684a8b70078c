"""One run of bb8deploy: its id, settings, ledger, journal and progress."""

from __future__ import annotations

import json
import os
import shlex
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bb8deploy.base.cache_folder import cache_dir
from bb8deploy.base.errors import Bb8Error, CheckFailed, Interrupted
from bb8deploy.base.findings import Finding
from bb8deploy.base.secret import Secret, redact, redact_data
from bb8deploy.catalogue.errors.tool import INTERNAL, INTERRUPTED
from bb8deploy.runs.journal import PUT_BACK, Journal, now
from bb8deploy.runs.report_files import save
from bb8deploy.runs.tokens import Ledger
from bb8deploy.settings.settings_type import Settings

_WITHOUT_RUN = "Report it, and attach the crash.txt that the message names."
_NOT_KEPT = "Report the traceback that the command shows with BB8DEPLOY_DEBUG=1."
RESUMABLE = ("deploy", "release")
"""The commands that journal a step of their own name, and continue from it with --resume."""

if TYPE_CHECKING:
    from bb8deploy.runs.contracts.base import Contract, RunFields
    from bb8deploy.workspace.git import Head


class Progress(Protocol):
    """How a lane reports progress; the console implements it, tests may record it."""

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:
        """Shows that `name` runs (on host `where`) and, at the end, how long it took."""

    def note(self, text: str) -> None:
        """One plain line for the reader."""

    def warn(self, text: str) -> None:
        """One line that deserves attention but fails nothing."""


@dataclass(slots=True)
class Run:
    """What a lane needs to know about its run.

    `workspace` is the git checkout, `addon` the app's folder in it, `hidden` are secrets besides those of the
    settings; `head` is the workspace's commit if it was read before, for several hosts at once.
    """

    id: str
    command: str
    workspace: Path
    addon: Path
    settings: Settings
    reports: Path
    ledger: Ledger
    journal: Journal
    progress: Progress
    dry_run: bool = False
    assume_yes: bool = False
    findings: list[Finding] = field(default_factory=list)
    hidden: tuple[Secret, ...] = ()
    head: Head | None = None

    @property
    def folder(self) -> Path:
        """`reports/runs/<run id>/`."""
        return self.reports / "runs" / self.id

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[dict[str, object]]:
        """Journals and shows a step; put the facts that it observed into the yielded dictionary."""
        self.journal.write(name, "started")
        facts: dict[str, object] = {}
        try:
            with self.progress.step(name, where):
                yield facts
        except BaseException as error:
            self.journal.write(name, "failed", error=self.clean(str(error)))
            raise
        self.journal.write(name, "done", **redact_data(facts, self.secrets()))

    def secrets(self) -> list[Secret]:
        """Everything that must never be shown or written."""
        return [*self.settings.secrets(), *self.hidden]

    def clean(self, text: str) -> str:
        """`text` without any secret."""
        return redact(text, self.secrets())

    def write_contract(self, contract: Contract) -> Path:
        """Writes a lane's contract into the run's folder and points `latest.json` at the run."""
        path = self.folder / f"{contract.contract}.json"
        clean = redact_data(contract.model_dump(mode="json"), self.secrets())
        save(path, json.dumps(clean, indent=2, ensure_ascii=False) + "\n")
        self.point_latest()
        return path

    def point_latest(self) -> None:
        """Makes `reports/latest.json` name this run."""
        pointer = {
            "run_id": self.id,
            "command": self.command,
            "target": self.settings.destination,
            "ts": now(),
        }
        save(self.reports / "latest.json", json.dumps(pointer, indent=2) + "\n")

    def contract_fields(self, *, version: str, passed: bool) -> RunFields:
        """The fields that every contract has, for `Model(**run.contract_fields(...), own=...)`."""
        from bb8deploy.runs.contracts.base import FindingModel
        from bb8deploy.workspace.git import head_state

        head = self.head or head_state(self.workspace)
        return {
            "run_id": self.id,
            "ts": now(),
            "head_commit": head.commit,
            "dirty": head.dirty,
            "version": version,
            "verdict": "PASS" if passed else "FAIL",
            "tokens": tuple(self.ledger.held()),
            "findings": tuple(FindingModel.of(finding) for finding in self.findings),
        }


def new_run_id() -> str:
    """A run id that sorts by time: 20261123T093000Z-a1b2c3."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}"


def warn_of_damage(run: Run, journal: Journal) -> None:
    """One warning if lines of another run's journal cannot be read, for example after a power failure."""
    if lines := journal.damaged():
        count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
        run.progress.warn(f"{journal.path}: {count} cannot be read, first line {lines[0]}; left out")


def defect(problem: BaseException, run: Run | None, hidden: Sequence[Secret] = ()) -> CheckFailed:
    """A defect of ours: the traceback goes into crash.txt of the run or, without a run, of a cache folder.

    BB8DEPLOY_DEBUG shows it too. `hidden` are the secrets of a command without a run.
    """
    text = "".join(traceback.format_exception(problem))
    details = text.splitlines() if os.environ.get("BB8DEPLOY_DEBUG") else [_last_place(problem)]
    kept = False
    with suppress(Bb8Error):
        path = (run.folder if run else cache_dir("crashes", new_run_id())) / "crash.txt"
        save(path, run.clean(text) if run else redact(text, [*hidden]))
        details.append(f"full traceback: {path}")
        kept = True
    remedy = "" if run else _WITHOUT_RUN if kept else _NOT_KEPT
    return INTERNAL(f"bb8deploy has a defect: {type(problem).__name__}: {problem}", remedy, details=details)


def interrupted(run: Run | None, resume: str = "", *, remedy: str = "") -> Interrupted:
    """The error of an interrupted run or command; `resume` is the command that continues it, if any."""
    cause = "the run was interrupted; what was observed so far is kept"
    again = f"`{resume}` continues where it stopped." if resume else "Run the same command again."
    return INTERRUPTED(cause if run else "the command was interrupted", remedy or again)


def after_cut(run: Run) -> str:
    """What to do after a rollback to an earlier tree that was cut off; empty before that tree went back."""
    if PUT_BACK not in run.journal.done():
        return ""
    return (
        "The earlier files are in place, but not verified. Run the same command again: it completes this"
        " rollback and goes no further back."
    )


def resume_command(command: str, targets: Sequence[str] = ()) -> str:
    """The command that continues an unfinished `command`, such as `release patch`; empty if none does.

    A release has recorded its target, a deploy needs the ones that the user named.
    """
    first, *_ = command.split()
    words = "".join(f" --target {shlex.quote(name)}" for name in targets) if first == "deploy" else ""
    return f"bb8deploy {first}{words} --resume" if first in RESUMABLE else ""


def _last_place(problem: BaseException) -> str:
    frames = traceback.extract_tb(problem.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
