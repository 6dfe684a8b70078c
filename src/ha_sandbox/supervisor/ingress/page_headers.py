"""The headers that Core and the Supervisor add and remove on the way of a page; pure.

Sources: supervisor/api/ingress.py (2026.08); Core's hassio integration, ingress.py (2026.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import unquote

Header = tuple[str, str]

_IDENTITY = ("x-remote-user-id", "x-remote-user-name", "x-remote-user-display-name")
_FRAMING = ("content-length", "content-encoding", "transfer-encoding")
_WEBSOCKET = (
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "sec-websocket-key",
)
_REMOVED_BY_CORE = frozenset({*_FRAMING, *_WEBSOCKET, "accept-encoding"})
_REMOVED_BY_SUPERVISOR = frozenset(
    {*_FRAMING, *_WEBSOCKET, *_IDENTITY, "x-supervisor-token", "x-hassio-key", "connection", "upgrade"}
)
_NOT_RETURNED = frozenset({*_FRAMING, "content-type", "connection", "keep-alive", "upgrade"})
_ENCODINGS = ("Accept-Encoding", "gzip, deflate")
"""What Core's HTTP client accepts: an app may compress, the browser gets it unpacked."""


def first(headers: Iterable[Header], name: str) -> str:
    """The value of a header, empty if it is missing."""
    return next((value for key, value in headers if key.lower() == name), "")


def from_core(headers: Sequence[Header], token: str, peer: str) -> list[Header]:
    """What Core sends to the Supervisor for a browser's request."""
    before = first(headers, "x-forwarded-for")
    added = {
        "X-Hass-Source": "core.ingress",
        "X-Ingress-Path": f"/api/hassio_ingress/{token}",
        "X-Forwarded-For": f"{before}, {peer}" if before else peer,
        "X-Forwarded-Host": first(headers, "x-forwarded-host") or first(headers, "host"),
        "X-Forwarded-Proto": first(headers, "x-forwarded-proto") or "http",
    }
    removed = _REMOVED_BY_CORE | {name.lower() for name in added}
    return [*_without(headers, removed), _ENCODINGS, *added.items()]


def for_app(headers: Sequence[Header], identity: Mapping[str, str], peer: str) -> list[Header]:
    """What the Supervisor sends to the app: no token, no identity that a client made up."""
    # The real one writes None for a request that did not come through Core.
    forwarded = f"{first(headers, 'x-forwarded-for') or None}, {peer}"
    kept = _without(headers, _REMOVED_BY_SUPERVISOR | {"x-forwarded-for"})
    return [*identity.items(), *kept, ("X-Forwarded-For", forwarded)]


def for_browser(headers: Sequence[Header]) -> list[Header]:
    """The app's headers as the browser gets them; the framing is new on each section of the way."""
    return _without(headers, _NOT_RETURNED)


def content_type(headers: Sequence[Header]) -> str:
    """The type without its parameters: the Supervisor drops the charset."""
    return first(headers, "content-type").partition(";")[0].strip() or "application/octet-stream"


def is_websocket(headers: Sequence[Header]) -> bool:
    """Whether the request asks for a WebSocket."""
    upgrades = "upgrade" in first(headers, "connection").lower()
    return upgrades and first(headers, "upgrade").lower() == "websocket"


def protocols(headers: Sequence[Header]) -> list[str]:
    """The subprotocols that a client offers."""
    offered = first(headers, "sec-websocket-protocol").split(",")
    return [name.strip() for name in offered if name.strip()]


def leaves_its_page(path: str) -> bool:
    """Whether `..` in a path would leave the app's own paths, which Core refuses."""
    depth = 0
    for part in unquote(path).split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return False


def _without(headers: Iterable[Header], names: Iterable[str]) -> list[Header]:
    removed = set(names)
    return [(name, value) for name, value in headers if name.lower() not in removed]
