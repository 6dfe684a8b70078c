"""Carries out a command on several hosts: wave by wave, each host with a run of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, Interrupted
from bb8deploy.lanes.rollout.host_commands import HostCommand
from bb8deploy.lanes.rollout.host_result import (
    DONE,
    NOT_STARTED,
    PLANNED,
    HostWork,
    TargetResult,
    worst,
)
from bb8deploy.lanes.rollout.host_runs import HostRuns
from bb8deploy.lanes.rollout.rollout_record import DoneBefore, RolloutRecord
from bb8deploy.plan.waves import Ended, HostEnd, Pace, Wave, next_wave, waves
from bb8deploy.runs.run import Run, defect
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.git import head_state


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """What was asked for: `asked` are the words of `--target`, `names` the targets that they mean.

    `resume` leaves out the hosts that the newest unfinished rollout had done; `group` is empty if only
    targets were named.
    """

    names: tuple[str, ...]
    asked: tuple[str, ...]
    pace: Pace = field(default_factory=Pace)
    resume: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a rollout ended: a row for every host, in their order; `stopped` is why some were not started.

    `interrupted` is the error after Ctrl-C.
    """

    rows: tuple[TargetResult, ...]
    stopped: str = ""
    interrupted: Interrupted | None = None

    @property
    def exit_code(self) -> int:
        """The worst exit code of the hosts."""
        return self.interrupted.exit_code if self.interrupted else worst(self.rows)

    @property
    def waiting(self) -> tuple[str, ...]:
        """The hosts that were not started."""
        return tuple(row.name for row in self.rows if row.result == NOT_STARTED)


def roll_out(run: Run, request: RolloutRequest, command: HostCommand) -> Rollout:
    """Carries out `command` on every host of the request, wave by wave.

    A host that fails is a row with its error; it stops later waves as `request.pace` says. Ctrl-C ends every
    connection, waits until each host is in the state in which an interrupted deploy leaves it, and begins
    no further wave.
    """
    record = RolloutRecord(run, request.asked, command.content)
    before = record.done_before() if request.resume else {}
    rows = {name: _earlier(name, before[name]) for name in request.names if name in before}
    record.begin(request.names)
    for name, row in rows.items():
        record.keep(name, row)
    runs = HostRuns(run, command.resume(request.asked), head_state(run.workspace))
    work = _Work(runs, record, command, rows)
    stopped = work.all_waves(request)
    interrupted = work.runs.interrupted() if work.runs.stopped else None
    if not stopped and not interrupted and all(row.result == DONE for row in rows.values()):
        record.end()
    all_rows = (rows.get(name) or TargetResult(name, NOT_STARTED, 0) for name in request.names)
    return Rollout(tuple(all_rows), stopped, interrupted)


class _HostsFailed(Exception):
    """Hosts of a wave failed; their rows have the errors."""


