"""The ingress status server: one page, its JSON, and the buttons stop, emergency stop and clear."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from bb8_core.web.http_exchange import (
    MAX_HEAD,
    Answer,
    BadRequest,
    Exchange,
    HttpRequest,
    from_this_page,
    person,
    websocket_request,
)
from bb8_core.web.open_pages import Cockpit
from bb8_core.web.websocket import PageSocket, SocketEnded

LOG = logging.getLogger(__name__)

INGRESS = ipaddress.ip_address("172.30.32.2")
"""The Supervisor's address on the app network: the only peer that ingress requests come from."""
REQUEST_TIMEOUT_S = 5.0
"""For the whole request and, again, for the whole answer."""
MAX_CONNECTIONS = 32

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def _files() -> dict[str, tuple[Path, str]]:
    """The page's files by their path; nothing else is ever opened."""
    files = {f"/{file.name}": file for file in sorted(_FOLDER.iterdir()) if file.suffix in _TYPES}
    files["/"] = _FOLDER / "page.html"
    return {path: (file, f"{_TYPES[file.suffix]}; charset=utf-8") for path, file in files.items()}


_FILES = _files()


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
    """Whether a peer address may open the page: the Supervisor's ingress and this container itself."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address) == INGRESS or (mapped or address).is_loopback


class StatusServer:
    """An asyncio HTTP server that serves one StatusSource."""

    def __init__(self, source: StatusSource, cockpit: Cockpit | None = None) -> None:
        self._source = source
        self._cockpit = cockpit
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
        if self._cockpit is not None:
            self._cockpit.close()
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
        exchange = Exchange(reader, writer)
        try:
            answer = await self._answer(exchange, writer.get_extra_info("peername"))
            if isinstance(answer, HttpRequest):
                await self._converse(answer, exchange.early, reader, writer)
                return
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await exchange.answer(answer)
            await exchange.finish()
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), REQUEST_TIMEOUT_S)
        except (OSError, TimeoutError) as error:
            LOG.debug("status page: connection lost: %s", error)
        finally:
            writer.transport.abort()
            self._connections.discard(task)

    async def _answer(self, exchange: Exchange, peername: tuple[Any, ...] | None) -> Answer | HttpRequest:
        """The answer, or the request if it opens a WebSocket."""
        peer = str(peername[0]) if peername else ""
        if not allowed(peer):
            LOG.warning("status page: refused %s, only Home Assistant's ingress may open it", peer)
            return Answer(HTTPStatus.FORBIDDEN, b"open this page through Home Assistant\n")
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await exchange.request()
            if request.path == "/ws" and self._cockpit is not None:
                return websocket_request(request)
            return await self._route(request)
        except BadRequest as error:
            return Answer(error.status, f"{error}\n".encode())
        except TimeoutError:
            return Answer(HTTPStatus.REQUEST_TIMEOUT, b"the request took too long\n")

    async def _converse(
        self,
        request: HttpRequest,
        early: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Serve a page's WebSocket until it ends."""
        socket = PageSocket(reader, writer)
        try:
            headers = [
                (name.encode("latin-1"), text.encode("latin-1")) for name, text in request.headers.items()
            ]
            socket.accept(headers, request.path, early)
            if self._cockpit is not None:
                await self._cockpit.serve(socket, person(request))
        except SocketEnded as ended:
            LOG.debug("page: %s", ended.reason)
            socket.close(ended)
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), REQUEST_TIMEOUT_S)

    async def _route(self, request: HttpRequest) -> Answer:
        if request.method == "POST" and request.path == "/api/ticket" and self._cockpit is not None:
            _only_this_page(request)
            return _json(HTTPStatus.OK, {"ticket": self._cockpit.ticket()})
        if request.method == "POST":
            return await self._act(request)
        if request.method not in {"GET", "HEAD"}:
            raise BadRequest(HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD and POST only")
        if request.path == "/health":
            return Answer(HTTPStatus.OK, b"ok\n")
        if request.path == "/api/status":
            return _json(HTTPStatus.OK, self._source.snapshot())
        if request.path not in _FILES:
            raise BadRequest(HTTPStatus.NOT_FOUND, "there is no such page")
        file, content_type = _FILES[request.path]
        return Answer(HTTPStatus.OK, file.read_bytes(), content_type)

    async def _act(self, request: HttpRequest) -> Answer:
        action = self._actions.get(request.path)
        if action is None:
            raise BadRequest(HTTPStatus.NOT_FOUND, "there is no such action")
        _only_this_page(request)
        try:
            await action()
        except Exception as error:  # the page must show it: a stop that failed must not look done
            LOG.exception("status page: %s failed", request.path)
            reason = str(error) or type(error).__name__
            return _json(HTTPStatus.INTERNAL_SERVER_ERROR, {"ok": False, "reason": reason})
        return _json(HTTPStatus.OK, {"ok": True})


def _only_this_page(request: HttpRequest) -> None:
    if not from_this_page(request):
        raise BadRequest(HTTPStatus.FORBIDDEN, "this action is for the status page alone")


def _json(status: HTTPStatus, value: Mapping[str, Any]) -> Answer:
    body = json.dumps(value, separators=(",", ":"), default=str).encode()
    return Answer(status, body, "application/json")
