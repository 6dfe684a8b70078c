"""An MQTT 3.1.1 broker on loopback, as a program: for machines without mosquitto.

    python embedded_broker.py

Standard input is one line of JSON with port, username and password; its end ends the broker. Its first line
of output says that it listens. In a process of its own it shares no interpreter lock with the sandbox and its
clients, so that a round trip takes as long as with mosquitto.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker as Amqtt
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class Told(TypedDict):
    """What the sandbox sends on standard input."""

    port: int
    username: str
    password: str


class Subscriptions(dict[str, list[tuple[Session, int]]]):
    """The subscribers of each topic filter, in a dictionary that may change while it is iterated over."""

    def __iter__(self) -> Iterator[str]:
        return iter(list(super().__iter__()))


class LocalBroker(Amqtt):  # type: ignore[misc]  # amqtt is untyped for mypy
    """amqtt, but a client may subscribe while another connects.

    A new connection goes through all subscriptions and waits between two of them: amqtt never serves it if
    they change meanwhile.
    """

    async def start(self) -> None:
        """Starts to listen. Raises what amqtt raises if the port is taken."""
        self._subscriptions = Subscriptions()
        await super().start()


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


async def serve(port: int, username: str, password: str) -> None:
    """Serves 127.0.0.1 until the process ends. Raises what amqtt raises if the port is taken."""
    _enforce_keepalive()
    _deliver_before_the_end()
    plugin = f"{__name__}.{OneUser.__name__}"
    broker = LocalBroker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {plugin: {"username": username, "password": password}},
        }
    )
    await broker.start()
    sys.stdout.write("embedded broker running\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    """Reads who may log in, and serves until standard input ends, also because the sandbox was killed."""
    told: Told = json.loads(sys.stdin.readline())
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    asyncio.run(serve(**told))


def _end_with_stdin() -> None:
    """Nothing is kept, so there is nothing to close: the system closes the connections."""
    while os.read(0, 4096):
        pass
    os._exit(0)


def _enforce_keepalive() -> None:
    """amqtt ignores a client that misses its keepalive; this treats it as disconnected, with its will.

    The client has one and a half times its keepalive (MQTT 3.1.1, 3.1.2.10). amqtt waits for just its
    keepalive, so that a client whose only packets are its pings is always about to be late.
    """
    attach = BrokerProtocolHandler.attach

    def attached(
        handler: BrokerProtocolHandler, session: Session, reader: ReaderAdapter, writer: WriterAdapter
    ) -> None:
        session.keep_alive = patience(session.keep_alive)
        attach(handler, session, reader, writer)

    def gone(handler: BrokerProtocolHandler) -> None:
        task = asyncio.ensure_future(handler.handle_connection_closed())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    BrokerProtocolHandler.attach = attached
    BrokerProtocolHandler.handle_read_timeout = gone


def patience(keepalive: int) -> int:
    """Seconds that a client with this keepalive may be silent; 0 is without a limit."""
    return math.ceil(keepalive * 1.5)


def _deliver_before_the_end() -> None:
    """Delivers what amqtt acknowledged and would drop because its sender disconnects."""
    disconnected = BrokerProtocolHandler.wait_disconnect

    async def delivered(handler: BrokerProtocolHandler) -> object:
        last = await disconnected(handler)
        # amqtt has no event for an empty queue.
        while handler.session and not handler.session.delivered_message_queue.empty():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN)
        return last

    BrokerProtocolHandler.wait_disconnect = delivered


_LOOK_AGAIN = 0.005  # seconds
_closing: set[asyncio.Future[object]] = set()

if __name__ == "__main__":
    main()
