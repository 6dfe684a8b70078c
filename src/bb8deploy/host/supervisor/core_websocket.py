"""The connection to Home Assistant Core's WebSocket: made at its first use, and again after it was lost."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bb8deploy.base.secret import Secret
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.supervisor import HA_TOKEN_REFUSED
from bb8deploy.host.supervisor.route_interface import NoAnswer
from bb8deploy.transport.transport_interface import given_up

LIMIT = 16 * 1024 * 1024
CORE_PORTS = {80: 8123, 8123: 80}


class CoreSocket:
    """One authenticated connection; `where` is the address that answers, `closed` is set permanently.

    `connect_timeout` in seconds holds for the connection and for each answer of the login.
    """

    def __init__(
        self,
        url: str,
        token: Secret,
        ca_file: Path | None,
        *,
        connect_timeout: float,
        note: Callable[[str], None],
    ) -> None:
        self.where = url.rstrip("/")
        self.closed = False
        self._note = note
        self._token = token
        self._connect_timeout = connect_timeout
        self._ca_file = ca_file
        self._socket: ClientConnection | None = None
        self._count = 0

    def close(self) -> None:
        """Ends the connection permanently; calls under way raise Interrupted."""
        self.closed = True
        self._hang_up()

    def exchange(self, command: JsonObject, doing: str, deadline: float) -> JsonObject:
        """Sends a command; its answer is found by its number, whatever other messages come before it.

        Raises NoAnswer if there is none within `deadline` seconds, Refused for a wrong token.
        """
        self._count += 1
        message = {"id": self._count, **command}
        end = time.monotonic() + deadline
        try:
            socket = self._open()
            socket.send(json.dumps(message))
            while True:
                answer = self._receive(socket, end - time.monotonic())
                if answer.get("id") == message["id"] and answer.get("type") == "result":
                    return answer
        except (WebSocketException, OSError, ValueError, RecursionError) as error:
            self._hang_up()
            if self.closed:
                raise given_up(self.where) from error
            why = f"no answer within {deadline:.0f} s" if isinstance(error, TimeoutError) else str(error)
            raise NoAnswer(doing, self.where, why) from error

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """Made at its first use: it takes 30 ms, and most homes have no TLS."""
        return ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)

    def _hang_up(self) -> None:
        """Ends the connection; the next command makes another."""
        socket, self._socket = self._socket, None
        if socket:
            socket.close()

    def _open(self) -> ClientConnection:
        """The connection, authenticated; made again after it was lost."""
        if self.closed:
            raise given_up(self.where)
        if self._socket:
            return self._socket
        try:
            socket = self._dial(self.where)
        except ConnectionRefusedError:
            socket = self._dial_other_port()
        try:
            self._receive(socket, self._connect_timeout)
            socket.send(json.dumps({"type": "auth", "access_token": self._token.reveal()}))
            answer = self._receive(socket, self._connect_timeout)
        except BaseException:
            socket.close()
            raise
        if answer.get("type") != "auth_ok":
            socket.close()
            raise HA_TOKEN_REFUSED(
                f"{self.where} does not accept the long-lived token: {answer.get('message', 'no reason')}"
            )
        self._socket = socket
        if self.closed:  # while it came about
            self._hang_up()
            raise given_up(self.where)
        return socket

    def _dial(self, url: str) -> ClientConnection:
        scheme, _, rest = url.partition("://")
        secure = scheme in {"https", "wss"}
        link = connect(
            f"{'wss' if secure else 'ws'}://{rest}/api/websocket",
            ssl=self.tls if secure else None,
            open_timeout=self._connect_timeout,
            close_timeout=5.0,
            max_size=LIMIT,
            proxy=None,
        )
        link.__enter__()  # websockets 17 deprecates a connection outside of `with`; close() ends ours
        return link

    def _dial_other_port(self) -> ClientConnection:
        """The other of Core's two ports on the same host. Raises the error of the first one if there is none.

        Source: a new installation of Core 2026.11 listens on port 80; before, and after an update, on 8123.
        """
        other = other_port(self.where)
        if not other:
            return self._dial(self.where)
        try:
            socket = self._dial(other)
        except (OSError, WebSocketException) as error:
            message = f"connection refused; port {urlsplit(other).port} of the host does not answer either"
            raise ConnectionRefusedError(message) from error
        self._note(f"{self.where} refuses connections; Home Assistant Core answers at {other}")
        self.where = other
        return socket

    def _receive(self, socket: ClientConnection, seconds: float) -> JsonObject:
        answer = json.loads(socket.recv(timeout=max(0.0, seconds)))
        return answer if isinstance(answer, dict) else {}


def other_port(url: str) -> str:
    """The same address with the other port of Core, 80 or 8123; empty for TLS and for any other port."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return ""
    if parts.scheme != "http" or port not in CORE_PORTS or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}:{CORE_PORTS[port]}"
