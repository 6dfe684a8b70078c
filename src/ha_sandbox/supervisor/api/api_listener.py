"""Puts the Supervisor's API on a loopback port."""

from __future__ import annotations

import select
import socket
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit

from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.supervisor.api.request_dispatch import Api
from ha_sandbox.supervisor.api.routing import Request, Response
from ha_sandbox.supervisor.ingress.pages import Pages


def server(api: Api) -> LoopbackServer:
    """A server for `api`, not started."""
    pages = Pages(api.manager)

    class SupervisorHandler(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answers every method."""
            if not pages.serve_at_supervisor(self):
                reply(self, api.answer(read(self)))

        # The names are http.server's.
        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            """Logs nothing: what matters is in the Supervisor's own log."""

    return LoopbackServer(SupervisorHandler)


def read(handler: BaseHTTPRequestHandler) -> Request:
    """The request with its body."""
    parts = urlsplit(handler.path)
    length = int(handler.headers.get("Content-Length") or 0)
    return Request(
        method=handler.command,
        path=unquote(parts.path).rstrip("/") or "/",
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        body=handler.rfile.read(length) if length else b"",
        headers={name.lower(): value for name, value in handler.headers.items()},
    )


def reply(handler: BaseHTTPRequestHandler, response: Response) -> None:
    """Sends the response; a stream goes out in chunks until it or the client ends."""
    handler.send_response(response.status)
    if response.content_type:
        handler.send_header("Content-Type", response.content_type)
    for name, value in response.headers:
        handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.close_connection = True
    if response.stream is None:
        handler.send_header("Content-Length", str(len(response.body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(response.body)
        return
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for piece in response.stream:
        data = piece.encode()
        if data:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        elif _gone(handler.connection):
            return
    handler.wfile.write(b"0\r\n\r\n")


def _gone(connection: socket.socket) -> bool:
    """True if the client or `stop` has ended the connection, which a quiet stream would not notice."""
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
