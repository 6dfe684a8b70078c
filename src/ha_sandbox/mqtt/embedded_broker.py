"""An MQTT 3.1.1 broker on loopback, as a program: for machines without mosquitto.

    python embedded_broker.py

Standard input is one line of JSON with port, username and password; its end ends the broker. In a process
of its own it shares no interpreter lock with the sandbox and its clients, so that a round trip takes as long
as with mosquitto.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from dataclasses import dataclass
from typing import TypedDict

from amqtt.broker import Broker as Amqtt
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class Told(TypedDict):
    """What the sandbox sends on standard input."""

    port: int
    username: str
    password: str


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
    broker = Amqtt(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {plugin: {"username": username, "password": password}},
        }
    )
    await broker.start()
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
    """amqtt ignores a client that misses its keepalive; this treats it as disconnected, with its will."""

    def gone(handler: BrokerProtocolHandler) -> None:
        task = asyncio.ensure_future(handler.handle_connection_closed())
        _closing.add(task)
        task.add_done_callback(_closing.discard)

    BrokerProtocolHandler.handle_read_timeout = gone


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
