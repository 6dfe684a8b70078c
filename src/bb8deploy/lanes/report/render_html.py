"""Renders the report of a run as one HTML page: self-contained, escaped, for light and dark screens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING

from bb8deploy import __version__
from bb8deploy.base.findings import Level
from bb8deploy.lanes.report.latency_charts import histogram, latency_histogram, latency_over_time
from bb8deploy.lanes.report.report_records import (
    Echoes,
    Report,
    ReportedIdentity,
    TimelineStep,
    TokenLine,
    percentile,
)

if TYPE_CHECKING:
    from jinja2 import Template

# The most that a page shows, so that it stays small; the contracts have the rest.
MAX_STEPS, MAX_FINDINGS, MAX_PATHS = 300, 200, 300
_HEX = re.compile(r"[0-9a-f]{40,64}")
VERDICTS = {"PASS": "passed", "FAIL": "failed", "UNFINISHED": "did not finish"}


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure at the top of the page."""

    figure: str
    words: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step with its place on the track, in per cent of the run's time; None if it did not run."""

    name: str
    state: str
    depth: int
    leaf: bool
    left: float | None
    width: float | None
    seconds: float | None
    note: str
    facts: tuple[tuple[str, str], ...]
    resumed: tuple[float, ...]


def render(report: Report) -> str:
    """The page as one HTML document that loads no other file."""
    from markupsafe import Markup

    changes, echoes = report.changes, report.echoes
    charts = [latency_over_time(echoes), latency_histogram(echoes)] if echoes and echoes.answered else []
    return _template().render(
        r=report,
        css=Markup(_asset("report.css")),  # noqa: S704 - our own file
        made_by=__version__,
        verdict=VERDICTS[report.verdict],
        facts=_facts(report),
        tiles=tiles(report),
        steps=rows(report)[:MAX_STEPS],
        more_steps=max(0, len(report.timeline.steps) - MAX_STEPS),
        lanes=by_lane(report.tokens),
        findings=report.findings[:MAX_FINDINGS],
        more_findings=max(0, len(report.findings) - MAX_FINDINGS),
        no_findings=_no_findings(report),
        groups=[(n, p[:MAX_PATHS], max(0, len(p) - MAX_PATHS)) for n, p in changes.groups if p]
        if changes
        else [],
        change_facts=_change_facts(report),
        identity_words=_identity_words(report.identity) if report.identity else "",
        echo_words=_echo_words(echoes) if echoes else "",
        far=_far(echoes) if echoes else 0,
        charts=[Markup(svg) for svg in charts],  # noqa: S704 - an element tree was serialised
    )


def tiles(report: Report) -> list[Tile]:
    """The figures at the top: time, tokens, findings, files, echo."""
    kinds = [line.kind for line in report.tokens]
    earned = kinds.count("TOKEN")
    errors = sum(finding.level is Level.ERROR for finding in report.findings)
    shown = [
        Tile(seconds_text(report.timeline.seconds) or "none", "in all steps"),
        Tile(str(earned), f"{_noun(earned, 'token')}, {kinds.count('SKIPPED')} skipped"),
        Tile(str(len(report.findings)), _findings_words(len(report.findings), errors), bad=errors > 0),
    ]
    if drifts := kinds.count("DRIFT"):
        shown.append(Tile(str(drifts), f"{_noun(drifts, 'check')} failed", bad=True))
    if report.changes:
        files = report.changes.files
        shown.append(Tile(str(report.changes.count), f"of {files} {_noun(files, 'file')} changed"))
    if report.echoes and (answered := report.echoes.answered):
        shown.append(Tile(f"{percentile(answered, 0.95):.1f} ms", "echo round trip, p95"))
    return shown


