"""The last commands and their outcomes, for the page and for the sensor of the last command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from bb8_core.publish_interface import Voice
from bb8_core.requests.acknowledgement import Outcome

RECENT = 20


class Recent(NamedTuple):
    """One command: the time of its last step (RFC 3339), its name, status and reason."""

    ts: str
    name: str
    status: str
    reason: str
    rtt_ms: float | None


class History:
    """The last 20 commands, the one with the newest step first."""

    def __init__(self, voice: Voice) -> None:
        """Start empty; `voice` publishes each step of the newest."""
        self._voice = voice
        self.commands: tuple[Recent, ...] = ()

    def follow(self, name: str) -> Callable[[Outcome], None]:
        """Add a command; the returned function takes each of its steps."""
        latest: Recent | None = None

        def step(outcome: Outcome) -> None:
            nonlocal latest
            others = tuple(recent for recent in self.commands if recent is not latest)
            ts = datetime.now(UTC).isoformat(timespec="milliseconds")
            latest = Recent(ts, name, outcome.status.value, outcome.reason, outcome.rtt_ms)
            self.commands = (latest, *others)[:RECENT]
            self._voice.status("last_command", latest._asdict())

        return step
