"""A bridge on a simulated robot, without broker and without waiting: the clock jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.addon.voices import Ears

from bb8_core.bridge.request_dispatch import Bridge
from bb8_core.guard.guard_interface import Guardian
from bb8_core.link.connection_states import LinkState, Status
from bb8_core.link.robot_connection import LinkConfig, RobotLink
from bb8_core.motion.emergency_latch import EstopLatch
from bb8_core.motion.motion_gate import Limits
from bb8_core.motion.motion_watchdog import Deadman
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import Backends, BleakRadio
from bb8_core.requests.refuse_or_accept import RawCommand, Reception
from bb8_core.requests.stop_deduplication import Arrivals
from bb8_core.requests.suspend_detection import BEAT_S, Standstill
from bb8_core.requests.thread_inbox import Inbox
from bb8_core.robot.async_messages import Event
from bb8_core.robot.packet_framing import Command
from bb8_core.routines.routine_dispatch import RoutineOptions
from bb8_core.simulator.bleak_backend import Air, backends
from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.simulator.injected_faults import Faults

Save = Callable[[Callable[[], object]], None]


class Rig:
    """Robot, link and bridge, wired as the program wires them."""

    def __init__(
        self,
        tmp_path: Path,
        *,
        faults: Faults | None = None,
        config: LinkConfig | None = None,
        limits: Limits | None = None,
        target: Target | None = None,
        save: Save | None = None,
        guard: Guardian | None = None,
        routines: RoutineOptions | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.robot = SimulatedBB8(clock=loop.time, faults=faults or Faults())
        self.air = Air([self.robot])
        simulated = backends(self.air)
        self.radio = BleakRadio(target or Target(), "", Backends(simulated.client, simulated.scanner))
        self.ears = Ears()
        self.deadman = Deadman(lambda: None)
        config = config or LinkConfig(keep_connected=True)
        self.link = RobotLink(
            self.radio,
            config,
            self._link_changed,
            self._robot_event,
            guard,
        )
        self.latch_file = tmp_path / "estop.json"
        self.latch = EstopLatch(self.latch_file)
        limits = limits or Limits()
        save = save or _at_once
        self.bridge = Bridge(self.link, self.ears, limits, self.latch, self.deadman, save, routines)
        self.standstill = Standstill(loop.time)
        self.reception = Reception(self.ears, self.bridge.obey, self.standstill.recent)
        self.inbox = Inbox(loop, self._take, self.reception.flooded, self.bridge.stopping.rushed)
        self.arrivals = Arrivals(self.inbox, self.bridge.stop_silently)
        self._delivered = 0
        self._tasks = [
            loop.create_task(self.bridge.run()),
            loop.create_task(self.link.run()),
        ]
        self._next_pulse = loop.call_soon(self._pulse)

    def _pulse(self) -> None:
        self._next_pulse = self.loop.call_later(BEAT_S, self._pulse)
        self.bridge.pulse(self.standstill.beat())

    def _take(self, raw: RawCommand) -> None:
        self.reception.receive(raw, self.loop.time())

    def _link_changed(self, status: Status) -> None:
        self.bridge.link_changed(status)

    def _robot_event(self, event: Event) -> None:
        self.bridge.event(event)

    def deliver(self, cmd: str, payload: bytes | str = b"{}") -> None:
        """Hand a command over as the broker's thread does: stops overtake what waits."""
        self.arrivals.regular(self._come(cmd, payload))

    def overtake(self, cmd: str, payload: bytes | str = b"{}") -> None:
        """Hand a stop over as the thread of the stops' own connection does."""
        self.arrivals.fast(self._come(cmd, payload))

    def _come(self, cmd: str, payload: bytes | str) -> RawCommand:
        raw = payload.encode() if isinstance(payload, str) else payload
        return RawCommand(cmd, raw, False, self.arrival())

    def arrival(self) -> float:
        """The time of a message: two never come at the same time, though the clock that jumps has them so."""
        self._delivered += 1
        return self.loop.time() + self._delivered * 1e-9

    def send(self, cmd: str, payload: bytes | str = b"{}", *, retained: bool = False) -> None:
        """Deliver a command as the broker's side does."""
        raw = payload.encode() if isinstance(payload, str) else payload
        self.reception.receive(RawCommand(cmd, raw, retained, self.loop.time()), self.loop.time())

    def slow_wire(self, seconds: float) -> None:
        """From now on each write takes so long, as over the air; the robot hears it at the end."""
        self.air.write_s = seconds

    async def until(
        self, condition: Callable[[], bool], timeout_s: float = 60.0, every_s: float = 0.01
    ) -> None:
        """Let time pass until something holds; for what takes long, look less often."""
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 - the clock jumps, so this costs nothing
                await asyncio.sleep(every_s)

    async def until_ready(self) -> None:
        """Let time pass until the robot answers."""
        await self.until(lambda: self.link.status.state is LinkState.READY)

    async def close(self) -> None:
        """End the link and the bridge in order."""
        self._next_pulse.cancel()
        for task in reversed(self._tasks):
            task.cancel()
            await asyncio.wait((task,))

    # What the robot heard

    def frames(self) -> list[tuple[float, bytes]]:
        """Every command frame that reached the robot, with its time."""
        return list(self.robot.log)

    def commands(self) -> list[tuple[float, Command]]:
        """The same as commands."""
        return [(at, read(frame)) for at, frame in self.frames()]

    def motor_commands(self) -> list[tuple[float, Command]]:
        """Those that set the motors, stops included."""
        return [(at, command) for at, command in self.commands() if command.is_motor or command.is_stop]

    def last_motor(self) -> Command:
        """The motor command that counts now."""
        return self.motor_commands()[-1][1]


def read(frame: bytes) -> Command:
    """Decode a command frame."""
    sop2, did, cid, _seq, length = frame[1:6]
    return Command(did, cid, frame[6 : 5 + length], answer=bool(sop2 & 1), reset_timer=bool(sop2 & 2))


def _at_once(write: Callable[[], object]) -> None:
    write()
