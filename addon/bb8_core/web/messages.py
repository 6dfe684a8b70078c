"""Just enough HTTP/1.1 for the ingress page: parse one request head, write one response; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType

MAX_HEAD = 16 * 1024
"""Bytes of request line and headers together; Home Assistant forwards the browser's cookies."""
MAX_BODY = 1024
"""Bytes of a request body; the page sends none."""

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
    """The request cannot be answered; carries the status to send."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request head: method, path without query, headers by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def body_length(self) -> int:
        """Bytes of the body that follows, 0..MAX_BODY; BadRequest on anything else or on chunks."""
        if "transfer-encoding" in self.headers:
            raise BadRequest(HTTPStatus.LENGTH_REQUIRED, "a body needs a Content-Length")
        text = self.headers.get("content-length", "0")
        if not (text.isascii() and text.isdigit()):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        if len(text) > len(str(MAX_BODY)) or int(text) > MAX_BODY:
            raise BadRequest(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the body is too large")
        return int(text)


def parse_head(head: bytes) -> HttpRequest:
    """Parse a request head (up to and without the empty line); BadRequest when it is not HTTP/1.x."""
    lines = head.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "not an HTTP/1.x request")
    method, target, _ = parts
    if not method.isalpha() or not target.startswith("/"):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "the request line is malformed")
    return HttpRequest(method, target.partition("?")[0], _headers(lines[1:]))


def _headers(lines: list[str]) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if (
            not colon
            or not name
            or name != name.strip()
            or (name.lower() in headers and name.lower() == "content-length")
        ):
            raise BadRequest(HTTPStatus.BAD_REQUEST, "a header is malformed")
        headers[name.lower()] = value.strip()
    return MappingProxyType(headers)


def response(
    status: HTTPStatus,
    body: bytes,
    content_type: str = "text/plain; charset=utf-8",
    *,
    send_body: bool = True,
) -> bytes:
    """The bytes of a whole response; `send_body=False` answers HEAD: same head, nothing after it."""
    own = (("Content-Type", content_type), ("Content-Length", str(len(body))))
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        *(f"{name}: {value}" for name, value in (*own, *_COMMON)),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body if send_body else b"")


def from_this_page(request: HttpRequest) -> bool:
    """Whether a POST comes from our own script: another site's form or image cannot set this header.

    Browsers refuse to send it across origins without a preflight, which this server never grants.
    """
    same_site = request.headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"}
    return same_site and request.headers.get("x-requested-with", "").lower() == "bb8"
