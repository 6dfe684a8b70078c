"""Whether a motion may happen, and how much of it: pure decisions over a frozen state."""

from __future__ import annotations

from dataclasses import dataclass

from bb8_core.link.connection_states import Status
from bb8_core.requests.payload_parsing import MOVES, ClearEstop, Drive, Request
from bb8_core.robot import commands
from bb8_core.robot.packet_framing import Command

STALE_MOTION_S = 0.5
"""A motion command older than this is not obeyed: its sender has seen that nothing happened."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the options and the speed number allow: speed 0-255, milliseconds."""

    speed_cap: int = 180
    duration_cap_ms: int = 2000
    min_spacing_ms: int = 50


@dataclass(frozen=True, slots=True)
class Refused:
    """Refused: `code` is for programs, `reason` for people."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision is made from."""

    estop: bool
    link: Status
    ready: bool
    stoppable: bool
    """Whether something outside this process can stop the robot."""
    parting: bool = False
    """Whether the robot has been stopped in order to be let go."""
    bounds: Refused | None = None
    """Why the distance limit allows no motion."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Allowed: the command to send and for how long."""

    command: Command
    speed: int
    heading: int
    ms: int


@dataclass(slots=True)
class LastStop:
    """When the newest stop was asked for (monotonic s): stops overtake, so an older wish may come later."""

    stop_at: float = float("-inf")
    estop_at: float = float("-inf")

    def stopped(self, at: float) -> None:
        """A stop that was asked for then is being obeyed."""
        self.stop_at = max(self.stop_at, at)

    def latched(self, at: float) -> None:
        """So is an emergency stop."""
        self.stopped(at)
        self.estop_at = max(self.estop_at, at)

    def overtook(self, request: Request) -> bool:
        """Whether a stop that was asked for after this request has been obeyed before it."""
        if isinstance(request.intent, ClearEstop):
            return request.received_at < self.estop_at
        return isinstance(request.intent, MOVES) and request.received_at < self.stop_at


def refusal(situation: Situation, age_s: float) -> Refused | None:
    """Return why no motion at all is possible now, or None. `age_s`: how long ago it was asked for."""
    if situation.estop:
        return Refused("ESTOP", "the emergency stop is latched; clear it first")
    if situation.parting:
        return Refused("PARTING", "the robot is being let go, so it is not set in motion any more")
    if age_s > STALE_MOTION_S:
        return Refused("STALE", f"the command is {age_s:.1f} s old")
    if not situation.ready:
        return Refused("NOT_READY", f"{situation.link.reason} {situation.link.remedy}".strip())
    if not situation.stoppable:
        return Refused(
            "UNARMED",
            "only this app could stop the robot now, so it is not set in motion: turn on the option "
            "motion_timeout, or look in the log for why the guard does not run",
        )
    return situation.bounds


def decide(drive: Drive, situation: Situation, limits: Limits, age_s: float) -> Allowed | Refused:
    """Allow a drive, capped in speed and time, or refuse it."""
    return refusal(situation, age_s) or capped(drive, limits)


def capped(drive: Drive, limits: Limits) -> Allowed:
    """Cap a drive in speed and time; speed 0 turns in place."""
    speed = min(drive.speed, limits.speed_cap)
    command = commands.roll(speed, drive.heading) if speed else commands.spin_in_place(drive.heading)
    return Allowed(command, speed, drive.heading, min(drive.ms, limits.duration_cap_ms))
