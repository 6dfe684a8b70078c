"""The bridge: obeys requests, keeps what is known about the robot, and tells it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from bb8_core.bridge.history import History, Recent
from bb8_core.bridge.lights import Lamps, after
from bb8_core.bridge.telemetry import Telemetry, event_json, with_event, with_power
from bb8_core.link.handshake import read_odometer, read_power
from bb8_core.link.session import RobotLink
from bb8_core.link.states import CONNECTABLE, Cause, LinkState, Status
from bb8_core.link.transport import AnswerTimeout, LinkError
from bb8_core.motion.deadman import Deadman
from bb8_core.motion.gate import LastStop, Limits, Refused, Situation, decide, refusal
from bb8_core.motion.latch import EstopLatch, Keeper
from bb8_core.motion.motion import Motion, MotionState, Report
from bb8_core.motion.outbox import Item, Kind, silent
from bb8_core.motion.pump import Pump
from bb8_core.ports import Voice
from bb8_core.requests import outcome as acks
from bb8_core.requests.intents import (
    ClearEstop,
    Connect,
    Disconnect,
    Drive,
    Estop,
    Led,
    LedChange,
    Macro,
    Ping,
    Power,
    Request,
    SetHeading,
    SpeedCap,
    Stabilize,
    Stop,
    Tail,
)
from bb8_core.requests.outcome import AckStatus, Outcome, rejected
from bb8_core.robot import commands
from bb8_core.robot.macros import GESTURES, scaled
from bb8_core.robot.protocol import Command
from bb8_core.robot.sensors import Event

PROMPT_TTL_S = 2.0
"""How long a discrete command may wait while the robot is connected."""
PATIENT_TTL_S = 15.0
"""How long it may wait for the robot to be connected first."""
WAKE_TIMEOUT_S = 20.0
TELEMETRY_EVERY_S = 60.0

_OPEN = frozenset({LinkState.WAKING, LinkState.READY})
_log = logging.getLogger("bb8.bridge")


class Bridge:
    """Everything here belongs to one event loop."""

    def __init__(
        self,
        link: RobotLink,
        voice: Voice,
        limits: Limits,
        latch: EstopLatch,
        deadman: Deadman,
        save: Callable[[Callable[[], object]], None],
    ) -> None:
        """Wire it; `save` runs a slow file operation outside of the event loop."""
        self._link = link
        self._voice = voice
        self._highest_cap = limits.speed_cap
        self._limits = limits
        self._latch = latch
        self._last_stop = LastStop()
        self._keeper = Keeper(latch, save)
        self._ending = False
        self._parting = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._was_open = False
        self._lamps = Lamps(voice)
        self._telemetry = Telemetry()
        self._history = History()
        self._became_ready = asyncio.Event()
        self.motion = Motion(self.situation, deadman, self._tell_motion, self._unstoppable)
        self.pump = Pump(
            link.channel, limits.min_spacing_ms / 1000, self.motion.may_send, self.motion.written
        )
        self.motion.attach(self.pump)

    # What others ask

    def situation(self) -> Situation:
        """What motion decisions are made from."""
        readiness = self._link.readiness
        stops = readiness is not None and readiness.stops_itself
        parting = self._ending or self._parting
        return Situation(self._latch.latched, self._link.status, self._link.ready, stops, parting)

    @property
    def telemetry(self) -> Telemetry:
        """The readings of this moment."""
        return self._telemetry

    @property
    def estop(self) -> bool:
        """Whether the emergency stop is latched."""
        return self._latch.latched

    @property
    def recent(self) -> tuple[Recent, ...]:
        """The last commands, newest first."""
        return self._history.commands

    async def run(self) -> None:
        """Tell the first states, then write and poll until cancelled."""
        self._tell_all()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pump.run())
            group.create_task(self._poll())

    async def stop_and_wait(self, timeout_s: float) -> Outcome:
        """Stop the robot; returns what became of it, NO_ANSWER after `timeout_s` seconds."""
        return await self._await_outcome(self._stop, timeout_s)

    async def end(self, timeout_s: float) -> None:
        """Stop the robot for the last time: from here on nothing moves it any more."""
        self._ending = True
        self._keeper.save_again()
        if self._link.channel.open:
            await self.stop_and_wait(timeout_s)

    async def estop_and_wait(self, timeout_s: float) -> Outcome:
        """Latch the emergency stop; returns what became of the stop, ACCEPTED if no robot is connected."""
        if self._link.channel.open:
            return await self._await_outcome(self._estop, timeout_s)
        self._estop(silent)
        return acks.ACCEPTED

    async def clear_estop(self) -> None:
        """Lift the emergency stop."""
        self._clear_estop()

    def broker_lost(self) -> None:
        """Nobody can tell us to stop any more, so we stop."""
        self._last_stop.stopped(self._now())
        if self.motion.state.moving or len(self.pump):
            self._stop(silent)

    def rushed(self) -> None:
        """Commands come so fast that the broker may have dropped a stop among them: stop as if it had not.

        It comes again and again as long as the rush lasts: latching and stopping once is enough.
        """
        self._last_stop.latched(self._now())
        moves = self.motion.state.moving or self.pump.waiting(Kind.DRIVE)
        if moves and not self._latch.latched:
            _log.error("so many commands a second that a stop among them may be lost: stopping for good")
            self._estop(silent)

    def stop_silently(self, intent: Stop | Estop, asked_at: float) -> None:
        """Stop at once because of a copy of a command; the command itself is acknowledged when it comes."""
        self._carry_out(Request("stop", intent, None, asked_at), silent)

    def obey(self, request: Request) -> None:
        """Carry out a request, or refuse it with a reason; every step is acknowledged."""
        report = self._reporter(request)
        if self._last_stop.overtook(request):
            report(acks.STOPPED)
        else:
            self._carry_out(request, report)

    def _carry_out(self, request: Request, report: Report) -> None:
        intent = request.intent
        match intent:
            case Stop():
                self._stop(report, request.received_at)
            case Estop():
                self._estop(report, request.received_at)
            case ClearEstop():
                self._clear_estop()
                report(acks.ACCEPTED)
            case Drive():
                self._drive(intent, report, self._age(request))
            case Macro():
                self._macro(intent, report, self._age(request))
            case SpeedCap():
                self._cap(intent, report)
            case Connect() | Power(action="wake"):
                self._spawn(self._connect(report))
            case Disconnect():
                self._spawn(self._disconnect(report))
            case Power():
                self._spawn(self._sleep(report))
            case _:
                self._obey_discrete(intent, report)

    def _obey_discrete(self, intent: Any, report: Report) -> None:
        match intent:
            case Led() | LedChange():
                self._led(intent, report)
            case Tail(brightness):
                command = commands.tail_led(brightness)
                self._discrete(Kind.TAIL, command, _then(report, lambda: self._lamps.set_tail(brightness)))
            case SetHeading(heading):
                self._discrete(Kind.DISCRETE, commands.set_heading(heading), report)
            case Stabilize(on):
                self._stabilize(on, report)
            case Ping():
                self._ping(report)

    # Motion

    def _drive(self, drive: Drive, report: Report, age_s: float) -> None:
        decision = decide(drive, self.situation(), self._limits, age_s)
        if isinstance(decision, Refused):
            report(rejected(decision.code, decision.reason))
            return
        report(acks.ACCEPTED)
        self.motion.drive(decision, report)

    def _macro(self, macro: Macro, report: Report, age_s: float) -> None:
        gesture = GESTURES.get(macro.name)
        if gesture is None:
            report(
                rejected(
                    "UNKNOWN_MACRO", f"there is no gesture {macro.name!r}; there are {', '.join(GESTURES)}"
                )
            )
            return
        refused = refusal(self.situation(), age_s)
        if refused is not None:
            report(rejected(refused.code, refused.reason))
            return
        report(acks.ACCEPTED)
        self.motion.play(macro.name, scaled(gesture, self._limits.speed_cap), report)

    def _stop(self, report: Report, asked_at: float | None = None) -> None:
        """Not gated by anything: whatever the state, nothing that waits moves the robot any more."""
        self._last_stop.stopped(self._now() if asked_at is None else asked_at)
        open_wire = self._link.channel.open
        if open_wire:
            report(acks.ACCEPTED)
            self.motion.stop(report)
            return
        self.motion.link_lost()
        self.pump.drop_motion()
        reason = "the robot is not connected, so there is nothing to stop; it stops itself when a link ends"
        report(rejected("NOT_CONNECTED", reason))

    def _estop(self, report: Report, asked_at: float | None = None) -> None:
        """Stop first, then remember: the disk may be slow."""
        self._last_stop.latched(self._now() if asked_at is None else asked_at)
        self._latch.set()
        if self._link.channel.open:
            report(acks.ACCEPTED)
            self.motion.emergency_stop(report)
        else:
            self.motion.link_lost()
            self.pump.drop_motion()
            report(replace(acks.ACCEPTED, reason="latched; the robot is not connected"))
        self._keeper.save()
        self._voice.state("estop", self._estop_json())
        _log.warning("emergency stop latched")

    def _clear_estop(self) -> None:
        self._latch.clear()
        self._keeper.save()
        self._voice.state("estop", self._estop_json())
        _log.info("emergency stop lifted")

    def _unstoppable(self) -> None:
        _log.error("the robot did not answer a stop: cutting the link, on which it stops by itself")
        self._link.cut(Cause.STOP_UNANSWERED)

    def _cap(self, cap: SpeedCap, report: Report) -> None:
        if cap.value > self._highest_cap:
            report(rejected("BAD_VALUE", f"the option speed_cap allows at most {self._highest_cap}"))
            return
        self._limits = replace(self._limits, speed_cap=cap.value)
        self._voice.state("speed_cap", {"value": cap.value})
        report(acks.ACCEPTED)

    # The rest

    def _discrete(self, kind: Kind, command: Command, report: Report) -> None:
        """Queue a command, connecting first if that is possible; refuse it where it is not."""
        if self._link.status.state not in CONNECTABLE:
            status = self._link.status
            report(rejected("NOT_READY", f"{status.reason} {status.remedy}".strip()))
            return
        ttl_s = PROMPT_TTL_S
        if not self._link.ready:
            ttl_s = PATIENT_TTL_S
            self._link.want()
        report(acks.ACCEPTED)
        self.pump.put(Item(kind, command, report, self._now() + ttl_s))

    def _led(self, wish: Led | LedChange, report: Report) -> None:
        light = after(self._lamps.light, wish)
        self._discrete(
            Kind.LED, commands.rgb_led(*light.shown), _then(report, lambda: self._lamps.set_light(light))
        )

    def _stabilize(self, on: bool, report: Report) -> None:
        refused = refusal(self.situation(), 0.0)
        if refused is not None:
            report(rejected(refused.code, refused.reason))
            return
        command = commands.stabilisation(1 if on else 0)
        self._discrete(Kind.DISCRETE, command, _then(report, lambda: self.motion.balance_changed(on)))

    def _ping(self, report: Report) -> None:
        if not self._link.ready:
            report(rejected("NOT_READY", self._link.status.reason))
            return
        self._discrete(Kind.DISCRETE, commands.ping(reset_timer=False), report)

    async def _connect(self, report: Report) -> None:
        """Connect and report what the robot answers to a PING of now, which queues like any other command."""
        report(acks.ACCEPTED)
        self._link.want()
        try:
            async with asyncio.timeout(WAKE_TIMEOUT_S):
                while not self._link.ready:
                    await self._became_ready.wait()
        except TimeoutError:
            status = self._link.status
            report(Outcome(AckStatus.EXPIRED, "NOT_REACHED", f"{status.reason} {status.remedy}".strip()))
        else:
            self.pump.put(Item(Kind.DISCRETE, commands.ping(), report, self._now() + PROMPT_TTL_S))

    async def _disconnect(self, report: Report) -> None:
        """Stop the robot and let it go; nothing sets it in motion in between."""
        report(acks.ACCEPTED)
        if self._link.ready:
            self._parting = True
            await self.stop_and_wait(1.0)
        self._parting = self._link.ready
        self._link.release(Cause.USER)
        report(acks.SENT)

    async def _sleep(self, report: Report) -> None:
        """Stop, send the robot to sleep, and let it go once it has confirmed."""
        if not self._link.ready:
            report(rejected("NOT_READY", self._link.status.reason))
            return
        await self.stop_and_wait(1.0)
        asleep = _then(report, lambda: self._link.release(Cause.SLEEP_COMMANDED))
        self._discrete(Kind.DISCRETE, commands.sleep(), asleep)

    # What the link tells

    def link_changed(self, status: Status) -> None:
        """The link's state changed; what was open and is not any more takes everything that waits with it."""
        if self._was_open and status.state not in _OPEN:
            self.pump.drop_all()
            self.motion.link_lost()
        self._was_open = status.state in _OPEN
        if status.state is LinkState.READY:
            self._ready()
        else:
            self._became_ready.clear()
            self._parting = False
        if status.state is LinkState.ASLEEP:
            self._lamps.out()
        self.pump.poke()
        self._voice.status("connection", self.connection_json())
        self._voice.status("robot", "online" if status.state in CONNECTABLE else "offline")

    def _ready(self) -> None:
        readiness = self._link.readiness
        if readiness is None:
            return
        self.motion.expect_firmware_timeout(readiness.motion_timeout_ms)
        if self._latch.latched:
            self.motion.emergency_stop(silent)
        sighting = self._link.search.sighting
        telemetry = replace(
            with_power(self._telemetry, readiness.power),
            firmware=readiness.firmware,
            rssi=sighting.rssi if sighting else None,
        )
        self._update(telemetry)
        if sighting:
            self._voice.robot_known(sighting.address, sighting.name, readiness.firmware)
        self._became_ready.set()

    def robot_event(self, event: Event) -> None:
        """The robot said something unasked."""
        news = event_json(self._telemetry, event)
        if news is not None:
            self._voice.event({"ts": datetime.now(UTC).isoformat(timespec="milliseconds"), **news})
        self._update(with_event(self._telemetry, event))

    async def _poll(self) -> None:
        """Refresh the readings now and then, without keeping the robot awake."""
        while True:
            await self._became_ready.wait()
            try:
                power = await read_power(self._link.channel.request)
                odometer = await read_odometer(self._link.channel.request)
            except (LinkError, AnswerTimeout):
                await asyncio.sleep(1.0)
                continue
            latency = self.pump.last_rtt_ms
            self._update(
                replace(with_power(self._telemetry, power), odometer_cm=odometer, latency_ms=latency)
            )
            await asyncio.sleep(TELEMETRY_EVERY_S)

    # Telling

    def connection_json(self) -> dict[str, Any]:
        """The payload of `<base>/status/connection`."""
        status, sighting, readiness = self._link.status, self._link.search.sighting, self._link.readiness
        return {
            "state": status.state.value,
            "reason": status.reason,
            "remedy": status.remedy,
            "address": sighting.address if sighting else None,
            "name": sighting.name if sighting else None,
            "rssi": sighting.rssi if sighting else None,
            "stop_on_disconnect": readiness.stop_on_disconnect if readiness else None,
            "motion_timeout_ms": readiness.motion_timeout_ms if readiness else None,
            **self._link.counters,
        }

    def _tell_all(self) -> None:
        self._voice.status("connection", self.connection_json())
        self._voice.status("robot", "online" if self._link.status.state in CONNECTABLE else "offline")
        self._voice.state("estop", self._estop_json())
        self._voice.state("speed_cap", {"value": self._limits.speed_cap})
        self._lamps.tell()
        self._voice.status("telemetry", self._telemetry.as_json())
        self._tell_motion(self.motion.state)

    def _tell_motion(self, motion: MotionState) -> None:
        self._voice.state("motion", asdict(motion))

    def _update(self, telemetry: Telemetry) -> None:
        if telemetry != self._telemetry:
            self._telemetry = telemetry
            self._voice.status("telemetry", telemetry.as_json())

    def _estop_json(self) -> dict[str, Any]:
        return {"state": "ON" if self._latch.latched else "OFF"}

    def _reporter(self, request: Request) -> Report:
        """Acknowledge each step of a request, and remember how far it came."""
        step = self._history.follow(request.cmd)

        def report(outcome: Outcome) -> None:
            self._voice.ack(request.cmd, acks.payload(request, outcome))
            step(outcome)

        return report

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _age(self, request: Request) -> float:
        return max(0.0, self._now() - request.received_at)

    async def _await_outcome(self, action: Callable[[Report], None], timeout_s: float) -> Outcome:
        final: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def heard(outcome: Outcome) -> None:
            if outcome.final and not final.done():
                final.set_result(outcome)

        action(heard)
        try:
            async with asyncio.timeout(timeout_s):
                return await final
        except TimeoutError:
            return acks.NO_ANSWER

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
