"""Carries the calls of a schedule's commands to the simulated world, through the faults that it chooses."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.sim.engine.faults import OF_A_WRITE, OF_AN_APPEND, OF_EVERY_CALL, Fault
from tests.sim.engine.tasks import Tasks

T = TypeVar("T")
HOURS = (-1.0, 3.0)
"""By how much a clock is moved: back, or so far ahead that every lock is over."""


class World(Protocol):
    """What a fault may do to the host."""

    disk_full: bool
    clock_offset: float
    met: Callable[[Fault], None]

    def restart(self, now: float) -> None:
        """The host restarts."""

    def restart_supervisor(self, now: float) -> None:
        """The Supervisor restarts."""

    def drop(self, holder: object) -> None:
        """The connections of a task end."""


@dataclass(slots=True)
class Wire:
    """`chance` is that of a fault at a call, `budget` how many faults are still to come."""

    tasks: Tasks
    host: World
    chance: float
    budget: int = 4
    over_ssh: bool = True

    def quiet(self) -> None:
        """From now on nothing goes wrong."""
        self.budget, self.chance, self.host.disk_full = 0, 0.0, False

    def call(
        self,
        what: str,
        effect: Callable[[], T],
        lost: Callable[[], Exception],
        *,
        of: Sequence[Fault] = OF_EVERY_CALL,
        also: Sequence[Fault] = (),
        torn: Callable[[], object] = lambda: None,
    ) -> T:
        """Carries out `effect`; `of` and `also` are the faults that this call may meet.

        `lost` makes the error that the product meets if there is no answer; `torn` is half of the effect.
        """
        self.tasks.call(what)
        fault = self.fault((*of, *also), self.chance)
        if fault is None:
            return effect()
        if fault is Fault.TORN:
            torn()
            raise lost()
        if fault is Fault.REORDERED:
            self.tasks.later(self.tasks.choices.detail(40) * 0.1, _whatever(effect))
            raise lost()
        return self._faulty(fault, effect, lost)

    def fault(self, kinds: Sequence[Fault], chance: float) -> Fault | None:
        """The fault that the schedule chooses here, if any; it is counted when it happens."""
        choice = self.tasks.choices.pick(len(kinds), chance) if self.budget > 0 else 0
        if not choice:
            return None
        self.budget -= 1
        fault = kinds[choice - 1]
        self.tasks.note(f"fault: {fault.value}")
        if fault not in _COUNTED_LATER:
            self.tasks.fired[fault] += 1
        return fault

    def _faulty(self, fault: Fault, effect: Callable[[], T], lost: Callable[[], Exception]) -> T:
        if fault is Fault.HOST_RESTARTED:
            self.host.restart(self.tasks.now)
        if fault in {Fault.LOST_BEFORE, Fault.HOST_RESTARTED}:
            raise lost()
        if fault is Fault.KILLED_BEFORE:
            self.kill()
        self._around(fault)
        if fault is Fault.DOUBLED:
            _whatever(effect)()
        answer = effect()
        if fault is Fault.LOST_AFTER:
            raise lost()
        if fault is Fault.KILLED_AFTER:
            self.kill()
        return answer

    def _around(self, fault: Fault) -> None:
        """Faults of the host that this call merely meets."""
        if fault is Fault.LATE:
            self.tasks.sleep(7.0)
        elif fault is Fault.SUPERVISOR_RESTARTED:
            self.host.restart_supervisor(self.tasks.now)
        elif fault is Fault.DISK_FULL:
            self.host.disk_full = not self.host.disk_full
        elif fault is Fault.CLOCK_MOVED:
            self.host.clock_offset += 3600.0 * HOURS[self.tasks.choices.detail(len(HOURS))]

    def write(self, what: str, real: Callable[[], object], half: Callable[[], object] | None = None) -> None:
        """A file of ours is written; `half` writes the first half of a line."""
        self.tasks.call(f"write {what}")
        fault = self.fault(OF_AN_APPEND if half else OF_A_WRITE, self.chance / 4)
        if fault is Fault.KILLED_BEFORE:
            self.kill()
        if fault is Fault.OWN_DISK_FULL:
            raise OSError(errno.ENOSPC, "No space left on device", what)
        if fault is Fault.KILLED_WITHIN and half:
            half()
            self.kill()
        real()
        if fault is Fault.KILLED_AFTER:
            self.kill()

    def kill(self) -> None:
        """Ends the current task as SIGKILL does; the host notices that its connections end."""
        task = self.tasks.current
        if task is not None:
            self.host.drop(task)
            self.tasks.kill(task)


_COUNTED_LATER = {Fault.DISK_FULL, Fault.CLOCK_MOVED}
"""These are counted when something meets them: a full disk refuses, a moved clock is read."""


def _whatever(effect: Callable[[], object]) -> Callable[[], None]:
    """The effect, whose failure nobody hears of."""

    def carry_out() -> None:
        with contextlib.suppress(Exception):
            effect()

    return carry_out
