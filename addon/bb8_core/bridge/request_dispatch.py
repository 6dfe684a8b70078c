"""The bridge: hands each request to the part that carries it out, and informs all parts about the link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bb8_core.bridge.command_history import History
from bb8_core.bridge.direction_buttons import Steering
from bb8_core.bridge.drive_commands import Driving
from bb8_core.bridge.light_state import Lamps
from bb8_core.bridge.non_motion_commands import Errands
from bb8_core.bridge.state_publishing import Reports
from bb8_core.bridge.stop_commands import Stopping
from bb8_core.link.connection_states import Cause, LinkState, Status
from bb8_core.link.robot_connection import RobotLink
from bb8_core.manual_driving.control_owner import Pilot
from bb8_core.manual_driving.hold_to_drive import Helm
from bb8_core.manual_driving.path_tracking import Survey
from bb8_core.motion.distance_limit import Whereabouts
from bb8_core.motion.emergency_latch import EstopLatch
from bb8_core.motion.motion_control import Motion, MotionState
from bb8_core.motion.motion_gate import Limits, Situation, refusal
from bb8_core.motion.motion_watchdog import Deadman
from bb8_core.publish_interface import Voice
from bb8_core.requests import acknowledgement as acks
from bb8_core.requests.acknowledgement import STOPPED, Outcome, Report, silent
from bb8_core.requests.payload_parsing import (
    ClearEstop,
    Connect,
    Disconnect,
    Drive,
    Estop,
    Macro,
    Notify,
    PlayScene,
    Power,
    Request,
    ReturnToStart,
    SpeedCap,
    Steer,
    SteerSpeed,
    SteerTime,
    Stop,
)
from bb8_core.robot.async_messages import Event
from bb8_core.routines.routine_dispatch import RoutineOptions, Routines
from bb8_core.task_group import run_together

_OPEN = frozenset({LinkState.WAKING, LinkState.READY})


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
        options: RoutineOptions | None = None,
    ) -> None:
        """Build the parts; `save` runs a slow file operation outside of the event loop."""
        options = options or RoutineOptions()
        self._link = link
        self._voice = voice
        self._ending = False
        self._was_open = False
        self.where = Whereabouts(options.distance_limit_m)
        self.lamps = Lamps(voice)
        self.history = History(voice)
        self.steering = Steering(voice, limits)
        self.reports = Reports(link, voice)
        self.motion = Motion(
            link.channel,
            limits.min_spacing_ms / 1000,
            lambda: self.routines.on_the_way(self.situation()),
            deadman,
            self._motion_changed,
            partial(link.cut, Cause.STOP_UNANSWERED),
        )
        self.stopping = Stopping(link, self.motion, voice, latch, save)
        self._errands = Errands(
            link, self.motion, self.lamps, self.stopping, lambda: refusal(self.situation(), 0.0)
        )
        self.driving = Driving(link, self.motion, voice, limits, self.situation, self.stopping.last.overtook)
        self.helm = Helm(self.driving.hold, self.stopping.halt, self.stopping.last, self._active)
        self.survey = Survey(link, self.motion.pump, self.where)
        self.routines = Routines(
            options,
            self.motion,
            self.driving,
            self._errands,
            self.lamps,
            self.survey,
            self.where,
            lambda: refusal(replace(self.situation(), bounds=None), 0.0),
            self.stopping.last.overtook,
        )
        self.packets = link.packets

    def _active(self) -> bool:
        """Whether the robot moves, or will: a motion waits for the connection, a position or its turn."""
        return self.motion.active or self.driving.waiting or self.routines.waiting

    def situation(self) -> Situation:
        """What decisions about motion are made from."""
        link = self._link
        parting = self._ending or self._errands.parting
        bounds = self.where.refusal(_now())
        return Situation(self.stopping.latched, link.status, link.ready, link.stoppable, parting, bounds)

    async def run(self) -> None:
        """Publish the first states, then write and poll until cancelled."""
        self.stopping.save_latch()
        self._publish_all()
        await run_together(
            pump=self.motion.pump.run(), poll=self.reports.poll(self._errands.wait_ready, self.motion.pump)
        )

    def pulse(self, stood_still: bool) -> None:
        """Called ten times a second; a robot that nothing else can stop, or after a freeze, is stopped."""
        self._link.guard.beat()
        if stood_still:
            self.stopping.last.stopped(_now())
        if self.motion.active and (stood_still or not self._link.stoppable):
            self.motion.stop(silent)
        self.routines.keep_within_bounds()

    async def end(self, timeout_s: float) -> None:
        """Stop the robot for the last time: nothing moves it any more."""
        self._ending = True
        self.stopping.save_latch()
        if self._link.channel.open:
            await self.stopping.stop_at_the_end(timeout_s)

    # Requests

    def stop_silently(self, intent: Stop | Estop, asked_at: float) -> None:
        """Stop at once because of a copy of a command; the command itself is acknowledged when it comes."""
        self.stopping.obey(intent, silent, asked_at)

    def obey(self, request: Request) -> None:
        """Carry out a request, or refuse it with a reason; every step is acknowledged."""
        self._admit(request, None, self._reporter(request))

    def obey_page(self, request: Request, pilot: Pilot, heard: Report) -> None:
        """The same for a request of a page; `heard` gets each step, MQTT does not."""
        step = self.history.follow(request.cmd)

        def report(outcome: Outcome) -> None:
            step(outcome)
            heard(outcome)

        self._admit(request, pilot, report)

    def _admit(self, request: Request, pilot: Pilot | None, report: Report) -> None:
        intent = request.intent
        if self.stopping.last.overtook(request):
            report(STOPPED)
        elif (refused := self.helm.admit(pilot, intent)) is not None:
            report(acks.rejected(refused.code, refused.reason))
        else:
            self._carry_out(request, report, pilot.name if pilot else "MQTT")

    def _carry_out(self, request: Request, report: Report, by: str) -> None:
        intent = request.intent
        match intent:
            case Stop() | Estop() | ClearEstop():
                self.stopping.obey(intent, report, request.received_at, by)
            case Drive() | Macro():
                self.driving.move(request, report)
            case Steer():
                drive = self.steering.drive(intent, self.motion.state.heading)
                self.driving.move(replace(request, intent=drive), report)
            case Notify() | ReturnToStart() | PlayScene():
                self.routines.obey(request, report)
            case SpeedCap():
                self.driving.cap(intent, report)
            case SteerSpeed() | SteerTime():
                self.steering.set(intent, report)
            case Connect() | Power(action="wake"):
                self._errands.connect(report)
            case Disconnect():
                self._errands.disconnect(report)
            case Power():
                self._errands.sleep(report)
            case _:
                self._errands.obey(intent, report)

    def _reporter(self, request: Request) -> Report:
        """Acknowledge each step of a request, and remember how far it came."""
        step = self.history.follow(request.cmd)

        def report(outcome: Outcome) -> None:
            self._voice.ack(request.cmd, acks.payload(request, outcome))
            step(outcome)

        return report

    # The link

    def link_changed(self, status: Status) -> None:
        """The link's state changed; if it was open and is not any more, everything that waits is dropped."""
        if self._was_open and status.state not in _OPEN:
            self.motion.pump.drop_all()
            self.motion.link_lost()
        self._was_open = status.state in _OPEN
        if status.state is LinkState.READY:
            self._ready()
        else:
            self._errands.not_ready()
            self.driving.link_changed(ready=False)
        if status.state is LinkState.ASLEEP:
            self.lamps.out()
        self.motion.pump.poke()
        self.reports.connection()

    def _ready(self) -> None:
        readiness = self._link.readiness
        if readiness is None:
            return
        self.motion.expect_firmware_timeout(readiness.motion_timeout_ms)
        self.stopping.stop_again_if_latched()
        self.reports.ready(readiness)
        self._errands.ready()
        self.survey.ready()
        self.driving.link_changed(ready=True)

    def event(self, event: Event) -> None:
        """The robot sent something unasked."""
        self.reports.event(event)
        self.survey.event(event)
        self.routines.keep_within_bounds()

    # Publishing

    def _motion_changed(self, motion: MotionState) -> None:
        self._link.guard.moving(motion.guarded)
        self.reports.motion(motion)

    def _publish_all(self) -> None:
        self.reports.connection()
        self.stopping.publish()
        self.driving.publish()
        self.steering.publish()
        self.lamps.tell()
        self.reports.readings()
        self.reports.motion(self.motion.state)


def _now() -> float:
    return asyncio.get_running_loop().time()
