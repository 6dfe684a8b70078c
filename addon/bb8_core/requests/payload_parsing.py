"""Parses a command's topic and payload into an intent, or into the reason for a refusal; pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, NoReturn

MAX_PAYLOAD: Final = 4096
"""Longest payload that is looked at; the longest sensible one has some hundred bytes."""
MAX_CID: Final = 128
MAX_MESSAGE: Final = 1000
DEFAULT_DRIVE_MS: Final = 1000
MAX_DRIVE_MS: Final = 5000
MIN_STEER_MS: Final = 100
DIRECTIONS: Final = ("forward", "right", "back", "left", "turn_around")


class BadPayload(ValueError):
    """The payload cannot be obeyed; `code` is for programs, the text for people."""

    def __init__(self, code: str, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Drive:
    """Roll with speed 0-255 of full to a heading of 0-359 degrees for 0-5000 ms."""

    speed: int
    heading: int
    ms: int


@dataclass(frozen=True, slots=True)
class Steer:
    """Drive in one of DIRECTIONS, as the robot sees it, at the speed and for the time that are set."""

    direction: str


@dataclass(frozen=True, slots=True)
class SteerSpeed:
    """The speed of such drives, 0-255."""

    value: int


@dataclass(frozen=True, slots=True)
class SteerTime:
    """The time of such drives, 100-5000 ms."""

    value: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop now."""


@dataclass(frozen=True, slots=True)
class Estop:
    """Stop now and refuse motion until cleared."""


@dataclass(frozen=True, slots=True)
class ClearEstop:
    """Allow motion again."""


@dataclass(frozen=True, slots=True)
class Led:
    """Main light, 0-255 each."""

    r: int
    g: int
    b: int


@dataclass(frozen=True, slots=True)
class LedChange:
    """Home Assistant's form: on or off, colour and brightness as far as they were given."""

    on: bool
    colour: tuple[int, int, int] | None
    brightness: int | None


@dataclass(frozen=True, slots=True)
class Tail:
    """Tail light, 0-255."""

    brightness: int


@dataclass(frozen=True, slots=True)
class Power:
    """`wake` or `sleep`."""

    action: str


@dataclass(frozen=True, slots=True)
class SetHeading:
    """Take the direction the robot looks in now as this heading (0-359); 0 makes it straight on."""

    heading: int


@dataclass(frozen=True, slots=True)
class Stabilize:
    """Switch the balance control on or off."""

    on: bool


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask the robot for a sign of life; never wakes it."""


@dataclass(frozen=True, slots=True)
class Macro:
    """Play a gesture by name."""

    name: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect, waking the robot."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Let the robot go."""


@dataclass(frozen=True, slots=True)
class SpeedCap:
    """Lower the highest speed that drives may have, 0-255; the option is the upper limit."""

    value: int


@dataclass(frozen=True, slots=True)
class Notify:
    """Show a message by a gesture and a colour."""

    message: str


@dataclass(frozen=True, slots=True)
class ReturnToStart:
    """Drive back to where the robot woke, by its own locator."""


@dataclass(frozen=True, slots=True)
class PlayScene:
    """Play one of the user's scenes by name."""

    name: str


Intent = (
    Drive
    | Stop
    | Estop
    | ClearEstop
    | Led
    | LedChange
    | Tail
    | Power
    | SetHeading
    | Stabilize
    | Ping
    | Macro
    | Connect
    | Disconnect
    | SpeedCap
    | Steer
    | SteerSpeed
    | SteerTime
    | Notify
    | ReturnToStart
    | PlayScene
)
MOVES: Final = (Drive, Macro, Stabilize, Steer, Notify, ReturnToStart, PlayScene)
"""What moves the robot, or can: stops that were sent later overtake it, a driver at the stick comes first."""


@dataclass(frozen=True, slots=True)
class Request:
    """One command: its name, what it wants, the sender's correlation id (may be None), when it came."""

    cmd: str
    intent: Intent
    cid: str | int | None
    received_at: float
    expires_at: float = float("inf")
    """Until when it may wait (the loop's clock)."""


def echo_of(intent: Intent) -> dict[str, Any]:
    """What the acknowledgement repeats of the command."""
    return {field.name: getattr(intent, field.name) for field in fields(intent)}