def rows(report: Report) -> list[StepRow]:
    """Each step with its bar; a step with steps inside it is not a leaf."""
    whole = max(report.timeline.seconds, 0.001)
    steps = report.timeline.steps
    inner = [after.depth > before.depth for before, after in pairwise(steps)]
    marks = tuple(_percent(at, whole) for at in report.timeline.resumed)
    return [
        _row(step, whole, marks, leaf=not has_inner)
        for step, has_inner in zip(steps, [*inner, False][: len(steps)], strict=True)
    ]


def by_lane(lines: Sequence[TokenLine]) -> list[tuple[str, list[TokenLine]]]:
    """The lines grouped by lane, both in their first order."""
    lanes: dict[str, list[TokenLine]] = {}
    for line in lines:
        lanes.setdefault(line.lane or "failed", []).append(line)
    return list(lanes.items())


def seconds_text(seconds: float | None) -> str:
    """A duration as people read it: 34 ms, 4.2 s, 3 min 05 s; nothing for None."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def size_text(size: int) -> str:
    """Bytes as people read them, with decimal units."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.1f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def brief(text: str) -> str:
    """`text` with the first 12 digits of digests and commits; the page has the whole in a title."""
    return _HEX.sub(lambda found: f"{found[0][:12]}…", text)


def _row(step: TimelineStep, whole: float, marks: tuple[float, ...], *, leaf: bool) -> StepRow:
    ran = step.begin is not None
    left = _percent(step.begin or 0.0, whole) if ran else None
    width = min(_percent(step.seconds or 0.0, whole), 100.0 - (left or 0.0)) if ran else None
    return StepRow(
        step.name, step.state, step.depth, leaf, left, width, step.seconds, step.note, step.facts, marks
    )


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 2)


def _facts(report: Report) -> list[tuple[str, str]]:
    where = report.changes.where if report.changes else ""
    commit = report.commit[:12] + (" with uncommitted changes" if report.commit and report.dirty else "")
    pairs = [
        ("target", report.target),
        ("host", where),
        ("started", report.started.replace("T", " ").partition(".")[0].rstrip("Z") + " UTC"),
        ("commit", commit),
        ("run", report.run_id),
    ]
    return [(key, value) for key, value in pairs if value.strip() and value != " UTC"]


def _no_findings(report: Report) -> str:
    checked = any(line.lane == "validate" for line in report.tokens)
    return "No findings." if checked else "This run recorded no findings."


def _change_facts(report: Report) -> list[tuple[str, str]]:
    c = report.changes
    if c is None:
        return []
    return [
        ("route", c.route),
        ("sent", size_text(c.size)),
        ("round trips", "" if c.round_trips is None else str(c.round_trips)),
        ("tree before", c.before or "none"),
        ("tree after", c.after),
    ]


def _identity_words(identity: ReportedIdentity) -> str:
    if not identity.observed:
        return "The running app reported no identity in this run."
    if all(want == got for _name, want, got in identity.rows if want):
        return "The running app reported exactly the version and files that were sent."
    return "The running app reported something other than what was sent."


def _echo_words(echoes: Echoes) -> str:
    sent, answered = len(echoes.echoes), echoes.answered
    if not answered:
        return f"{sent} sent, none answered." if sent else "The summary is left, but not the single echoes."
    middle = percentile(answered, 0.5)
    return (
        f"{sent} sent, {len(answered)} answered, {echoes.lost} lost. Half took at most {middle:.1f} ms, "
        f"95 of 100 at most {percentile(answered, 0.95):.1f} ms, the slowest {answered[-1]:.1f} ms."
    )


def _noun(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _findings_words(count: int, errors: int) -> str:
    noun = _noun(count, "finding")
    return f"{noun}, {errors} of them {_noun(errors, 'error')}" if errors else noun


def _far(echoes: Echoes) -> int:
    over = histogram(echoes.answered)[1]
    return over[0] if over else 0


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"seconds": seconds_text, "brief": brief}
    return environment.from_string(_asset("report.html.j2"))


def _asset(name: str) -> str:
    return (resources.files("bb8deploy.lanes.report") / name).read_text(encoding="utf-8")
