"""Computes the metrics and the verdict of an echo attestation from what was sent and answered; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_WINDOW_S = 10.0
MIN_ECHOES = 3
MAX_P95_MS = 250.0


@dataclass(frozen=True, slots=True)
class Sent:
    """One echo that was asked for: its correlation id, the monotonic second, the UTC time."""

    cid: str
    at: float
    utc: str


@dataclass(frozen=True, slots=True)
class EchoAnswer:
    """One answer: its correlation id, and when it arrived on the monotonic clock, in seconds."""

    cid: str
    at: float


@dataclass(frozen=True, slots=True)
class Window:
    """What happened between `started` and `ended` (RFC 3339), `seconds` apart by the monotonic clock.

    `answers` may hold late ones and doubles; `pings` are the robot's answered pings in the window.
    """

    started: str
    ended: str
    seconds: float
    sent: tuple[Sent, ...]
    answers: tuple[EchoAnswer, ...]
    pings: int = 0


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of a window; round trips in milliseconds, None if nothing was answered."""

    window: Window
    round_trips: Mapping[str, float]
    duplicates: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    criteria: Mapping[str, bool | None]

    @property
    def echoes(self) -> int:
        """How many of the sent echoes were answered."""
        return len(self.round_trips)

    @property
    def lost(self) -> int:
        """How many were not."""
        return len(self.window.sent) - self.echoes

    @property
    def passed(self) -> bool:
        """Whether every criterion that counts held."""
        return all(held is not False for held in self.criteria.values())

    def failures(self) -> tuple[str, ...]:
        """What did not hold, each in words with its figure."""
        p95 = "no answer" if self.p95 is None else f"{self.p95:.0f} ms"
        words = {
            "window_ge_10s": f"the window lasted {self.window.seconds:.1f} s, less than {MIN_WINDOW_S:g} s",
            "min_echoes_ge_3": f"{self.echoes} of {len(self.window.sent)} echoes answered, "
            f"at least {MIN_ECHOES} are needed",
            "rtt_p95_le_250ms": f"p95 of the round trip: {p95}, the limit is {MAX_P95_MS:g} ms",
            "ble_requirement_met": "no answered ping of the robot in the window",
        }
        return tuple(text for name, text in words.items() if self.criteria[name] is False)


def measure(window: Window, *, require_ble: bool = False) -> Metrics:
    """The metrics of a window: the first answer to each echo counts, further ones are duplicates."""
    asked = {sent.cid: sent.at for sent in window.sent}
    trips: dict[str, float] = {}
    duplicates = 0
    for answer in window.answers:
        if answer.cid in trips:
            duplicates += 1
        elif answer.cid in asked:
            trips[answer.cid] = (answer.at - asked[answer.cid]) * 1000
    ordered = sorted(trips.values())
    p95 = percentile(ordered, 95)
    return Metrics(
        window=window,
        round_trips=trips,
        duplicates=duplicates,
        mean=sum(ordered) / len(ordered) if ordered else None,
        p50=percentile(ordered, 50),
        p95=p95,
        p99=percentile(ordered, 99),
        max=ordered[-1] if ordered else None,
        criteria={
            "window_ge_10s": window.seconds >= MIN_WINDOW_S,
            "min_echoes_ge_3": len(trips) >= MIN_ECHOES,
            "rtt_p95_le_250ms": p95 is not None and p95 <= MAX_P95_MS,
            "ble_requirement_met": window.pings > 0 if require_ble else None,
        },
    )


def differences(expected: Mapping[str, str], told: Mapping[str, str]) -> tuple[str, ...]:
    """The fields in which the reported identity differs from the expected one; a missing field differs."""
    return tuple(
        f"{name}: expected {want}, reported {told.get(name, 'nothing')}"
        for name, want in expected.items()
        if told.get(name) != want
    )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile of ascending values, None for none."""
    if not ordered:
        return None
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
