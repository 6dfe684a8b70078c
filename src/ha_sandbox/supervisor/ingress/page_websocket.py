"""Carries a WebSocket between a browser and an app's page."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import socket
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler

from ha_sandbox.supervisor.ingress.page_headers import Header, first, protocols
from ha_sandbox.supervisor.ingress.page_request import CONNECT_DEADLINE, PageRequest

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_MAX_HEAD = 64 * 1024
_CHUNK = 64 * 1024


def carry_websocket(handler: BaseHTTPRequestHandler, request: PageRequest) -> None:
    """Accepts the browser's WebSocket, opens one to the app, and carries frames both ways until one ends.

    Like the real one it accepts before it asks the app: if the app refuses, the browser's connection just
    ends. Raises OSError if the app cannot be reached.
    """
    browser, offered = handler.connection, list(handler.headers.items())
    browser.sendall(_accepted(offered))
    with socket.create_connection(request.address, CONNECT_DEADLINE) as app:
        app.sendall(_asking(request, protocols(offered)))
        status, rest = _head(app)
        if status != 101:
            return
        app.settimeout(None)
        browser.sendall(rest)
        back = threading.Thread(target=_pump, args=(browser, app), daemon=True)
        back.start()
        _pump(app, browser)
        back.join()


def _accepted(headers: Sequence[Header]) -> bytes:
    key = first(headers, "sec-websocket-key")
    proof = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()  # noqa: S324
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {proof}"]
    lines += [f"Sec-WebSocket-Protocol: {name}" for name in protocols(headers)[:1]]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _asking(request: PageRequest, offered: Sequence[str]) -> bytes:
    own = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", base64.b64encode(secrets.token_bytes(16)).decode()),
    ]
    own += [("Sec-WebSocket-Protocol", ",".join(offered))] if offered else []
    lines = [f"GET {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*request.headers, *own)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _head(app: socket.socket) -> tuple[int, bytes]:
    """The status of the app's answer, 0 if there is none, and what follows its head."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _MAX_HEAD:
        piece = app.recv(_CHUNK)
        if not piece:
            return 0, b""
        head += piece
    first_line, rest = head.partition(b"\r\n")[0], head.partition(b"\r\n\r\n")[2]
    words = first_line.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0, rest


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Copies until one side ends, then ends both."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    for one in (source, sink):
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
