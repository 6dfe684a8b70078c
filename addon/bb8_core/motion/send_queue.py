"""What waits to be sent and in which order; holds no clock and does no I/O.

Stops overtake everything. A drive or a colour replaces the one that waits, the rest is first in, first out.
After each drive one of the others gets its turn, so that nothing starves and no drive waits for two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from bb8_core.requests.acknowledgement import Report
from bb8_core.robot.packet_framing import Command

MAX_WAITING = 64
"""Discrete commands that may wait; at 50 ms spacing these are three seconds of work."""


class Kind(Enum):
    """How an item queues."""

    URGENT = auto()
    DRIVE = auto()
    LED = auto()
    TAIL = auto()
    DISCRETE = auto()


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One command to send; `generation` ties a motion to the stops that came before it."""

    kind: Kind
    command: Command
    report: Report
    expires_at: float
    generation: int = 0
    hold_s: float = 0.0
    """For a motion: how long it lasts from the moment that it is written."""
    ends_at: float = float("inf")
    """For a motion: when it ends at the latest, by the loop's clock."""
    limited: bool = False
    """For a drive: whether it waits while several drives are unanswered; a gesture's steps do not."""
    wanted: Callable[[], bool] = _always
    """For a stop: whether it still has to be written."""


class Outbox:
    """The queues."""

    __slots__ = ("_discrete", "_drive_was_last", "_slots", "_turn", "_urgent")

    def __init__(self) -> None:
        """Start empty."""
        self._urgent: deque[Item] = deque()
        self._slots: dict[Kind, Item] = {}
        self._discrete: deque[Item] = deque()
        self._drive_was_last = False
        self._turn = 0

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._urgent) + len(self._slots) + len(self._discrete)

    @property
    def urgent(self) -> bool:
        """Whether a stop waits."""
        return bool(self._urgent)

    def others(self, drives: bool) -> bool:
        """Whether anything else waits; limited drives count only if `drives`."""
        return bool(self._discrete) or any(drives or not item.limited for item in self._slots.values())

    def waiting(self, kind: Kind) -> bool:
        """Whether a drive, colour or tail light waits."""
        return kind in self._slots

    def put(self, item: Item) -> Item | None:
        """Queue an item; returns the one that lost its place: the replaced one, or the item itself."""
        if item.kind is Kind.URGENT:
            self._urgent.append(item)
            return None
        if item.kind is Kind.DISCRETE:
            if len(self._discrete) >= MAX_WAITING:
                return item
            self._discrete.append(item)
            return None
        replaced = self._slots.get(item.kind)
        self._slots[item.kind] = item
        return replaced

    def take_urgent(self) -> Item | None:
        """The next stop, or None."""
        return self._urgent.popleft() if self._urgent else None

    def take(self, drives: bool = True) -> Item | None:
        """The next item that is not a stop, a limited drive only if `drives`; None if there is none."""
        drive = self._slots.get(Kind.DRIVE)
        if drive is not None and drive.limited and not drives:
            drive = None
        if drive is not None and not (self._drive_was_last and len(self) > 1):
            self._drive_was_last = True
            return self._slots.pop(Kind.DRIVE)
        self._drive_was_last = False
        return self._take_other()

    def _take_other(self) -> Item | None:
        kinds = (Kind.DISCRETE, Kind.LED, Kind.TAIL)
        for offset in range(len(kinds)):
            kind = kinds[(self._turn + offset) % len(kinds)]
            if kind is Kind.DISCRETE and self._discrete:
                self._turn += offset + 1
                return self._discrete.popleft()
            if kind in self._slots:
                self._turn += offset + 1
                return self._slots.pop(kind)
        return None

    def expire(self, now: float) -> list[Item]:
        """Remove and return what waited too long; stops never do."""
        late = [item for item in (*self._slots.values(), *self._discrete) if item.expires_at <= now]
        return self._remove(late)

    def next_expiry(self) -> float:
        """When the next item expires; infinity if none will."""
        times = (item.expires_at for item in (*self._slots.values(), *self._discrete))
        return min(times, default=float("inf"))

    def clear_motion(self) -> list[Item]:
        """Remove and return everything that would move the robot."""
        moving = [i for i in (*self._slots.values(), *self._discrete) if i.command.is_motor]
        return self._remove(moving)

    def clear(self) -> list[Item]:
        """Remove and return everything, stops included: their robot is gone."""
        everything = [*self._urgent, *self._slots.values(), *self._discrete]
        self._urgent.clear()
        self._slots.clear()
        self._discrete.clear()
        return everything

    def _remove(self, items: list[Item]) -> list[Item]:
        for item in items:
            if self._slots.get(item.kind) is item:
                del self._slots[item.kind]
        gone = set(map(id, items))
        if gone:
            self._discrete = deque(item for item in self._discrete if id(item) not in gone)
        return items
