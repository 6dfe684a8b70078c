"""An MQTT 3.1.1 broker inside this process, for machines without mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TypeVar

from amqtt.broker import Broker as Amqtt
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from ha_sandbox.serving import free_port

T = TypeVar("T")
_DEADLINE = 60.0  # seconds to start or stop, on a very busy machine
_SHUTDOWN = 5.0  # seconds that amqtt has to end by itself


class OneUser(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is untyped for mypy
    """One user, compared as plain text: a hashed password file costs 150 ms per connect."""

    async def authenticate(self, *, session: Session) -> bool:
        """True if name and password are right."""
        config = self.config
        return bool(session.username == config.username and session.password == config.password)

    @dataclass
    class Config:
        """The user."""

        username: str = ""
        password: str = ""


class EmbeddedBroker:
    """amqtt in its own thread."""

    name = "amqtt"
    protocol = "3.1.1"

    def __init__(self, username: str, password: str) -> None:
        _enforce_keepalive()
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox mqtt")
        self._thread.start()
        self._running = True
        try:
            self._broker = self._call(self._open(username, password))
        except BaseException:
            self._end_loop()
            raise

    def stop(self) -> None:
        """Stops it."""
        if self._running:
            try:
                self._call(self._shut_down())
            finally:
                self._end_loop()

    async def _open(self, username: str, password: str) -> Amqtt:
        plugin = f"{__name__}.OneUser"
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
            "timeout_disconnect_delay": 2,
            "plugins": {plugin: {"username": username, "password": password}},
        }
        broker = Amqtt(config)
        await broker.start()
        return broker

    async def _shut_down(self) -> None:
        """Asks amqtt to end, and cancels whatever of it is still there: it waits for each client in turn."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._broker.shutdown(), _SHUTDOWN)
        me = asyncio.current_task()
        while tasks := [task for task in asyncio.all_tasks() if task is not me]:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1.0)

    def _call(self, coroutine: Coroutine[object, None, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_DEADLINE)

    def _end_loop(self) -> None:
        self._running = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _enforce_keepalive() -> None:
    """amqtt ignores a client that misses its keepalive; this treats it as disconnected, with its will."""

    def gone(handler: BrokerProtocolHandler) -> None:
        task = asyncio.ensure_future(handler.handle_connection_closed())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    BrokerProtocolHandler.handle_read_timeout = gone


_closing: set[asyncio.Future[object]] = set()
