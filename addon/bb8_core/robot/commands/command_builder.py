"""Build commands of both device ids, and check their ranges."""

from __future__ import annotations

from bb8_core.robot.packet_framing import CORE, SPHERO, Command


def in_range(what: str, value: int, low: int, high: int) -> int:
    """Return `value`; ValueError names `what` if it is not between `low` and `high`."""
    if not low <= value <= high:
        raise ValueError(f"{what} must be {low} to {high}, not {value}")
    return value


def heading_in_range(degrees: int) -> int:
    """Return a heading; ValueError if it is not 0-359 degrees."""
    return in_range("a heading in degrees", degrees, 0, 359)


def core(cid: int, name: str, data: bytes = b"") -> Command:
    """A command to the core, device id 00."""
    return Command(CORE, cid, data, name)


def sphero(cid: int, name: str, data: bytes = b"") -> Command:
    """A command to the Sphero device, id 02."""
    return Command(SPHERO, cid, data, name)
