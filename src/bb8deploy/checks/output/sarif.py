"""Findings as SARIF 2.1.0, with each rule's help and address, as code scanning services read it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.rule_definitions.all_rules import rules
from bb8deploy.catalogue.rules_listing import help_uri
from bb8deploy.checks.output.text_and_github import joined, said

HOME = "https://github.com/e-app-404/ha-bb8-addon"
_FALLBACK = "config.yaml"  # services refuse a result without a place


def sarif(findings: Iterable[Finding], version: str, prefix: str = "") -> dict[str, object]:
    """A SARIF log with one run; `prefix` is the app's folder in the repository."""
    listed = list(findings)
    codes = sorted({finding.code for finding in listed})
    driver = {
        "name": "bb8deploy",
        "version": version,
        "informationUri": HOME,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes, prefix) for finding in listed],
    }
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }


def _rule(code: str) -> dict[str, object]:
    rule = rules().get(code)
    if rule is None:
        return {"id": code, "shortDescription": {"text": code}}
    return {
        "id": code,
        "name": "".join(part.capitalize() for part in code.split("_")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.why} {rule.remedy}", "markdown": rule.page()},
        "helpUri": help_uri(code, HOME),
        "defaultConfiguration": {"level": rule.level.value},
        "properties": {"tags": [rule.area.value]},
    }


def _result(finding: Finding, codes: list[str], prefix: str) -> dict[str, object]:
    place: dict[str, object] = {
        "artifactLocation": {"uri": quote(joined(prefix, finding.path or _FALLBACK), safe="/")}
    }
    if finding.line:
        column = {"startColumn": finding.column} if finding.column else {}
        place["region"] = {"startLine": finding.line, **column}
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": Level(finding.level).value,
        "message": {"text": said(finding)},
        "locations": [{"physicalLocation": place}],
    }