def parse_object(payload: bytes) -> dict[str, Any]:
    """Decode a payload that must be a JSON object; an empty one counts as `{}`; BadPayload otherwise."""
    if len(payload) > MAX_PAYLOAD:
        raise BadPayload("TOO_LONG", f"the payload is longer than {MAX_PAYLOAD} bytes")
    if not payload.strip():
        return {}
    try:
        value = json.loads(payload.decode(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadPayload("BAD_JSON", "the payload is not JSON") from None
    if not isinstance(value, dict):
        raise BadPayload("BAD_JSON", "the payload is not a JSON object")
    return value


def cid_of(value: Mapping[str, Any]) -> str | int | None:
    """The correlation id; BadPayload if it is neither short text nor a whole number."""
    cid = value.get("cid")
    if cid is None or (isinstance(cid, int) and not isinstance(cid, bool) and abs(cid) < 1 << 63):
        return cid
    if isinstance(cid, str) and len(cid) <= MAX_CID:
        return cid
    raise BadPayload("BAD_CID", f"cid must be text of at most {MAX_CID} characters or a whole number")


def expires_at_of(value: Mapping[str, Any]) -> float | None:
    """Until when the command is worth obeying, in Unix seconds; None if that is not given; BadPayload."""
    expires_at = value.get("expires_at")
    if expires_at is None:
        return None
    if isinstance(expires_at, bool) or not isinstance(expires_at, int | float) or abs(expires_at) > 1e12:
        raise BadPayload("BAD_VALUE", "expires_at must be a time in Unix seconds")
    return float(expires_at)


def parse(cmd: str, value: Mapping[str, Any]) -> Intent:
    """Read the intent of a decoded payload; BadPayload describes what is wrong with it."""
    reader = _READERS.get(cmd)
    if reader is None:
        raise BadPayload("UNKNOWN_COMMAND", f"there is no command {cmd[:40]!r}")
    return reader(value)


def stops_regardless(cmd: str) -> Stop | Estop | None:
    """The intent of a stop whose payload makes no sense: a robot that should stop, stops."""
    return Stop() if cmd == "stop" else Estop() if cmd == "estop" else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _whole(value: Mapping[str, Any], key: str, high: int, default: int | None = None) -> int:
    number = value.get(key, default)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= high:
        raise BadPayload("BAD_VALUE", f"{key} must be a whole number from 0 to {high}")
    return number


def _drive(value: Mapping[str, Any]) -> Drive:
    return Drive(
        _whole(value, "speed", 255),
        _whole(value, "heading", 359),
        _whole(value, "ms", MAX_DRIVE_MS, DEFAULT_DRIVE_MS),
    )


def _steer(value: Mapping[str, Any]) -> Steer:
    direction = value.get("direction")
    if direction not in DIRECTIONS:
        raise BadPayload("BAD_VALUE", f"direction must be one of {', '.join(DIRECTIONS)}")
    return Steer(str(direction))


def _steer_time(value: Mapping[str, Any]) -> SteerTime:
    time = _whole(value, "value", MAX_DRIVE_MS)
    if time < MIN_STEER_MS:
        raise BadPayload("BAD_VALUE", f"value must be at least {MIN_STEER_MS} ms")
    return SteerTime(time)


def _led(value: Mapping[str, Any]) -> Led | LedChange:
    if "state" in value:
        return _led_change(value)
    return Led(*(_whole(value, key, 255) for key in "rgb"))


def _led_change(value: Mapping[str, Any]) -> LedChange:
    colour = value.get("color")
    if colour is not None and not isinstance(colour, dict):
        raise BadPayload("BAD_VALUE", "color must be an object with r, g and b")
    rgb = (
        None
        if colour is None
        else (_whole(colour, "r", 255), _whole(colour, "g", 255), _whole(colour, "b", 255))
    )
    brightness = _whole(value, "brightness", 255) if "brightness" in value else None
    return LedChange(_is_on(value), rgb, brightness)


def _is_on(value: Mapping[str, Any]) -> bool:
    state = value.get("state")
    if state not in ("ON", "OFF"):
        raise BadPayload("BAD_VALUE", "state must be ON or OFF")
    return bool(state == "ON")


def _tail(value: Mapping[str, Any]) -> Tail:
    if "state" in value and not _is_on(value):
        return Tail(0)
    return Tail(_whole(value, "brightness", 255, 255 if "state" in value else None))


def _power(value: Mapping[str, Any]) -> Power:
    action = value.get("action")
    if action not in ("wake", "sleep"):
        raise BadPayload("BAD_VALUE", "action must be wake or sleep")
    return Power(str(action))


def _stabilize(value: Mapping[str, Any]) -> Stabilize:
    on = value.get("on", True)
    if not isinstance(on, bool):
        raise BadPayload("BAD_VALUE", "on must be true or false")
    return Stabilize(on)


def _name(value: Mapping[str, Any], what: str) -> str:
    name = value.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 64:
        raise BadPayload("BAD_VALUE", f"name must name a {what}")
    return name


def _notify(value: Mapping[str, Any]) -> Notify:
    message = value.get("message")
    if not isinstance(message, str) or len(message) > MAX_MESSAGE:
        raise BadPayload("BAD_VALUE", f"message must be text of at most {MAX_MESSAGE} characters")
    return Notify(message)


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Intent]]] = {
    "drive": _drive,
    "stop": lambda _: Stop(),
    "estop": lambda _: Estop(),
    "clear_estop": lambda _: ClearEstop(),
    "led": _led,
    "tail": _tail,
    "power": _power,
    "heading": lambda value: SetHeading(_whole(value, "heading", 359, 0)),
    "stabilize": _stabilize,
    "ping": lambda _: Ping(),
    "macro": lambda value: Macro(_name(value, "gesture")),
    "scene": lambda value: PlayScene(_name(value, "scene")),
    "connect": lambda _: Connect(),
    "disconnect": lambda _: Disconnect(),
    "speed_cap": lambda value: SpeedCap(_whole(value, "value", 255)),
    "steer": _steer,
    "steer_speed": lambda value: SteerSpeed(_whole(value, "value", 255)),
    "steer_time": _steer_time,
    "notify": _notify,
    "return_to_start": lambda _: ReturnToStart(),
}
COMMANDS: Final = tuple(_READERS)
