"""A run as the report shows it: frozen records, already free of secrets, not yet HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from bb8deploy.base.findings import Finding

Verdict = Literal["PASS", "FAIL", "UNFINISHED"]
StepState = Literal["done", "failed", "stopped", "kept", "skipped", "not reached"]
Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A step as a release contract has it; `reason` is why it was kept, skipped or not reached."""

    name: str
    state: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TimelineStep:
    """One row of the timeline. `begin` and `seconds` count on the run's own time, without the pause
    before a resume; both are None if the step did not run. `depth` 0 is outermost.
    """

    name: str
    state: StepState
    begin: float | None = None
    seconds: float | None = None
    depth: int = 0
    note: str = ""
    facts: Pairs = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The steps in order, the whole time in seconds, and the seconds at which the run was resumed."""

    steps: tuple[TimelineStep, ...] = ()
    seconds: float = 0.0
    resumed: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenLine:
    """One receipt line: `kind` is TOKEN, SKIPPED or DRIFT; `evidence` its pairs without the run id.

    `evidence_kept` is False if only the token's name is still known.
    """

    kind: str
    name: str
    lane: str = ""
    meaning: str = ""
    evidence: Pairs = ()
    evidence_kept: bool = True


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sync did: paths by what happened to them, and what it cost. Sizes are in bytes."""

    where: str
    route: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    files: int
    size: int
    before: str
    after: str
    round_trips: int | None = None

    @property
    def count(self) -> int:
        """Paths that had to change; those that were only kept do not count."""
        return sum(len(paths) for name, paths in self.groups if name != "kept")


@dataclass(frozen=True, slots=True)
class ReportedIdentity:
    """What the running app was expected to report of itself, and what it did report.

    `proof` is the level of proof that was reached, empty if none was or the contract is an earlier one.
    """

    slug: str
    action: str
    route: str
    states: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]
    observed: bool
    proof: str = ""
    log_tail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Echo:
    """One sent echo: seconds since the first, round trip in milliseconds, None if it never came."""

    at: float
    rtt_ms: float | None


@dataclass(frozen=True, slots=True)
class Echoes:
    """The echo attestation: each echo, the summary's own figures and criteria."""

    echoes: tuple[Echo, ...]
    figures: Pairs = ()
    criteria: tuple[tuple[str, bool], ...] = ()
    verdict: str = ""

    @property
    def answered(self) -> tuple[float, ...]:
        """The round trips that came back, in milliseconds, ascending."""
        return tuple(sorted(echo.rtt_ms for echo in self.echoes if echo.rtt_ms is not None))

    @property
    def lost(self) -> int:
        """Echoes that never came back."""
        return sum(echo.rtt_ms is None for echo in self.echoes)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page shows of one run. `started` is RFC 3339 in UTC or empty.

    `no_echo` is why there is no echo; `sources` are the files that were read, relative to reports/.
    """

    run_id: str
    command: str
    verdict: Verdict
    target: str = ""
    version: str = ""
    from_version: str = ""
    commit: str = ""
    dirty: bool = False
    started: str = ""
    error: str = ""
    timeline: Timeline = field(default_factory=Timeline)
    tokens: tuple[TokenLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    tests: Pairs = ()
    changes: Changes | None = None
    identity: ReportedIdentity | None = None
    published: Pairs = ()
    echoes: Echoes | None = None
    no_echo: str = ""
    sources: tuple[str, ...] = ()


def percentile(ascending: tuple[float, ...], share: float) -> float:
    """The nearest-rank percentile of at least one value; `share` from 0 to 1."""
    rank = -int(-share * len(ascending) // 1)
    return ascending[min(max(rank, 1), len(ascending)) - 1]
