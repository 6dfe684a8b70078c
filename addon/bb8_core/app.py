"""The running app: wires robot, broker and status page together, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bb8_core.app_options import Options, data_dir, scenes_dir
from bb8_core.bridge.presence_check import summary, wish_of
from bb8_core.bridge.request_dispatch import Bridge
from bb8_core.build_identity import Identity
from bb8_core.guard.guard_client import GuardProcess
from bb8_core.link.after_connect import Wishes
from bb8_core.link.connection_states import Status
from bb8_core.link.radio_interface import LinkError
from bb8_core.link.robot_connection import LinkConfig, RobotLink
from bb8_core.motion.emergency_latch import EstopLatch
from bb8_core.motion.motion_gate import Limits
from bb8_core.motion.motion_watchdog import Deadman
from bb8_core.mqtt.broker_connections import Connections, Listeners
from bb8_core.mqtt.discovery_message import About, page_url
from bb8_core.mqtt.publisher import Announcer
from bb8_core.mqtt.topics import Topics
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import Backends, BleakRadio
from bb8_core.radio.proxies.proxy_radio import ProxyRadio
from bb8_core.radio.several_radios import SeveralRadios
from bb8_core.requests.acknowledgement import body, rejected
from bb8_core.requests.payload_parsing import BadPayload
from bb8_core.requests.refuse_or_accept import RawCommand, Reception
from bb8_core.requests.stop_deduplication import Arrivals
from bb8_core.requests.suspend_detection import BEAT_S, Standstill
from bb8_core.requests.thread_inbox import Inbox
from bb8_core.robot.async_messages import Event
from bb8_core.robot.gesture_steps import GESTURES
from bb8_core.routines.routine_dispatch import RoutineOptions
from bb8_core.routines.scene_folder import load_scenes
from bb8_core.task_group import TaskEnded, run_together
from bb8_core.web.http_server import StatusServer
from bb8_core.web.open_pages import Cockpit
from bb8_core.web.robot_thread import Wheel
from bb8_core.web.status_page import SHOWN_OPTIONS, Page, SideLoop

PAGE_PORT = 8099
"""The ingress port of the manifest; BB8_PAGE_PORT overrides it if several bridges share a machine."""
STOP_BUDGET_S = 0.8
LINK_BUDGET_S = 3.2
PAGE_BUDGET_S = 0.2

_log = logging.getLogger("bb8.main")


class App:
    """Every part of a running bridge, and the order in which they start and end."""

    def __init__(self, options: Options, identity: Identity) -> None:
        """Build the parts on the running event loop; nothing is sent yet."""
        self.loop = asyncio.get_running_loop()
        self.options = options
        self.identity = identity
        self.disk = ThreadPoolExecutor(1, "disk")
        self.deadman = Deadman()
        topics = Topics(options.base_topic, options.discovery_prefix)
        about = About(
            identity.version,
            tuple(GESTURES),
            options.speed_cap,
            options.duration_cap_ms,
            options.collision_events,
            page_url(os.environ),
            _scene_names(),
        )
        self.voice = Announcer(topics, about, data_dir() / "robot.json", self.save)
        self.radio = _radio(options, self.voice.robot_address)
        self.guard = None if options.simulate else GuardProcess()
        self.link = RobotLink(
            self.radio, _link_config(options), self._link_changed, self._robot_event, self.guard
        )
        limits = Limits(options.speed_cap, options.duration_cap_ms, options.min_spacing_ms)
        latch = EstopLatch(data_dir() / "estop.json")
        routines = RoutineOptions(options.notifications, options.distance_limit_m, scenes_dir())
        self.bridge = Bridge(self.link, self.voice, limits, latch, self.deadman, self.save, routines)
        self.standstill = Standstill()
        self.reception = Reception(self.voice, self.bridge.obey, self.standstill.recent)
        inbox = Inbox(self.loop, self._receive, self.reception.flooded, self.bridge.stopping.rushed)
        self.arrivals = Arrivals(inbox, self.bridge.stop_silently)
        stopping = self.bridge.stopping
        listeners = Listeners(stopping.broker_lost, self._ble_ready, stopping.witness)
        self.connections = Connections(options, topics, self.voice, self.arrivals, listeners, self.standstill)
        self.tasks: set[asyncio.Task[None]] = set()
        self.side: SideLoop | None = None
        self.server: StatusServer | None = None

    def save(self, write: Callable[[], object]) -> None:
        """Run a file operation in the disk's thread, one after the other."""
        self.disk.submit(write)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until asked to stop, then end within 5 s."""
        self.deadman.start()
        self.voice.status("identity", self.identity.as_json())
        self._introduce()
        link = self.spawn(self._run_link())
        work = run_together(
            bridge=self.bridge.run(),
            mqtt=self.connections.run(),
            radio=self.radio.run(),
            pulse=self._pulse(),
        )
        others = self.spawn(work)
        self._start_page()
        waiter = self.spawn(_wait(stopping))
        await asyncio.wait((link, others, waiter), return_when=asyncio.FIRST_COMPLETED)
        await self._end(link)
        if not waiter.done():
            raise self._ended_by(link, others)

    @staticmethod
    def _ended_by(*tasks: asyncio.Task[None]) -> BaseException:
        """Why a task has ended that should run forever."""
        errors = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        return next((error for error in errors if error is not None), TaskEnded("a task has ended"))

    async def _pulse(self) -> None:
        """Show the guard that this process is alive, and notice when it was not."""
        while True:
            stood_still = self.standstill.beat()
            if stood_still:
                _log.warning("the app stood still: commands that arrive now are refused, stops excepted")
            self.bridge.pulse(stood_still)
            await asyncio.sleep(BEAT_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task that ends with the app."""
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def _introduce(self) -> None:
        """Announce a configured robot before it was ever met: its device shows why it is away."""
        address = self.options.robot_address
        if address and address != self.voice.robot_address:
            self.voice.robot_known(address, self.options.robot_name or "BB-8", "")

    async def _run_link(self) -> None:
        """Close a connection that an earlier run left open, on which the robot also stops; run the link."""
        try:
            await self.radio.close_stale(self.voice.robot_address)
        except LinkError as error:
            _log.info("cannot look for an earlier connection: %s", error)
        await self.link.run()

    def _link_changed(self, status: Status) -> None:
        self.bridge.link_changed(status)

    def _robot_event(self, event: Event) -> None:
        self.bridge.event(event)

    # What came in

    def _receive(self, raw: RawCommand) -> None:
        self.reception.receive(raw, self.loop.time())

    def _ble_ready(self, payload: bytes) -> None:
        try:
            timeout_s, nonce = wish_of(payload)
        except BadPayload as bad:
            self.reception.refused[bad.code] += 1
            refusal = body(None, rejected(bad.code, bad.reason))
            del refusal["cid"]
            self.voice.ack("ble_ready", refusal)
            return
        self.spawn(self._answer_ble_ready(timeout_s, nonce))

    async def _answer_ble_ready(self, timeout_s: float, nonce: Any) -> None:
        self.voice.say("ble_ready/summary", await summary(self.link, timeout_s, nonce))

    # The page

    def _start_page(self) -> None:
        """Serve the status page; without it the bridge still works."""
        options = self.options
        shown = {name: getattr(options, name) for name in SHOWN_OPTIONS}
        page = Page(
            self.bridge,
            self.loop,
            self.identity,
            options.simulate,
            self._mqtt_state,
            shown,
            lambda: self.radio.proxies,
        )
        self.side = SideLoop()
        self.server = StatusServer(page, Cockpit(Wheel(self.bridge, self.loop), page.snapshot))
        port = int(os.environ.get("BB8_PAGE_PORT", PAGE_PORT))
        try:
            # The server itself admits ingress and loopback only.
            self.side.run(self.server.start("0.0.0.0", port), 5.0)  # noqa: S104
        except OSError as error:
            _log.warning("cannot serve the status page: %s", error)

    def _end_page(self) -> None:
        if self.side is not None and self.server is not None:
            with contextlib.suppress(TimeoutError):
                self.side.run(self.server.stop(), PAGE_BUDGET_S)
            self.side.close()

    def _mqtt_state(self) -> dict[str, Any]:
        return {"connected": self.connections.connected, "reason": self.connections.reason}

    # The end

    async def _end(self, link: asyncio.Task[None]) -> None:
        """Stop the robot, disconnect it, log off from the broker: 5 s in all.

        In this order, because the retained states on the broker have to be true.
        """
        _log.info("stopping")
        await self.bridge.end(STOP_BUDGET_S)
        link.cancel()
        await asyncio.wait((link,), timeout=LINK_BUDGET_S)
        self.voice.farewell()
        await self.loop.run_in_executor(None, self.connections.farewell)
        self.deadman.close()
        if self.guard is not None:
            self.guard.close()
        for task in list(self.tasks):
            task.cancel()
        self._end_page()
        self.disk.shutdown(wait=True)


