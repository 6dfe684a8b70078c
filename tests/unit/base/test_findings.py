"""Findings: frozen, comparable, and only errors fail a run."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from bb8deploy.base.findings import Finding, Level, errors_in


def test_only_errors_fail_a_run() -> None:
    found = [Finding(f"CODE_{level}", level, "words") for level in Level]
    assert errors_in(found) == [Finding("CODE_error", Level.ERROR, "words")]


def test_a_finding_is_frozen_and_about_no_file_unless_one_is_named() -> None:
    finding = Finding("CODE", Level.NOTE, "words")
    assert (finding.path, finding.line, finding.column, finding.hint) == ("", None, None, "")
    with pytest.raises(FrozenInstanceError):
        finding.code = "OTHER"  # type: ignore[misc]


def test_levels_are_the_words_that_contracts_carry() -> None:
    assert [str(level) for level in Level] == ["error", "warning", "note"]
