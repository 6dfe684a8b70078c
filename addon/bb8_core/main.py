"""Starts the bridge: reads the options, wires robot, broker and page together, and ends them in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bb8_core import identity as identities
from bb8_core import logs
from bb8_core.bridge.bridge import Bridge
from bb8_core.bridge.presence import summary, wish_of
from bb8_core.identity import Identity
from bb8_core.link.handshake import Wishes
from bb8_core.link.session import LinkConfig, RobotLink
from bb8_core.link.states import Status
from bb8_core.link.transport import LinkError
from bb8_core.motion.deadman import Deadman
from bb8_core.motion.gate import Limits
from bb8_core.motion.latch import EstopLatch
from bb8_core.mqtt.announcer import About, Announcer
from bb8_core.mqtt.client import Handlers, MqttClient, Will
from bb8_core.mqtt.credentials import Broker, NoBroker, find
from bb8_core.mqtt.stop_connection import StopConnection
from bb8_core.mqtt.topics import Topics
from bb8_core.radio.bleak_radio import Backends, BleakRadio
from bb8_core.radio.matching import Target
from bb8_core.requests.arrivals import Arrivals
from bb8_core.requests.inbox import Inbox
from bb8_core.requests.intents import BadPayload
from bb8_core.requests.reception import RawCommand, Reception
from bb8_core.robot.macros import GESTURES
from bb8_core.robot.sensors import Event
from bb8_core.settings import Options, data_dir, load_options, options_path
from bb8_core.web.page import Page, SideLoop
from bb8_core.web.server import StatusServer

PAGE_PORT = 8099
"""The ingress port of the manifest; BB8_PAGE_PORT overrides it where several bridges share a machine."""
ASK_AGAIN_S = 5.0
STOP_BUDGET_S = 0.8
FAREWELL_BUDGET_S = 0.7
LINK_BUDGET_S = 3.2
PAGE_BUDGET_S = 0.2

_log = logging.getLogger("bb8.main")


class App:
    """Every part of a running bridge, and their order of life."""

    def __init__(self, options: Options, identity: Identity) -> None:
        """Build the parts on the running event loop; nothing is sent yet."""
        self.loop = asyncio.get_running_loop()
        self.options = options
        self.identity = identity
        self.topics = Topics(options.base_topic, options.discovery_prefix)
        self.disk = ThreadPoolExecutor(1, "disk")
        self.deadman = Deadman()
        about = About(identity.version, tuple(GESTURES), options.speed_cap)
        self.voice = Announcer(self.topics, about, data_dir() / "robot.json", self.save)
        self.radio = _radio(options)
        self.link = self._build_link()
        limits = Limits(options.speed_cap, options.duration_cap_ms, options.min_spacing_ms)
        latch = EstopLatch(data_dir() / "estop.json")
        self.bridge = Bridge(self.link, self.voice, limits, latch, self.deadman, self.save)
        self.reception = Reception(self.voice, self.bridge.obey)
        self.inbox = Inbox(self.loop, self._receive, self.reception.flooded, self.bridge.stopping.rushed)
        self.arrivals = Arrivals(self.inbox, self.bridge.stop_silently)
        self.client: MqttClient | None = None
        self.fast: StopConnection | None = None
        self.mqtt_reason = "Looking for the broker."
        self.tasks: set[asyncio.Task[Any]] = set()
        self.side: SideLoop | None = None
        self.server: StatusServer | None = None

    def _build_link(self) -> RobotLink:
        options = self.options
        config = LinkConfig(
            options.keep_connected,
            options.idle_disconnect_s,
            Wishes(options.motion_timeout, options.collision_events),
            options.adapter,
        )
        return RobotLink(self.radio, config, self._link_changed, self._robot_event)

    def save(self, write: Callable[[], object]) -> None:
        """Run a file operation in the disk's thread, one after the other."""
        self.disk.submit(write)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run until asked to stop, then end within 5 s."""
        self.deadman.start()
        self.voice.status("identity", self.identity.as_json())
        self._introduce()
        bridge = self.spawn(self.bridge.run())
        link = self.spawn(self._run_link())
        self.spawn(self._run_mqtt())
        self._start_page()
        waiter = self.spawn(stopping.wait())
        await asyncio.wait((bridge, link, waiter), return_when=asyncio.FIRST_COMPLETED)
        await self._end(link)
        for part in (bridge, link):
            if part.done() and not part.cancelled() and (error := part.exception()) is not None:
                raise error

    def _introduce(self) -> None:
        """Announce a configured robot before it was ever met: who waits for it must see why it is away."""
        address = self.options.robot_address
        if address and address != self.voice.robot_address:
            self.voice.robot_known(address, self.options.robot_name or "BB-8", "")

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Run a coroutine as a task that is kept and ended with the app."""
        task: asyncio.Task[Any] = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    # The robot's side

    async def _run_link(self) -> None:
        """Free the robot from an earlier run of ours, on which it also stops, and run the link."""
        try:
            await self.radio.close_stale(self.voice.robot_address)
        except LinkError as error:
            _log.info("an earlier connection could not be looked for: %s", error)
        await self.link.run()

    def _link_changed(self, status: Status) -> None:
        self.bridge.link_changed(status)

    def _robot_event(self, event: Event) -> None:
        self.bridge.reports.event(event)

    # The broker's side

    async def _run_mqtt(self) -> None:
        """Find the broker, asking again while there is none, and connect."""
        broker = await self._find_broker()
        logs.hide(broker.password)
        _log.info("broker %s:%d (from %s)", broker.host, broker.port, broker.source)
        try:
            client = self._first_client(broker)
            self.fast = StopConnection(self._second_client(broker))
        except OSError as error:
            self.mqtt_reason = f"The CA file of the broker cannot be used ({error}): correct mqtt_ca_file."
            _log.error("%s", self.mqtt_reason)
            return
        self.voice.attach(client)
        client.start()
        self.client = client

    def _first_client(self, broker: Broker) -> MqttClient:
        """The connection of all commands and of everything that we say."""
        topics = self.topics
        subscriptions = (topics.commands, topics.ble_ready, topics.birth)
        handlers = Handlers(self._broker_up, self._broker_down, self._message)
        return MqttClient(broker, self._client_id, Will(topics.bridge, "offline"), subscriptions, handlers)

    def _second_client(self, broker: Broker) -> MqttClient:
        """The connection of stops alone."""
        subscriptions = (self.topics.command("stop"), self.topics.command("estop"))
        handlers = Handlers(self._fast_up, self._fast_down, self._fast_message)
        return MqttClient(broker, f"{self._client_id}-stops", None, subscriptions, handlers)

    @property
    def _client_id(self) -> str:
        return f"bb8-bridge-{self.topics.base.replace('/', '-')}"

    async def _find_broker(self) -> Broker:
        while True:
            try:
                return await asyncio.to_thread(find, self.options)
            except NoBroker as error:
                if self.mqtt_reason != str(error):
                    _log.error("%s", error)
                self.mqtt_reason = str(error)
            await asyncio.sleep(ASK_AGAIN_S)

    def _broker_up(self) -> None:
        self.arrivals.reconnected()
        self._on_loop(self._told_up)

    def _broker_down(self, reason: str) -> None:
        self._on_loop(self._told_down, reason)

    def _on_loop(self, action: Callable[..., object], *arguments: object) -> None:
        """From the broker's thread to the loop; at the very end there is no loop any more."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(action, *arguments)

    def _told_up(self) -> None:
        self.mqtt_reason = ""
        _log.info("broker connected")
        self.voice.connected()
        if self.fast is not None:
            self.fast.first_up()

    def _told_down(self, reason: str) -> None:
        if reason != self.mqtt_reason:
            _log.warning("%s", reason)
        if not self.mqtt_reason and self.fast is not None:
            self.fast.first_ended(self.loop.time())
            self._part_if_colliding(self.fast)
        self.mqtt_reason = reason
        self.bridge.stopping.broker_lost()

    def _message(self, topic: str, payload: bytes, retained: bool) -> None:
        """In the broker's thread: sort, and hand over to the loop."""
        now = time.monotonic()
        cmd = self.topics.command_of(topic)
        if cmd is not None:
            self.arrivals.regular(RawCommand(cmd, payload, retained, now))
            return
        self.arrivals.other(now)
        if topic == self.topics.birth and payload == b"online":
            self._on_loop(self.voice.born)
        elif topic == self.topics.ble_ready and not retained:
            self._on_loop(self._ble_ready, payload)

    # The broker's side, the stops' own connection

    def _fast_up(self) -> None:
        self.arrivals.reconnected()
        self._on_loop(self._told_fast_up)

    def _told_fast_up(self) -> None:
        if self.fast is not None:
            self.fast.up(self.loop.time())
            self._part_if_colliding(self.fast)

    def _part_if_colliding(self, fast: StopConnection) -> None:
        if fast.collides:
            self.fast = None
            fast.give_up()

    def _fast_down(self, reason: str) -> None:
        self._on_loop(self._told_fast_down, reason)

    def _told_fast_down(self, reason: str) -> None:
        if self.fast is not None:
            self.fast.down(reason)

    def _fast_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """In that connection's thread."""
        self.arrivals.fast(
            RawCommand(self.topics.command_of(topic) or "", payload, retained, time.monotonic())
        )

    # What came in

    def _receive(self, raw: RawCommand) -> None:
        self.reception.receive(raw, self.loop.time())

    def _ble_ready(self, payload: bytes) -> None:
        try:
            timeout_s, nonce = wish_of(payload)
        except BadPayload as bad:
            self.reception.refused[bad.code] += 1
            self.voice.ack(
                "ble_ready", {"ok": False, "status": "rejected", "code": bad.code, "reason": bad.reason}
            )
            return
        self.spawn(self._answer_ble_ready(timeout_s, nonce))

    async def _answer_ble_ready(self, timeout_s: float, nonce: Any) -> None:
        self.voice.say("ble_ready/summary", await summary(self.link, timeout_s, nonce))

    # The page's side

    def _start_page(self) -> None:
        """Serve the status page; without it the bridge still works."""
        page = Page(self.bridge, self.loop, self.identity, self.options.simulate, self._mqtt_state)
        self.side = SideLoop()
        self.server = StatusServer(page)
        port = int(os.environ.get("BB8_PAGE_PORT", PAGE_PORT))
        try:
            # The server itself admits ingress and loopback only.
            self.side.run(self.server.start("0.0.0.0", port), 5.0)  # noqa: S104
        except OSError as error:
            _log.warning("the status page cannot be served: %s", error)

    def _end_page(self) -> None:
        if self.side is not None and self.server is not None:
            with contextlib.suppress(TimeoutError):
                self.side.run(self.server.stop(), PAGE_BUDGET_S)
            self.side.close()

    def _mqtt_state(self) -> dict[str, Any]:
        return {"connected": self.client is not None and self.client.connected, "reason": self.mqtt_reason}

    # The end

    async def _end(self, link: asyncio.Task[Any]) -> None:
        """Stop the robot, let it go, say goodbye to the broker: 5 s in all.

        In this order, because what stays on the broker beside `offline` has to be true.
        """
        _log.info("stopping")
        await self.bridge.end(STOP_BUDGET_S)
        link.cancel()
        await asyncio.wait((link,), timeout=LINK_BUDGET_S)
        self.voice.farewell()
        await self.loop.run_in_executor(None, self._farewell)
        self.deadman.close()
        for task in list(self.tasks):
            task.cancel()
        self._end_page()
        self.disk.shutdown(wait=True)

    def _farewell(self) -> None:
        if self.fast is not None:
            self.fast.leave()
        if self.client is not None:
            self.client.flush_and_stop(self.topics.bridge, "offline", FAREWELL_BUDGET_S)


def _radio(options: Options) -> BleakRadio:
    if not options.simulate:
        return BleakRadio(Target(options.robot_address, options.robot_name), options.adapter)
    from bb8_core.simulator.backend import backends
    from bb8_core.simulator.robot import SimulatedBB8

    simulated = backends(SimulatedBB8())
    return BleakRadio(Target(), "", Backends(simulated.client, simulated.scanner))


async def run(options: Options, identity: Identity) -> None:
    """Run the bridge until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await App(options, identity).run(stopping)


def main() -> int:
    """Start; returns the exit code."""
    options = load_options(options_path())
    logs.setup(options.log_level)
    logs.hide(options.mqtt_password)
    identity = identities.load(identities.stamp_path())
    logs.bare(_log, identities.first_line(identity))
    if identities.run_sh_present():
        logs.bare(_log, "RUN_SH_PRESENT")
    for problem in options.problems:
        _log.warning("%s", problem)
    try:
        asyncio.run(run(options, identity))
    except Exception:  # noqa: BLE001 - the last stop before the exit code, in one line of the log
        _log.critical("the bridge ends because of an error of its own", exc_info=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
