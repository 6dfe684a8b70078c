"""Both connections to the broker: finding the broker, connecting, and handing on what arrives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bb8_core import logging_setup
from bb8_core.app_options import Options
from bb8_core.mqtt.broker_client import Handlers, Message, MqttClient, Will
from bb8_core.mqtt.broker_credentials import Broker, NoBroker, find
from bb8_core.mqtt.publisher import Announcer
from bb8_core.mqtt.stop_connection import StopConnection
from bb8_core.mqtt.topics import Topics
from bb8_core.requests.refuse_or_accept import RawCommand
from bb8_core.requests.stop_deduplication import Arrivals
from bb8_core.requests.suspend_detection import Standstill

ASK_AGAIN_S = 5.0
FAREWELL_BUDGET_S = 0.7

_log = logging.getLogger("bb8.mqtt")


@dataclass(frozen=True, slots=True)
class Listeners:
    """What the rest of the app wants to know; called on the event loop."""

    on_lost: Callable[[], None]
    """The connection to the broker ended."""
    on_ble_ready: Callable[[bytes], None]
    """A client asks whether the robot can be reached by radio."""
    on_estop_kept: Callable[[bytes], None]
    """The broker kept this state of the emergency stop from an earlier run."""


class Connections:
    """The connection of all commands and that of the stops alone."""

    def __init__(
        self,
        options: Options,
        topics: Topics,
        announcer: Announcer,
        arrivals: Arrivals,
        listeners: Listeners,
        standstill: Standstill,
    ) -> None:
        """Create them on the running event loop; nothing is sent before `run`."""
        self._options = options
        self._topics = topics
        self._announcer = announcer
        self._arrivals = arrivals
        self._listeners = listeners
        self._standstill = standstill
        self._loop = asyncio.get_running_loop()
        self._client: MqttClient | None = None
        self._stops: StopConnection | None = None
        self._dead: asyncio.Future[None] = self._loop.create_future()
        self.reason = "Looking for the broker."
        """Why there is no connection; empty while there is one."""

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection of all commands."""
        return self._client is not None and self._client.connected

    async def run(self) -> None:
        """Find the broker, asking again until there is one, and stay connected until cancelled.

        RuntimeError if the thread of a connection ends by itself.
        """
        broker = await self._find_broker()
        logging_setup.hide(broker.password)
        _log.info("broker %s:%d (from %s)", broker.host, broker.port, broker.source)
        try:
            client = self.first_client(broker)
            self._stops = StopConnection(self.second_client(broker))
        except OSError as error:
            self.reason = f"The CA file of the broker cannot be used ({error}): correct mqtt_ca_file."
            _log.error("%s", self.reason)
            await asyncio.Event().wait()
            return
        self._announcer.attach(client)
        client.start()
        self._client = client
        await self._dead
        raise RuntimeError("the thread of a broker connection has ended")

    def farewell(self) -> None:
        """Publish that the bridge is offline, and disconnect; blocks for a second at most."""
        if self._stops is not None:
            self._stops.leave()
        if self._client is not None:
            self._client.flush_and_stop(self._topics.bridge, "offline", FAREWELL_BUDGET_S)

    def first_client(self, broker: Broker) -> MqttClient:
        """The connection of all commands and of everything that is published."""
        topics = self._topics
        subscriptions = (topics.commands, topics.ble_ready, topics.birth)
        kept = (topics.state("estop"),)
        handlers = Handlers(
            self._up_in_thread,
            partial(self._on_loop, self._down),
            self.message,
            partial(self._on_loop, self._died),
        )
        return MqttClient(
            broker, _client_id(self._topics), Will(topics.bridge, "offline"), subscriptions, handlers, kept
        )

    def second_client(self, broker: Broker) -> MqttClient:
        """The connection of stops alone."""
        subscriptions = (self._topics.command("stop"), self._topics.command("estop"))
        handlers = Handlers(
            self._stops_up_in_thread,
            partial(self._on_loop, self._stops_down),
            self.stop_message,
            partial(self._on_loop, self._died),
        )
        return MqttClient(broker, f"{_client_id(self._topics)}-stops", None, subscriptions, handlers)

    async def _find_broker(self) -> Broker:
        while True:
            try:
                return await asyncio.to_thread(find, self._options)
            except NoBroker as error:
                if self.reason != str(error):
                    _log.error("%s", error)
                self.reason = str(error)
            await asyncio.sleep(ASK_AGAIN_S)

    # In the clients' threads

    def message(self, message: Message) -> None:
        """A message on the connection of all commands."""
        now = time.monotonic()
        cmd = self._topics.command_of(message.topic)
        if cmd is not None:
            self._arrivals.regular(self._raw(cmd, message, now))
            return
        self._arrivals.other(now)
        if message.topic == self._topics.birth and message.payload == b"online":
            self._on_loop(self._announcer.born)
        elif message.topic == self._topics.ble_ready and not message.retained:
            self._on_loop(self._listeners.on_ble_ready, message.payload)
        elif message.topic == self._topics.state("estop") and message.retained:
            self._on_loop(self._listeners.on_estop_kept, message.payload)

    def stop_message(self, message: Message) -> None:
        """A message on the connection of the stops alone."""
        cmd = self._topics.command_of(message.topic) or ""
        self._arrivals.fast(self._raw(cmd, message, time.monotonic()))

    def _raw(self, cmd: str, message: Message, now: float) -> RawCommand:
        fresh = not self._standstill.recent()
        return RawCommand(cmd, message.payload, message.retained, now, message.expiry_s, fresh)

    def _up_in_thread(self) -> None:
        self._arrivals.reconnected()
        self._on_loop(self._up)

    def _stops_up_in_thread(self) -> None:
        self._arrivals.reconnected()
        self._on_loop(self._stops_up)

    def _on_loop(self, action: Callable[..., object], *arguments: object) -> None:
        """When the app ends, the loop may be gone already."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(action, *arguments)

    # On the event loop

    def _died(self) -> None:
        if not self._dead.done():
            self._dead.set_result(None)

    def _up(self) -> None:
        self.reason = ""
        _log.info("broker connected")
        self._announcer.connected()
        if self._stops is not None:
            self._stops.first_up()

    def _down(self, reason: str) -> None:
        if reason != self.reason:
            _log.warning("%s", reason)
        was_up, self.reason = not self.reason, reason
        if not was_up:
            return  # another attempt has failed: what moves the robot now does not come from the broker
        if self._stops is not None:
            self._stops.first_ended(self._loop.time())
            self._part_if_colliding(self._stops)
        self._listeners.on_lost()

    def _stops_up(self) -> None:
        if self._stops is not None:
            self._stops.up(self._loop.time())
            self._part_if_colliding(self._stops)

    def _stops_down(self, reason: str) -> None:
        if self._stops is not None:
            self._stops.down(reason)

    def _part_if_colliding(self, stops: StopConnection) -> None:
        if stops.collides:
            self._stops = None
            stops.give_up()


def _client_id(topics: Topics) -> str:
    """One for each base topic: the broker lets only one bridge of it be connected."""
    return f"bb8-bridge-{topics.base.replace('/', '-')}"
