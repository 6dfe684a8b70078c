"""Findings as people and GitHub's workflows read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.terminal_safe_text import plain

_GITHUB = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_STYLES = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MAX_LINE = 120
_MAX_BYTES = 1024 * 1024


def people(findings: Iterable[Finding], root: Path) -> Iterator[tuple[str, str]]:
    """Lines grouped by file, each with its style: the message, the line it is about, a caret, the hint."""
    ordered = sorted(findings, key=lambda f: (f.path, f.line or 0, f.column or 0, f.code))
    for path, group in groupby(ordered, key=lambda f: f.path):
        yield path or "(the app)", "bold"
        listed = list(group)
        text = _without_secrets(_lines(root, path), listed) if any(one.line for one in listed) else []
        for finding in listed:
            place = f"{finding.line}:{finding.column or 1}" if finding.line else "-"
            yield (
                f"  {place:>7}  {finding.level.value} {finding.code}: {finding.message}",
                _STYLES[finding.level],
            )
            yield from ((line, "dim") for line in _excerpt(text, finding))
            if finding.hint:
                yield f"           {finding.hint}", ""
        yield "", ""


def summary(findings: Iterable[Finding]) -> str:
    """How many of each level: `2 errors, 1 warning`."""
    levels = [finding.level for finding in findings]
    counted = [(levels.count(level), level.value) for level in Level]
    named = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counted if count]
    return ", ".join(named) or "no findings"


def github(findings: Iterable[Finding], prefix: str = "") -> Iterator[str]:
    """Workflow commands that become annotations; `prefix` is the app's folder in the repository."""
    for finding in findings:
        place = {"file": joined(prefix, finding.path), "line": finding.line, "col": finding.column}
        fields = [f"{key}={_escape(str(value), property_=True)}" for key, value in place.items() if value]
        fields.append(f"title={finding.code}")
        yield f"::{_GITHUB[finding.level]} {','.join(fields)}::{_escape(said(finding))}"


def said(finding: Finding) -> str:
    """What is wrong and what to do about it, as two sentences."""
    return f"{finding.message}. {finding.hint}".strip()


def joined(prefix: str, path: str) -> str:
    """A path of an app as one of its repository."""
    return "/".join(part for part in (prefix.strip("/"), path) if part and part != ".")


def _lines(root: Path, path: str) -> list[str]:
    """The text of a file of bounded size; nothing of pipes and devices, which may never end."""
    file = root / path
    try:
        if not file.is_file() or file.stat().st_size > _MAX_BYTES:
            return []
        return file.read_text(encoding="utf-8", errors="replace").split("\n")
    except (OSError, ValueError):
        return []


def _without_secrets(text: list[str], findings: list[Finding]) -> list[str | None]:
    """The lines that may be shown; a secret's line is not, whatever else is wrong with it."""
    shown: list[str | None] = list(text)
    for finding in findings:
        if finding.code.startswith("SECRET_") and finding.line:
            end = len(shown) if finding.code == "SECRET_KEY" else finding.line
            shown[finding.line - 1 : end] = [None] * len(shown[finding.line - 1 : end])
    return shown


def _excerpt(text: list[str | None], finding: Finding) -> Iterator[str]:
    line = text[finding.line - 1] if finding.line and finding.line <= len(text) else None
    if line is None:
        return
    shown = "".join(char if plain(char) == char else " " for char in line.expandtabs(1)[:_MAX_LINE])
    yield f"           | {shown.replace('##[', '## ')}"
    if finding.column and finding.column <= _MAX_LINE:
        yield f"           | {' ' * (finding.column - 1)}^"


def _escape(text: str, *, property_: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text