def _scene_names() -> tuple[str, ...]:
    """The names of the user's scenes; what is wrong with others is logged."""
    scenes = load_scenes(scenes_dir())
    for problem in scenes.problems:
        _log.warning("scene %s", problem)
    return tuple(scenes.found)


async def _wait(stopping: asyncio.Event) -> None:
    await stopping.wait()


def _link_config(options: Options) -> LinkConfig:
    wishes = Wishes(options.motion_timeout, options.collision_events)
    return LinkConfig(options.keep_connected, options.idle_disconnect_s, wishes, options.adapter)


def _radio(options: Options, remembered: str) -> SeveralRadios:
    """Look for the configured robot, else for the one of earlier runs: another never replaces it unasked."""
    if not options.simulate:
        chosen = options.robot_address or ("" if options.robot_name else remembered)
        target = Target(chosen, options.robot_name)
        proxies = [ProxyRadio(address, target) for address in options.proxies]
        return SeveralRadios(BleakRadio(target, options.adapter), proxies)
    from bb8_core.simulator.bleak_backend import backends
    from bb8_core.simulator.bluetooth_robot import SimulatedBB8

    simulated = backends(SimulatedBB8())
    return SeveralRadios(BleakRadio(Target(), "", Backends(simulated.client, simulated.scanner)), ())
