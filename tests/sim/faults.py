"""What can go wrong at a call: the kinds of fault and how a call meets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from tests.sim.tasks import Task, Tasks
from tests.sim.world import Host

T = TypeVar("T")


class Fault(Enum):
    """The faults of one call, in the order in which a choice names them."""

    LOST_BEFORE = 1
    LOST_AFTER = 2
    LATE = 3
    DOUBLED = 4
    KILLED_BEFORE = 5
    KILLED_AFTER = 6
    HOST_RESTARTED = 7
    SUPERVISOR_RESTARTED = 8
    DISK_FULL = 9
    CLOCK_BACK = 10


@dataclass(slots=True)
class Wire:
    """Carries every call of a task to the host, through the faults that the schedule chooses.

    `lost` makes the error that the product meets if a call gets no answer; `chance` is that of a fault.
    """

    tasks: Tasks
    host: Host
    chance: float
    may_kill: bool = True
    budget: int = 4
    over_ssh: bool = True

    def call(
        self, what: str, effect: Callable[[], T], lost: Callable[[], Exception], *, twice: bool = False
    ) -> T:
        """Carries out `effect` on the host, perhaps late, twice, or with its answer lost."""
        self.tasks.call(what)
        fault = self._fault()
        if fault is None:
            return effect()
        self.tasks.note(f"fault: {fault.name}")
        return self._faulty(fault, effect, lost, twice=twice)

    def _fault(self) -> Fault | None:
        if self.budget <= 0:
            return None
        choice = self.tasks.choices.pick(len(Fault), self.chance)
        if not choice:
            return None
        self.budget -= 1
        return Fault(choice)

    def _faulty(
        self, fault: Fault, effect: Callable[[], T], lost: Callable[[], Exception], *, twice: bool
    ) -> T:
        if fault is Fault.HOST_RESTARTED:
            self.host.restart(self.tasks.now)
        if fault in {Fault.LOST_BEFORE, Fault.HOST_RESTARTED}:
            raise lost()
        if fault is Fault.KILLED_BEFORE:
            self._kill()
        elif fault is Fault.DOUBLED and twice:
            effect()
        else:
            self._around(fault)
        answer = effect()
        if fault is Fault.LOST_AFTER:
            raise lost()
        if fault is Fault.KILLED_AFTER:
            self._kill()
        return answer

    def _around(self, fault: Fault) -> None:
        """Faults of the host that this call merely meets."""
        if fault is Fault.LATE:
            self.tasks.sleep(7.0)
        elif fault is Fault.SUPERVISOR_RESTARTED:
            self.host.ready_at = self.tasks.now + 15.0
        elif fault is Fault.DISK_FULL:
            self.host.disk_full = not self.host.disk_full
        elif fault is Fault.CLOCK_BACK:
            self.host.clock_offset -= 3600.0

    def _kill(self) -> None:
        task = self.tasks.current
        if task is not None and self.may_kill:
            drop_connections(self.host, task)
            self.tasks.kill(task)


def drop_connections(host: Host, task: Task) -> None:
    """What the host does when the connections of a process end: its lock is released."""
    if host.lock and host.lock.holder is task:
        host.lock = None
