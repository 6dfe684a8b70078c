"""Answers whether the robot can be reached by radio, from a real PING or a real advertisement."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from bb8_core.link.radio_interface import AnswerTimeout, LinkError
from bb8_core.link.robot_connection import RobotLink
from bb8_core.requests.payload_parsing import BadPayload, parse_object

DEFAULT_TIMEOUT_S = 10.0
LONGEST_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.25


def wish_of(payload: bytes) -> tuple[float, Any]:
    """Seconds to wait (0-60) and the nonce to repeat; BadPayload if they make no sense."""
    value = parse_object(payload)
    timeout = value.get("timeout_s", DEFAULT_TIMEOUT_S)
    if (
        isinstance(timeout, bool)
        or not isinstance(timeout, int | float)
        or not 0 <= timeout <= LONGEST_TIMEOUT_S
    ):
        raise BadPayload("BAD_VALUE", f"timeout_s must be a number from 0 to {LONGEST_TIMEOUT_S:.0f}")
    nonce = value.get("nonce")
    if not (nonce is None or isinstance(nonce, int) or (isinstance(nonce, str) and len(nonce) <= 128)):
        raise BadPayload("BAD_VALUE", "nonce must be a short text or a whole number")
    return float(timeout), nonce


async def summary(link: RobotLink, timeout_s: float, nonce: Any) -> dict[str, Any]:
    """Look for the robot until it is found or the time is over; never wakes or connects it."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    attempts = 0
    source = None
    while source is None:
        attempts += 1
        source = await _look(link, started)
        if loop.time() - started >= timeout_s:
            break
        if source is None:
            await asyncio.sleep(LOOK_EVERY_S)
    sighting = link.search.sighting
    return {
        "ts": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "nonce": nonce,
        "detected": source is not None,
        "attempts": attempts,
        "latency_ms": round((loop.time() - started) * 1000, 2) if source else None,
        "rssi": sighting.rssi if sighting and source else None,
        "source": source,
    }


async def _look(link: RobotLink, since: float) -> str | None:
    """`ping` if the connected robot answers, `advertisement` if one was received since, else None."""
    if link.ready:
        try:
            await link.channel.probe()
        except (AnswerTimeout, LinkError):
            return None
        return "ping"
    heard = link.search.sighting
    return "advertisement" if heard is not None and heard.at >= since else None
