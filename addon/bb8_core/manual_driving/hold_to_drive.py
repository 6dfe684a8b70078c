"""Hold to drive: the robot moves only while the beats of one driver's stick keep coming."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bb8_core.manual_driving.control_owner import Hold, Lease, Pilot
from bb8_core.motion.motion_gate import LastStop, Refused
from bb8_core.requests.acknowledgement import Report, silent
from bb8_core.requests.payload_parsing import MOVES, Drive, Intent, SetHeading

HOLD_MS = 180
"""How long one beat moves the robot, from its arrival: a stop is on the wire 250 ms after the last one."""
GRIP_GAP_S = 0.5
"""After a pause this long the stick has to be taken again: a page that wakes up does not drive on."""

STOPPED = Refused("STOPPED", "the robot was stopped; let go of the stick and take it again")
PAUSED = Refused("PAUSED", "the connection to this page paused; let go of the stick and take it again")


class Helm:
    """Turns beats into short drives through the motion gate. Belongs to the event loop."""

    def __init__(
        self,
        drive: Callable[[Drive, float, Report], Refused | None],
        stop: Callable[[], None],
        last_stop: LastStop,
        active: Callable[[], bool],
    ) -> None:
        """`drive` passes a drive and its latest end through the gate; `stop` ends the motion.

        `active` is whether the robot moves, or will because a motion waits.
        """
        self._active = active
        self._started: Pilot | None = None
        self._drive = drive
        self._stop = stop
        self._last_stop = last_stop
        self._lease = Lease()
        self._grip: tuple[Pilot, int] | None = None
        self._grip_began = 0.0
        self.beat_at = float("-inf")
        """When the last beat of a grip that counts came (loop time)."""
        self._over = False

    @property
    def seated(self) -> Pilot | None:
        """Who has the stick, idle or not; readable by any thread."""
        return self._lease.pilot

    @property
    def holding(self) -> Pilot | None:
        """Who holds the stick in this moment, or None."""
        held = self._grip is not None and not self._over and _now() - self.beat_at < GRIP_GAP_S
        return self._grip[0] if held and self._grip is not None else None

    def hold(self, pilot: Pilot, hold: Hold, late_s: float = 0.0) -> Refused | None:
        """Take one beat that came `late_s` seconds later than usual; returns why it is not obeyed."""
        now = _now()
        if not self._lease.claim(pilot, now):
            return self._not_driving()
        refused = self._grip_refused((pilot, hold.grip), now)
        if refused is None:
            self.beat_at = now
            ends_at = now + HOLD_MS / 1000 - late_s
            refused = self._drive(Drive(hold.speed, hold.heading, HOLD_MS), ends_at, silent)
        return refused

    def release(self, pilot: Pilot) -> None:
        """The driver has let go of the stick."""
        if self._grip is not None and self._grip[0] == pilot and not self._over:
            self._end_grip()

    def take(self, pilot: Pilot) -> None:
        """Take the place; what the earlier driver set in motion ends."""
        if self._lease.pilot not in (None, pilot):
            self._over = True
            self._stop()
        self._lease.take(pilot, _now())

    def leave(self, pilot: Pilot) -> None:
        """The page is gone or hidden: what it has set in motion ends, and what waits does not begin."""
        self.release(pilot)
        self._lease.give_up(pilot)
        if self._started == pilot and self._active():
            self._stop()

    def admit(self, pilot: Pilot | None, intent: Intent) -> Refused | None:
        """Return why this sender may not move the robot now, or None; sender None is another program."""
        if pilot is not None and isinstance(intent, (*MOVES, SetHeading)):
            if not self._lease.claim(pilot, _now()):
                return self._not_driving()
        elif isinstance(intent, MOVES) and (holder := self.holding) not in (None, pilot):
            return Refused("DRIVEN", f"{holder.name if holder else ''} is driving on the app's page")
        if isinstance(intent, MOVES):
            self._started = pilot
        return None

    def _not_driving(self) -> Refused:
        holder = self._lease.pilot
        name = holder.name if holder else "another page"
        return Refused("NOT_DRIVER", f"{name} is driving; press Take over to drive yourself")

    def _grip_refused(self, grip: tuple[Pilot, int], now: float) -> Refused | None:
        """Begin a new grip, or return why an old one is over; any stop ends a grip."""
        if grip != self._grip:
            self._grip, self._grip_began, self._over = grip, now, False
            return None
        if self._last_stop.stop_at >= self._grip_began:
            self._over = True
            return STOPPED
        if self._over or now - self.beat_at > GRIP_GAP_S:
            self._over = True
            return PAUSED
        return None

    def _end_grip(self) -> None:
        held, self._over = self._grip is not None and not self._over, True
        if held:
            self._stop()


def _now() -> float:
    return asyncio.get_running_loop().time()
