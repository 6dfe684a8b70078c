"""Findings as people, GitHub and code-scanning services read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from bb8deploy.base.findings import Finding, Level

_GITHUB = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_STYLES = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MAX_LINE = 120


def people(findings: Iterable[Finding], root: Path) -> Iterator[tuple[str, str]]:
    """Lines grouped by file, each with its style: the message, the line it is about, a caret, the hint."""
    ordered = sorted(findings, key=lambda f: (f.path, f.line or 0, f.column or 0, f.code))
    for path, group in groupby(ordered, key=lambda f: f.path):
        yield path or "(the add-on)", "bold"
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
    return ", ".join(named) or "nothing found"


def github(findings: Iterable[Finding], prefix: str = "") -> Iterator[str]:
    """Workflow commands that become annotations; `prefix` is the add-on's folder in the repository."""
    for finding in findings:
        place = {"file": _joined(prefix, finding.path), "line": finding.line, "col": finding.column}
        fields = [f"{key}={_escape(str(value), property_=True)}" for key, value in place.items() if value]
        fields.append(f"title={finding.code}")
        text = _escape(_said(finding))
        yield f"::{_GITHUB[finding.level]} {','.join(fields)}::{text}"


def sarif(findings: Iterable[Finding], version: str, prefix: str = "") -> dict[str, Any]:
    """A SARIF 2.1.0 log with one run."""
    listed = list(findings)
    codes = sorted({finding.code for finding in listed})
    driver = {
        "name": "bb8deploy",
        "version": version,
        "rules": [{"id": code, "shortDescription": {"text": code}} for code in codes],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(f, codes, prefix) for f in listed]}],
    }


def _result(finding: Finding, codes: list[str], prefix: str) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.level.value,
        "message": {"text": _said(finding)},
    }
    uri = _joined(prefix, finding.path)
    if uri:
        place: dict[str, Any] = {"artifactLocation": {"uri": uri}}
        if finding.line:
            column = {"startColumn": finding.column} if finding.column else {}
            place["region"] = {"startLine": finding.line, **column}
        result["locations"] = [{"physicalLocation": place}]
    return result


def _said(finding: Finding) -> str:
    """What is wrong and what to do about it, as two sentences."""
    return f"{finding.message}. {finding.hint}".strip()


def _lines(root: Path, path: str) -> list[str]:
    """The text of a file of bounded size; nothing of pipes and devices, which may never end."""
    file = root / path
    try:
        if not file.is_file() or file.stat().st_size > 1024 * 1024:
            return []
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _without_secrets(text: list[str], findings: list[Finding]) -> list[str | None]:
    """The lines that may be shown; whatever else is wrong with a secret's line, it is none of them."""
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
    shown = "".join(char if char.isprintable() else " " for char in line.expandtabs(1))[:_MAX_LINE]
    yield f"           | {shown}"
    if finding.column and finding.column <= _MAX_LINE:
        yield f"           | {' ' * (finding.column - 1)}^"


def _joined(prefix: str, path: str) -> str:
    return "/".join(part for part in (prefix.strip("/"), path) if part and part != ".")


def _escape(text: str, *, property_: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text
