"""One HTTP request and its answer over a stream; h11 parses and frames, this module sets the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import h11

MAX_HEAD = 16 * 1024
"""Bytes of request line and headers together; Home Assistant forwards the browser's cookies."""
MAX_BODY = 1024
"""Bytes of a request body; the page sends none."""
LINGER_S = 1.0
"""How long a connection stays open after the answer, for a client that is still sending."""
LINGER_READS = 64
"""At most this many reads of MAX_HEAD bytes are discarded after the answer."""

# The page loads its own script and style and talks to its own origin; nothing else runs in it. Home
# Assistant shows it in a frame of the same origin.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'self'"
)
_COMMON = (
    ("Cache-Control", "no-store"),
    ("Connection", "close"),
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


class BadRequest(ValueError):
    """The request cannot be answered as asked; carries the status to send."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request without its body: method, path without query, headers by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


class Exchange:
    """One request on a connection that is closed after its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a fresh connection."""
        import h11

        self._reader = reader
        self._writer = writer
        self._method = b""
        self._read = 0
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)

    @property
    def early(self) -> bytes:
        """What the client has sent beyond its request."""
        return self._http.trailing_data[0]

    async def request(self) -> HttpRequest:
        """Read the request and discard its body, at most MAX_BODY bytes; BadRequest describes the error."""
        import h11

        head = await self._next_event()
        if not isinstance(head, h11.Request):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "the request ended early")
        request = _understood(head)
        while not isinstance(event := await self._next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                raise BadRequest(HTTPStatus.BAD_REQUEST, "the request ended early")
        return request

    async def answer(self, answer: Answer) -> None:
        """Send the answer; it may come before the request was read."""
        import h11

        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *_COMMON]
        head = h11.Response(
            status_code=answer.status.value, headers=headers, reason=answer.status.phrase.encode()
        )
        events: list[h11.Event] = [head]
        if self._method != b"HEAD":
            events.append(h11.Data(data=answer.body))
        for event in (*events, h11.EndOfMessage()):
            self._writer.write(self._http.send(event) or b"")
        await self._writer.drain()

    async def finish(self) -> None:
        """Send EOF, then discard what the client still sends, within bounds.

        A socket that is closed with unread bytes sends a reset, and the client loses the answer.
        """
        if self._writer.can_write_eof():
            self._writer.write_eof()
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                for _ in range(LINGER_READS):
                    if not await self._reader.read(MAX_HEAD):
                        return

    async def _next_event(self) -> object:
        import h11

        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                data = await self._reader.read(MAX_HEAD)
                self._read += len(data)
                if not self._method and self._read > MAX_HEAD:
                    raise BadRequest(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large")
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            status = HTTPStatus(error.error_status_hint)
            raise BadRequest(status, f"the request is malformed: {error}") from error
        if isinstance(event, h11.Request):
            self._method = event.method
        return event


def _understood(head: h11.Request) -> HttpRequest:
    """Check what HTTP allows and this server does not need; BadRequest."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
    if "transfer-encoding" in headers:
        raise BadRequest(HTTPStatus.LENGTH_REQUIRED, "a body needs a Content-Length")
    if int(headers.get("content-length", "0")) > MAX_BODY:
        raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
    target = head.target.decode("latin-1")
    if not target.startswith("/"):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "the address must begin with a slash")
    return HttpRequest(head.method.decode("ascii"), target.partition("?")[0], MappingProxyType(headers))


def from_this_page(request: HttpRequest) -> bool:
    """Whether a POST comes from our own script: another site's form or image cannot set this header.

    Browsers refuse to send it across origins without a preflight, which this server never grants.
    """
    same_site = request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    return same_site and request.headers.get("x-requested-with", "").lower() == "bb8"


def websocket_request(request: HttpRequest) -> HttpRequest:
    """Return the request if it may open a WebSocket; BadRequest.

    The right to drive comes from the ticket, which another site cannot get; the rest refuses sooner.
    """
    headers = request.headers
    if request.method != "GET" or headers.get("upgrade", "").lower() != "websocket":
        raise BadRequest(HTTPStatus.UPGRADE_REQUIRED, "a WebSocket only")
    site = headers.get("sec-fetch-site")
    if site not in {None, "same-origin"} or (site is None and not _same_host(headers)):
        raise BadRequest(HTTPStatus.FORBIDDEN, "this WebSocket is for the app's own page")
    return request


def _same_host(headers: Mapping[str, str]) -> bool:
    """Whether the page's origin is a host that this request was sent to; proxies in between name it.

    Browsers send Sec-Fetch-Site over HTTPS only; over HTTP the origin is all there is.
    """
    origin = headers.get("origin")
    if origin is None:
        return True
    sent_to = f"{headers.get('host', '')},{headers.get('x-forwarded-host', '')}".split(",")
    try:
        host = urlsplit(origin).hostname
        return host is not None and host in {urlsplit(f"//{name.strip()}").hostname for name in sent_to}
    except ValueError:
        return False


def person(request: HttpRequest) -> str:
    """The name of the user as Home Assistant's ingress adds it; empty if there is none."""
    for header in ("x-remote-user-display-name", "x-remote-user-name"):
        raw = request.headers.get(header, "").encode("latin-1").decode("utf-8", "replace")
        name = "".join(char for char in raw if char.isprintable()).strip()[:40]
        if name:
            return name
    return ""
