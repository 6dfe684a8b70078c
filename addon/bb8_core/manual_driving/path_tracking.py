"""The robot's path by its own odometer, asked for only while a map, the way home or a limit needs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bb8_core.link.robot_connection import RobotLink
from bb8_core.motion.distance_limit import JUMP_CM, Whereabouts
from bb8_core.motion.send_loop import Pump
from bb8_core.motion.send_queue import Item, Kind
from bb8_core.requests.acknowledgement import AckStatus, Outcome, Report, silent
from bb8_core.ring_buffer import Ring
from bb8_core.robot import commands
from bb8_core.robot.async_messages import Collision, Event, SensorFrame, StreamConfig
from bb8_core.robot.packet_framing import Command

STREAM = StreamConfig(("x_cm", "y_cm"), divisor=50)
"""Eight positions a second."""
POINTS = 2000
TTL_S = 5.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on the map in cm: x to the right, y straight on, as at heading zero.

    `kind` is `start` of a stretch, `point`, or `bump`.
    """

    kind: str
    x_cm: float
    y_cm: float


class Survey:
    """Draws the path. Belongs to the event loop; `path` may be read by any thread."""

    def __init__(self, link: RobotLink, pump: Pump, where: Whereabouts) -> None:
        """Nobody looks yet; a distance limit always looks."""
        self._link = link
        self._pump = pump
        self._where = where
        self._lookers = {"limit"} if where.limited else set[str]()
        self._last: Mark | None = None
        self.path: Ring[Mark] = Ring(POINTS)

    def look(self, wanted: bool, who: str = "page") -> None:
        """Whether `who` needs the position now: the pages' map, or the way home."""
        before = bool(self._lookers)
        if wanted:
            self._lookers.add(who)
        else:
            self._lookers.discard(who)
        if bool(self._lookers) != before:
            self._ask()

    def ready(self) -> None:
        """The robot is ready; after its sleep it streams nothing and counts from zero."""
        self._last = None
        self._where.lost()
        self._link.stream = None
        if self._lookers:
            self._ask()

    def clear(self) -> None:
        """Forget the path and count from here."""
        self.path.clear()
        self._last = None
        self._where.lost()
        self.path.add(Mark("clear", 0.0, 0.0))
        if self._link.ready:
            self._put(commands.locator(0, 0), silent)

    def event(self, event: Event) -> None:
        """Take what the robot sent: positions and bumps."""
        if isinstance(event, SensorFrame):
            for values in event.frames:
                if "x_cm" in values:
                    self._where.moved(values["x_cm"], values["y_cm"], asyncio.get_running_loop().time())
                    self._moved(values["x_cm"], values["y_cm"])
        elif isinstance(event, Collision):
            self._where.bumps += 1
            if self._last is not None:
                self.path.add(Mark("bump", self._last.x_cm, self._last.y_cm))

    def _moved(self, x_cm: float, y_cm: float) -> None:
        last = self._last
        far = 0.0 if last is None else max(abs(x_cm - last.x_cm), abs(y_cm - last.y_cm))
        if last is not None and far < 1.0:
            return
        self._last = Mark("start" if last is None or far > JUMP_CM else "point", x_cm, y_cm)
        self.path.add(self._last)

    def _ask(self) -> None:
        if not self._link.ready:
            return
        stream = STREAM if self._lookers else None
        command = commands.stream(STREAM) if stream else commands.stream_off()
        self._put(command, _confirmed(lambda: self._streaming(stream)))

    def _streaming(self, stream: StreamConfig | None) -> None:
        self._link.stream = stream

    def _put(self, command: Command, report: Report) -> None:
        expires = asyncio.get_running_loop().time() + TTL_S
        self._pump.put(Item(Kind.DISCRETE, commands.without_reset(command), report, expires))


def _confirmed(action: Callable[[], None]) -> Report:
    def report(outcome: Outcome) -> None:
        if outcome.status is AckStatus.CONFIRMED:
            action()

    return report
