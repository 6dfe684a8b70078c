"""Core's listener: REST requests and WebSockets on one port."""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler

from ha_sandbox.core.core_rest_api import CoreRest
from ha_sandbox.core.core_websocket_api import HEAD_DEADLINE, CoreSockets
from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.supervisor.api.api_listener import read, reply
from ha_sandbox.supervisor.ingress.pages import Pages


def core_server(rest: CoreRest, sockets: CoreSockets, pages: Pages) -> LoopbackServer:
    """A server for Core, not started."""

    class CoreHandler(BaseHTTPRequestHandler):
        """One connection, which may become a WebSocket."""

        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            """Looks at the request head without reading it, because websockets reads it itself.

            A WebSocket of an app's page is not Core's own.
            """
            if _wants_websocket(self.connection):
                self.close_connection = True
                sockets.converse(self.connection)
                return
            super().handle()

        def do_GET(self) -> None:
            """Answers every method."""
            if not pages.serve_at_core(self):
                reply(self, rest.answer(read(self)))

        # The names are http.server's.
        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            """Logs nothing."""

    return LoopbackServer(CoreHandler)


def _wants_websocket(connection: socket.socket) -> bool:
    """Peeks at the request head until it is complete."""
    connection.settimeout(HEAD_DEADLINE)
    deadline = time.monotonic() + HEAD_DEADLINE
    try:
        while time.monotonic() < deadline:
            head = connection.recv(65536, socket.MSG_PEEK)
            if not head:
                return False
            if b"\r\n\r\n" in head:
                upgrades = b"\r\nupgrade: websocket" in head.partition(b"\r\n\r\n")[0].lower()
                return upgrades and not head.startswith(b"GET /api/hassio_ingress/")
            time.sleep(0.005)
        return False
    finally:
        connection.settimeout(None)
