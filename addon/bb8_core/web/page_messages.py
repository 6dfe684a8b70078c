"""What a page sends over its WebSocket, read into typed values; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from bb8_core.manual_driving.control_owner import Hold

SIGNALS: Final = ("release", "take", "leave", "aim", "aimed", "unaim", "clear_map", "alive", "load_scenes")
COMMANDS: Final = frozenset(
    {
        "stop",
        "estop",
        "clear_estop",
        "led",
        "tail",
        "macro",
        "return_to_start",
        "scene",
        "power",
        "connect",
        "disconnect",
        "ping",
    }
)
"""What a page may ask beside driving: these go the way of MQTT commands of the same names."""
MAX_NUMBER: Final = 1 << 31


class BadMessage(ValueError):
    """The message makes no sense; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message: the ticket that only our own page can have."""

    ticket: str


@dataclass(frozen=True, slots=True)
class Beat:
    """A beat of the held stick, and when the page sent it by its own clock (ms)."""

    hold: Hold
    sent_ms: float


@dataclass(frozen=True, slots=True)
class Signal:
    """One of SIGNALS."""

    kind: str


@dataclass(frozen=True, slots=True)
class Look:
    """What the page shows now: the map, the packets."""

    path: bool
    packets: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A command with the payload that it has over MQTT, and the page's number for it."""

    name: str
    payload: Mapping[str, Any]
    number: int


@dataclass(frozen=True, slots=True)
class ShowScene:
    """Where this scene would drive is wanted on the map."""

    name: str


Message = ShowScene | Hello | Beat | Signal | Look | Ask


def read(text: str) -> Message:
    """Read a message; BadMessage."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadMessage("not JSON") from None
    if not isinstance(value, dict):
        raise BadMessage("not an object")
    op = value.get("op")
    if op in SIGNALS:
        return Signal(str(op))
    match op:
        case "hold":
            return _beat(value)
        case "ask":
            return _ask(value)
        case "preview":
            return ShowScene(_text(value, "name", 64))
        case "look":
            return Look(value.get("map") is True, value.get("log") is True)
        case "hello":
            return Hello(_text(value, "ticket", 64))
    raise BadMessage("unknown op")


def _beat(value: Mapping[str, Any]) -> Beat:
    hold = Hold(_whole(value, "grip", MAX_NUMBER), _whole(value, "speed", 255), _whole(value, "heading", 359))
    sent = value.get("t")
    if isinstance(sent, bool) or not isinstance(sent, int | float) or not 0 <= sent < 1e15:
        raise BadMessage("t must be a time in ms")
    return Beat(hold, float(sent))


def _ask(value: Mapping[str, Any]) -> Ask:
    name, payload = _text(value, "name", 32), value.get("payload", {})
    if name not in COMMANDS or not isinstance(payload, dict):
        raise BadMessage("there is no such command")
    return Ask(name, payload, _whole(value, "id", MAX_NUMBER))


def _whole(value: Mapping[str, Any], key: str, high: int) -> int:
    number = value.get(key)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= high:
        raise BadMessage(f"{key} must be a whole number from 0 to {high}")
    return number


def _text(value: Mapping[str, Any], key: str, longest: int) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not 0 < len(text) <= longest:
        raise BadMessage(f"{key} must be text of at most {longest} characters")
    return text


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


class Lateness:
    """How much later than usual a page's messages come, from its clock and ours."""

    DRIFT = 1e-3
    """The clocks may drift apart by so much of the time."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._base: float | None = None
        self._at = 0.0

    def of(self, sent_ms: float, now: float) -> float:
        """How late (s) a message of that time is that came now (monotonic s)."""
        offset = now - sent_ms / 1000
        usual = offset if self._base is None else self._base + (now - self._at) * self.DRIFT
        self._base, self._at = min(usual, offset), now
        return offset - self._base