@dataclass(frozen=True, slots=True)
class _Work:
    """A rollout at work; `rows` fills up."""

    runs: HostRuns
    record: RolloutRecord
    command: HostCommand
    rows: dict[str, TargetResult]

    def all_waves(self, request: RolloutRequest) -> str:
        """Carries out wave after wave; returns why it stopped early, empty if every host was started."""
        names, pace = request.names, request.pace
        number, total = 0, len(tuple(waves(names, pace, self._ends())))
        while isinstance(wave := next_wave(names, pace, self._ends()), Wave):
            try:
                if number:
                    self._pause(pace.pause)
                number += 1
                self._wave(wave, number, max(total, number))
            except KeyboardInterrupt:
                self.runs.end()
            if self.runs.stopped:
                return "the rollout was interrupted"
        return wave.reason if isinstance(wave, Ended) else ""

    def _ends(self) -> dict[str, HostEnd]:
        good = {DONE, PLANNED}
        return {
            name: HostEnd.DONE if row.result in good else HostEnd.FAILED for name, row in self.rows.items()
        }

    def _pause(self, seconds: float) -> None:
        if seconds and not self.runs.run.dry_run:
            with self.runs.run.progress.step(f"pause for {seconds:g} s"):
                time.sleep(seconds)

    def _wave(self, wave: Wave, number: int, total: int) -> None:
        """All hosts of a wave at the same time. Returns when the last one has ended, also after Ctrl-C."""
        kind = "canary" if wave.canary else "hosts"
        label = f"wave {number} of {total}, {kind}: {', '.join(wave.hosts)}"
        with suppress(_HostsFailed), self.runs.run.progress.step(label):
            self._all_at_once(wave.hosts, number)
            if any(self._ends()[name] is HostEnd.FAILED for name in wave.hosts):
                raise _HostsFailed  # so that the line of the wave does not say that it is done

    def _all_at_once(self, hosts: Sequence[str], number: int) -> None:
        futures: dict[str, Future[TargetResult]] = {}
        try:
            with ThreadPoolExecutor(len(hosts), "bb8deploy-target") as pool:
                futures.update({name: pool.submit(self._host, name, number) for name in hosts})
                self._wait(tuple(futures.values()))
        finally:
            self.rows.update({name: self._row(name, number, future) for name, future in futures.items()})

    def _wait(self, futures: Sequence[Future[TargetResult]]) -> None:
        """Waits for every host; Ctrl-C, in whichever thread it turns up, ends their connections."""
        try:
            stopped = any(isinstance(future.exception(), KeyboardInterrupt) for future in futures)
        except KeyboardInterrupt:
            stopped = True
        if stopped:
            self.runs.end()

    def _row(self, name: str, number: int, future: Future[TargetResult]) -> TargetResult:
        """The row of a host whose thread has ended; after a second Ctrl-C some are still at work."""
        problem = future.exception() if future.done() else None
        if future.done() and problem is None:
            return future.result()
        error = problem if isinstance(problem, Bb8Error) else self.runs.interrupted()
        return _failed(name, None, error, number)

    def _host(self, name: str, number: int) -> TargetResult:
        """One host; whatever it meets becomes its row, so that the others go on."""
        begun, own = time.monotonic(), None
        try:
            self.runs.check()
            own = self.runs.of(name)
            if not own.dry_run:
                own.ledger.begin("deploy")
            row = _done(name, own, self.command.carry_out(own, self.runs.opened), number)
        except Exception as problem:  # noqa: BLE001 - one host's defect leaves the others their rows
            row = _failed(name, own, self._recorded(own, problem), number)
        row = replace(row, seconds=round(time.monotonic() - begun, 3))
        self.record.keep(name, row)
        self.runs.run.progress.note(_line(row))
        return row

    def _recorded(self, own: Run | None, problem: Exception) -> Bb8Error:
        """What a host met, in words, and as a DRIFT line in its receipt."""
        error = problem if isinstance(problem, Bb8Error) else None
        if self.runs.stopped:
            error = self.runs.interrupted()
        error = error or defect(problem, own or self.runs.run)
        if own:
            error.cause = own.clean(error.cause)
        if own and not own.dry_run:
            with suppress(Bb8Error):  # if its reports folder is not writable, the first error reported it
                own.ledger.drift("deploy", error.code, error.cause)
        return error


def _earlier(name: str, done: DoneBefore) -> TargetResult:
    return TargetResult(name, DONE, 0, done.version, done.tree, action="none", earlier=done.run)


def _done(name: str, own: Run, work: HostWork, number: int) -> TargetResult:
    result = PLANNED if work.planned else DONE
    return TargetResult(
        name,
        result,
        0,
        work.version,
        work.tree,
        _proof(own),
        work.action,
        tuple(own.ledger.held()),
        own.reports,
        work.preview,
        wave=number,
    )


def _proof(own: Run) -> str:
    """The level in this run's VERIFY_OK, empty if it has none."""
    lines = (line for line in own.ledger.lines if line.name == Token.VERIFY_OK and line.kind == "TOKEN")
    return next((dict(line.fields).get("proof", "") for line in lines), "")


def _failed(name: str, own: Run | None, error: Bb8Error, number: int) -> TargetResult:
    return TargetResult(
        name,
        error.code,
        error.exit_code,
        tokens=tuple(own.ledger.held()) if own else (),
        reports=own.reports if own else Path(),
        error=error,
        wave=number,
    )


def _line(row: TargetResult) -> str:
    """The line of a host that has ended."""
    words = [word for word in (row.result, row.version, row.action) if word]
    return f"[{row.name}] {', '.join(words)} ({row.seconds:.1f} s)"
