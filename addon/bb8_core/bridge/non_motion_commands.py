"""Commands that do not move the robot: lights, heading, balance, ping, connect, disconnect and sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from bb8_core.bridge.light_state import Lamps, after
from bb8_core.bridge.stop_commands import Stopping
from bb8_core.link.connection_states import CONNECTABLE, Cause
from bb8_core.link.robot_connection import RobotLink
from bb8_core.motion.motion_control import Motion
from bb8_core.motion.motion_gate import Refused
from bb8_core.motion.send_queue import Item, Kind
from bb8_core.requests.acknowledgement import ACCEPTED, SENT, AckStatus, Outcome, Report, rejected
from bb8_core.requests.payload_parsing import Led, LedChange, Ping, SetHeading, Stabilize, Tail
from bb8_core.robot import commands
from bb8_core.robot.packet_framing import Command

PROMPT_TTL_S = 2.0
"""How long a command may wait while the robot is connected."""
PATIENT_TTL_S = 15.0
"""How long it may wait for the connection first."""
WAKE_TIMEOUT_S = 30.0

Errand = Led | LedChange | Tail | SetHeading | Stabilize | Ping


class Errands:
    """Carries such commands out. Belongs to the event loop."""

    def __init__(
        self,
        link: RobotLink,
        motion: Motion,
        lamps: Lamps,
        stopping: Stopping,
        refusal: Callable[[], Refused | None],
    ) -> None:
        """`refusal` returns why motion is not possible now: switching the balance can move the robot."""
        self._link = link
        self._motion = motion
        self._lamps = lamps
        self._stopping = stopping
        self._refusal = refusal
        self._became_ready = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self.parting = False
        """Whether the robot has been stopped in order to be disconnected."""

    def obey(self, errand: Errand, report: Report) -> None:
        """Carry one out, or refuse it."""
        match errand:
            case Led() | LedChange():
                self._led(errand, report)
            case Tail(brightness):
                done = _then(report, lambda: self._lamps.set_tail(brightness))
                self._queue(Kind.TAIL, commands.tail_led(brightness), done)
            case SetHeading(heading):
                done = _then(report, lambda: self._motion.heading_set(heading))
                self._queue(Kind.DISCRETE, commands.set_heading(heading), done)
            case Stabilize(on):
                self._stabilize(on, report)
            case Ping():
                self._ping(report)

    def connect(self, report: Report) -> None:
        """Connect, and report how the robot answers a PING then."""
        self._spawn(self._connect(report))

    def disconnect(self, report: Report) -> None:
        """Stop the robot and disconnect it."""
        self._spawn(self._disconnect(report))

    def sleep(self, report: Report) -> None:
        """Stop the robot, send it to sleep, and disconnect."""
        self._spawn(self._sleep(report))

    def ready(self) -> None:
        """The robot is ready."""
        self._became_ready.set()

    def not_ready(self) -> None:
        """The robot is not ready any more."""
        self._became_ready.clear()
        self.parting = False

    async def wait_ready(self) -> None:
        """Wait until the robot is ready."""
        await self._became_ready.wait()

    def _queue(self, kind: Kind, command: Command, report: Report) -> None:
        """Queue a command, connecting first if that is possible; refuse it otherwise."""
        status = self._link.status
        if status.state not in CONNECTABLE:
            report(rejected("NOT_READY", f"{status.reason} {status.remedy}".strip()))
            return
        ttl_s = PROMPT_TTL_S
        if not self._link.ready:
            ttl_s = PATIENT_TTL_S
            self._link.want()
        report(ACCEPTED)
        expires = asyncio.get_running_loop().time() + ttl_s
        self._motion.pump.put(Item(kind, command, report, expires))

    def _led(self, wish: Led | LedChange, report: Report) -> None:
        light = after(self._lamps.light, wish)
        done = _then(report, lambda: self._lamps.set_light(light))
        self._queue(Kind.LED, commands.rgb_led(*light.shown), done)

    def _stabilize(self, on: bool, report: Report) -> None:
        refused = self._refusal()
        if refused is not None:
            report(rejected(refused.code, refused.reason))
            return
        done = _then(report, lambda: self._motion.balance_changed(on))
        self._queue(Kind.DISCRETE, commands.stabilisation(1 if on else 0), done)

    def _ping(self, report: Report) -> None:
        if not self._link.ready:
            report(rejected("NOT_READY", self._link.status.reason))
            return
        self._queue(Kind.DISCRETE, commands.ping(reset_timer=False), report)

    async def _connect(self, report: Report) -> None:
        report(ACCEPTED)
        self._link.want()
        try:
            async with asyncio.timeout(WAKE_TIMEOUT_S):
                while not self._link.ready:
                    await self._became_ready.wait()
        except TimeoutError:
            status = self._link.status
            report(Outcome(AckStatus.EXPIRED, "NOT_REACHED", f"{status.reason} {status.remedy}".strip()))
        else:
            expires = asyncio.get_running_loop().time() + PROMPT_TTL_S
            self._motion.pump.put(Item(Kind.DISCRETE, commands.ping(), report, expires))

    async def _disconnect(self, report: Report) -> None:
        """Nothing sets the robot in motion between the stop and the end of the link."""
        report(ACCEPTED)
        self._stopping.last.stopped(asyncio.get_running_loop().time())
        if self._link.ready:
            self.parting = True
            await self._stopping.stop_and_wait(1.0)
        self.parting = self._link.ready
        self._link.release(Cause.USER)
        report(SENT)

    async def _sleep(self, report: Report) -> None:
        if not self._link.ready:
            report(rejected("NOT_READY", self._link.status.reason))
            return
        await self._stopping.stop_and_wait(1.0)
        asleep = _then(report, lambda: self._link.release(Cause.SLEEP_COMMANDED))
        self._queue(Kind.DISCRETE, commands.sleep(), asleep)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _then(report: Report, action: Callable[[], None]) -> Report:
    """Report, and act once the robot has confirmed."""

    def both(outcome: Outcome) -> None:
        report(outcome)
        if outcome.status is AckStatus.CONFIRMED:
            action()

    return both
