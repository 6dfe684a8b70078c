"""Carries one HTTP request to an app's page and its answer back, streamed as the real Supervisor does."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

from ha_sandbox.runtime.runtime_interface import Address
from ha_sandbox.supervisor.ingress.page_headers import Header, content_type, first, for_browser

CONNECT_DEADLINE = 10.0  # seconds
MAX_BODY = 16 * 1024 * 1024
"""Bytes of a request that the Supervisor buffers: MAX_CLIENT_SIZE in supervisor/api/__init__.py (2026.08)."""
_SIMPLE = 4_194_000  # bytes; a longer answer, or one without a length, is streamed
_CHUNK = 64 * 1024
_WATCH = 0.5  # seconds between two looks whether the browser is still there
_BODILESS = (204, 304)


class BodyTooLarge(Exception):
    """The body is larger than the Supervisor buffers; `ingress_stream: true` lets a POST pass."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What is sent to an app: its address, method, path with query, headers, and whether the body streams."""

    address: Address
    method: str
    target: str
    headers: tuple[Header, ...]
    streamed: bool


def carry(handler: BaseHTTPRequestHandler, request: PageRequest) -> None:
    """Sends the request of `handler` to the app and its answer back.

    Raises OSError or HTTPException if the app does not answer, BodyTooLarge.
    """
    connection = http.client.HTTPConnection(*request.address, timeout=CONNECT_DEADLINE)
    with contextlib.closing(connection):
        _send(connection, handler, request)
        link = connection.sock
        ended = threading.Event()
        threading.Thread(
            target=_end_with_browser, args=(handler.connection, link, ended), daemon=True
        ).start()
        try:
            _answer(handler, connection.getresponse())
        finally:
            ended.set()


def _send(
    connection: http.client.HTTPConnection, handler: BaseHTTPRequestHandler, request: PageRequest
) -> None:
    body = _incoming(handler)
    headers = list(request.headers)
    sent: bytes | Iterator[bytes] | None = None
    if request.streamed:
        sent = body
        headers.append(("Transfer-Encoding", "chunked"))
    else:
        sent = _whole(body)
        if sent or request.method in {"POST", "PUT", "PATCH"}:
            headers.append(("Content-Length", str(len(sent))))
    connection.connect()
    connection.sock.settimeout(None)  # the real one has no limit either
    connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers:
        connection.putheader(name, value.encode("latin-1"))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # an early answer can still be read
        connection.endheaders(sent or None, encode_chunked=request.streamed)


def _whole(body: Iterator[bytes]) -> bytes:
    found = bytearray()
    for piece in body:
        found += piece
        if len(found) > MAX_BODY:
            raise BodyTooLarge
    return bytes(found)


def _incoming(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    """The request's body as it arrives."""
    if "chunked" in handler.headers.get("Transfer-Encoding", "").lower():
        yield from _chunks(handler)
        return
    left = int(handler.headers.get("Content-Length") or 0)
    while left and (piece := handler.rfile.read1(min(left, _CHUNK))):
        left -= len(piece)
        yield piece


def _chunks(handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
    while size := int(handler.rfile.readline(64).partition(b";")[0].strip() or b"0", 16):
        yield handler.rfile.read(size)
        handler.rfile.readline(8)
    while handler.rfile.readline(_CHUNK).strip():
        continue  # trailers


def _end_with_browser(browser: socket.socket, link: socket.socket, ended: threading.Event) -> None:
    """Breaks the app's connection when the browser's has ended, which a quiet stream would not notice."""
    with contextlib.suppress(OSError, ValueError):
        while not ended.wait(_WATCH):
            readable, _, _ = select.select([browser], [], [], 0)
            if readable and not browser.recv(1, socket.MSG_PEEK):
                link.shutdown(socket.SHUT_RDWR)
                return


def _answer(handler: BaseHTTPRequestHandler, answer: http.client.HTTPResponse) -> None:
    headers = answer.getheaders()
    bodiless = handler.command == "HEAD" or answer.status in _BODILESS
    simple = not bodiless and answer.length is not None and answer.length < _SIMPLE
    unpacked = _unpacked(answer, first(headers, "content-encoding"))
    body = b"".join(unpacked) if simple else b""  # before anything is sent: it may fail
    handler.close_connection = True
    handler.send_response_only(answer.status, answer.reason)
    for name, value in [*for_browser(headers), ("Connection", "close")]:
        handler.send_header(name, value)
    if not bodiless or first(headers, "content-type"):
        handler.send_header("Content-Type", content_type(headers))
    if bodiless:
        handler.end_headers()
    elif simple:
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    else:
        _stream(handler, unpacked)


def _stream(handler: BaseHTTPRequestHandler, pieces: Iterator[bytes]) -> None:
    chunked = handler.request_version != "HTTP/1.0"
    handler.send_header("X-Accel-Buffering", "no")
    if chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    with contextlib.suppress(http.client.HTTPException, ConnectionError):  # the app broke off
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
    if chunked:
        handler.wfile.write(b"0\r\n\r\n")


def _unpacked(answer: http.client.HTTPResponse, encoding: str) -> Iterator[bytes]:
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding.lower() in {"gzip", "deflate"} else None
    while piece := answer.read1(_CHUNK):
        if plain := unpack.decompress(piece) if unpack else piece:
            yield plain
