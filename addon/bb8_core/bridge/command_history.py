"""The last commands and their outcomes, for the page and for the sensor of the last command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from bb8_core.publish_interface import Voice
from bb8_core.requests.acknowledgement import Outcome

RECENT = 20


@dataclass(frozen=True, slots=True)
class Recent:
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
        earlier: list[Recent] = []

        def step(outcome: Outcome) -> None:
            ts = datetime.now(UTC).isoformat(timespec="milliseconds")
            latest = Recent(ts, name, outcome.status.value, outcome.reason, outcome.rtt_ms)
            others = tuple(recent for recent in self.commands if recent not in earlier)
            earlier[:] = [latest]
            self.commands = (latest, *others)[:RECENT]
            self._voice.status("last_command", asdict(latest))

        return step
