"""The ingress status server: one page, its JSON, and the buttons stop, emergency stop and clear."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from .messages import MAX_HEAD, BadRequest, HttpRequest, from_this_page, parse_head, response

LOG = logging.getLogger(__name__)

INGRESS = ipaddress.ip_address("172.30.32.2")
"""The Supervisor's address on the add-on network: the only peer that ingress requests come from."""
REQUEST_TIMEOUT_S = 5.0
"""For the whole request and, again, for the whole answer."""
MAX_CONNECTIONS = 32
LINGER_S = 1.0
"""How long a connection stays open after the response, for a client that is still sending."""
LINGER_READS = 64
"""At most this many reads of MAX_HEAD bytes are discarded after the response."""

_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}


class StatusSource(Protocol):
    """What the page shows and does; the bridge is one.

    `snapshot` returns JSON values only. The page knows these keys and does without any of them: version
    (str), simulate (bool), estop (bool), robot {name, address, firmware}, connection {state, reason,
    remedy}, battery {voltage_v, state}, mqtt {connected, reason}, commands: newest first, each {ts, name,
    status, reason, rtt_ms}.
    """

    def snapshot(self) -> dict[str, Any]:
        """The state of this moment, as JSON values."""

    async def stop(self) -> None:
        """Stop the robot now."""

    async def estop(self) -> None:
        """Stop the robot now and refuse every motion until it is cleared."""

    async def clear_estop(self) -> None:
        """Allow motion again."""


def allowed(peer: str) -> bool:
    """Whether a peer address may speak to the page: the Supervisor's ingress and this container itself."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address) == INGRESS or (mapped or address).is_loopback


class StatusServer:
    """An asyncio HTTP server that serves one StatusSource."""

    def __init__(self, source: StatusSource) -> None:
        self._source = source
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._actions: Mapping[str, Callable[[], Awaitable[None]]] = {
            "/api/stop": source.stop,
            "/api/estop": source.estop,
            "/api/clear_estop": source.clear_estop,
        }

    @property
    def port(self) -> int:
        """The port it listens on, chosen by the system when `start` was given 0."""
        if self._server is None:
            raise RuntimeError("the status server is not running")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str = "0.0.0.0", port: int = 8099) -> None:  # noqa: S104 - peers are checked
        """Listen; OSError when the port is taken."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=MAX_HEAD)

    async def stop(self) -> None:
        """Stop listening and end what is still open."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(task)
        try:
            answer = await self._answer(reader, writer)
            writer.write(answer)
            await asyncio.wait_for(writer.drain(), REQUEST_TIMEOUT_S)
            await _finish(reader, writer)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), REQUEST_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            LOG.debug("status page: connection lost: %s", error)
        finally:
            writer.transport.abort()
            self._connections.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        peer = writer.get_extra_info("peername") or ("",)
        if not allowed(str(peer[0])):
            LOG.warning("status page: refused %s, only Home Assistant's ingress may open it", peer[0])
            return response(HTTPStatus.FORBIDDEN, b"open this page through Home Assistant\n")
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await _read(reader)
            return await self._route(request)
        except BadRequest as error:
            return response(error.status, f"{error}\n".encode())
        except TimeoutError:
            return response(HTTPStatus.REQUEST_TIMEOUT, b"the request took too long\n")

    async def _route(self, request: HttpRequest) -> bytes:
        if request.method == "POST":
            return await self._act(request)
        if request.method not in {"GET", "HEAD"}:
            raise BadRequest(HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD and POST only")
        send_body = request.method == "GET"
        if request.path == "/health":
            return response(HTTPStatus.OK, b"ok\n", send_body=send_body)
        if request.path == "/api/status":
            return _json(HTTPStatus.OK, self._source.snapshot(), send_body=send_body)
        if request.path not in _FILES:
            raise BadRequest(HTTPStatus.NOT_FOUND, "there is no such page")
        name, content_type = _FILES[request.path]
        return response(HTTPStatus.OK, (_FOLDER / name).read_bytes(), content_type, send_body=send_body)

    async def _act(self, request: HttpRequest) -> bytes:
        action = self._actions.get(request.path)
        if action is None:
            raise BadRequest(HTTPStatus.NOT_FOUND, "there is no such action")
        if not from_this_page(request):
            raise BadRequest(HTTPStatus.FORBIDDEN, "this action is for the status page alone")
        try:
            await action()
        except Exception as error:  # the page has to say it: a stop that failed must not look done
            LOG.exception("status page: %s failed", request.path)
            return _json(
                HTTPStatus.INTERNAL_SERVER_ERROR, {"ok": False, "reason": str(error) or type(error).__name__}
            )
        return _json(HTTPStatus.OK, {"ok": True})


async def _read(reader: asyncio.StreamReader) -> HttpRequest:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        request = parse_head(head[:-4])
        await reader.readexactly(request.body_length)
    except asyncio.IncompleteReadError as error:
        raise BadRequest(HTTPStatus.BAD_REQUEST, "the request ended early") from error
    except asyncio.LimitOverrunError as error:
        raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large") from error
    return request


async def _finish(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send EOF, then discard what the client still sends, within bounds.

    A socket that is closed with unread bytes sends a reset, and the client loses the response.
    """
    if writer.can_write_eof():
        writer.write_eof()
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            for _ in range(LINGER_READS):
                if not await reader.read(MAX_HEAD):
                    return


def _json(status: HTTPStatus, value: Mapping[str, Any], *, send_body: bool = True) -> bytes:
    body = json.dumps(value, separators=(",", ":"), default=str).encode()
    return response(status, body, "application/json", send_body=send_body)
