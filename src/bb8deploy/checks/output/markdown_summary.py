"""A summary of findings in Markdown, as a workflow's job summary shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.rule_definitions.all_rules import rules
from bb8deploy.catalogue.rules_listing import help_uri
from bb8deploy.checks.output.sarif import HOME
from bb8deploy.checks.output.text_and_github import summary

MAX_ROWS = 200


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One app: its folder and its findings' paths in the repository, version, rating, oldest Supervisor."""

    folder: str
    version: str
    rating: int | None
    oldest: str
    findings: tuple[Finding, ...]


def markdown(rows: Sequence[FindingRow]) -> str:
    """The page: a line for each app, then the errors and warnings."""
    every = [finding for row in rows for finding in row.findings]
    lines = [
        "## bb8deploy validate",
        "",
        f"{len(rows)} app{'s' if len(rows) != 1 else ''}: {summary(every)}.",
        "",
        "| app | version | rating | oldest Supervisor | findings |",
        "|---|---|---|---|---|",
        *(_app(row) for row in rows),
        "",
        *_findings(rows),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _app(row: FindingRow) -> str:
    rating = "" if row.rating is None else str(row.rating)
    cells = (row.folder or ".", row.version, rating, row.oldest, summary(row.findings))
    return f"| {' | '.join(map(_cell, cells))} |"


def _findings(rows: Sequence[FindingRow]) -> Iterator[str]:
    shown = [(row, one) for row in rows for one in row.findings if one.level is not Level.NOTE]
    if not shown:
        return
    yield "| level | code | place | message |"
    yield "|---|---|---|---|"
    for row, one in shown[:MAX_ROWS]:
        place = (one.path or row.folder) + (f":{one.line}" if one.line else "")
        code = f"[{one.code}]({help_uri(one.code, HOME)})" if one.code in rules() else one.code
        yield f"| {one.level.value} | {code} | {_cell(place)} | {_cell(one.message)} |"
    if len(shown) > MAX_ROWS:
        yield ""
        yield f"{len(shown) - MAX_ROWS} more are not shown."


def _cell(text: str) -> str:
    """Text of others that can neither end a cell nor become markup."""
    for char in "\\`*_[]<>|#":
        text = text.replace(char, f"\\{char}" if char not in "<>" else {"<": "&lt;", ">": "&gt;"}[char])
    return text.replace("@", "@\u200b")
