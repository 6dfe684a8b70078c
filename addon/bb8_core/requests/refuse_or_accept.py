"""Receives raw commands: refuses what is retained, malformed or unknown, and counts it."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bb8_core.publish_interface import Voice
from bb8_core.requests.acknowledgement import body, rejected
from bb8_core.requests.payload_parsing import (
    BadPayload,
    Request,
    cid_of,
    expires_at_of,
    parse,
    parse_object,
    stops_regardless,
)

STALE_S = 5.0
"""A command older than this is not obeyed, stops excepted."""

_NAME = re.compile(r"[a-z][a-z_]{0,31}")
_log = logging.getLogger("bb8.desk")


@dataclass(frozen=True, slots=True)
class RawCommand:
    """A command as it came: the topic's last part, the payload, whether retained, when (monotonic s)."""

    cmd: str
    payload: bytes
    retained: bool
    received_at: float
    expiry_s: float | None = None
    """Seconds after `received_at` at which the command expires (MQTT 5 message expiry)."""
    fresh: bool = True
    """Whether its age is known: false just after the process stood still."""


class Reception:
    """Turns raw commands into requests; every refusal is acknowledged with its reason."""

    def __init__(
        self,
        voice: Voice,
        obey: Callable[[Request], None],
        stood_still: Callable[[], bool] = lambda: False,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Hand good requests to `obey`; `stood_still` is whether the process was frozen just before."""
        self._voice = voice
        self._obey = obey
        self._stood_still = stood_still
        self._wall_clock = wall_clock
        self.refused: Counter[str] = Counter()

    def receive(self, raw: RawCommand, now: float) -> None:
        """Take one command; never raises."""
        stop = stops_regardless(raw.cmd)
        if raw.retained and stop is None:
            self._refuse(raw, None, "RETAINED", "retained commands are not obeyed; publish without retain")
            return
        cid = None
        expires_at = float("inf")
        try:
            value = parse_object(raw.payload)
            cid = cid_of(value)
            intent = parse(raw.cmd, value)
            expires_at = self._expiry(raw, expires_at_of(value), now)
        except BadPayload as bad:
            self._malformed(raw, cid, bad)
            return
        if stop is None and (late := self._too_late(raw, expires_at, now)) is not None:
            self._refuse(raw, cid, *late)
            return
        self._obey(Request(raw.cmd, intent, cid, raw.received_at, expires_at))

    def _expiry(self, raw: RawCommand, unix_s: float | None, now: float) -> float:
        """When the command expires by the loop's clock: by its payload or by MQTT 5, whichever is sooner."""
        by_message = float("inf") if raw.expiry_s is None else raw.received_at + raw.expiry_s
        by_payload = float("inf") if unix_s is None else now + unix_s - self._wall_clock()
        return min(by_message, by_payload)

    def _too_late(self, raw: RawCommand, expires_at: float, now: float) -> tuple[str, str] | None:
        """Why the command is not obeyed any more, as code and reason, or None."""
        if not raw.fresh or self._stood_still():
            return (
                "STALE",
                "the app stood still just before, so the age of the command is unknown; send it again",
            )
        if now >= expires_at:
            return "EXPIRED", "the command expired before it arrived"
        if now - raw.received_at > STALE_S:
            return "STALE", f"the command is {now - raw.received_at:.1f} s old"
        return None

    def flooded(self, dropped: int) -> None:
        """So many commands in all were dropped unread; they cannot be acknowledged one by one."""
        if not self.refused["FLOOD"]:
            _log.warning("commands come too fast: the oldest are dropped unread, and counted as FLOOD")
        self.refused["FLOOD"] = dropped
        self._voice.status("refusals", dict(self.refused))

    def _malformed(self, raw: RawCommand, cid: str | int | None, bad: BadPayload) -> None:
        stop = stops_regardless(raw.cmd)
        if stop is None:
            self._refuse(raw, cid, bad.code, bad.reason)
            return
        self.refused[bad.code] += 1
        self._voice.status("refusals", dict(self.refused))
        self._obey(Request(raw.cmd, stop, cid, raw.received_at))

    def _refuse(self, raw: RawCommand, cid: str | int | None, code: str, reason: str) -> None:
        self.refused[code] += 1
        self._voice.status("refusals", dict(self.refused))
        name = raw.cmd if _NAME.fullmatch(raw.cmd) else "unknown"
        _log.debug("refused %s: %s", name, reason)
        self._voice.ack(name, body(cid, rejected(code, reason)))
