"""Fixes change what they say and nothing else; findings reach people, GitHub and code scanning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.fix.safe_fixes import apply_fixes, fixed_config, plan_fixes
from bb8deploy.checks.output.sarif import sarif
from bb8deploy.checks.output.text_and_github import github, people, summary
from bb8deploy.checks.reading.yaml_json_reader import parse_source
from bb8deploy.checks.run_rules import check_addon


def spoil(addon: Path) -> None:
    """Everything that --fix fixes, at once."""
    config = (addon / "config.yaml").read_text()
    config = config.replace('"1.4.2"', "1.10  # ours").replace("slug: small", "slug: small\nmap:")
    (addon / "config.yaml").write_text(config)
    run = addon / "run.sh"
    run.write_bytes(run.read_bytes().replace(b"\n", b"\r\n"))
    run.chmod(0o644)


def test_a_sound_addon_needs_no_fix(addon: Path) -> None:
    assert list(plan_fixes(addon)) == []


def test_what_is_safe_is_fixed_and_planned_without_writing(addon: Path) -> None:
    spoil(addon)
    before = (addon / "config.yaml").read_bytes()
    fixes = list(plan_fixes(addon))
    assert {fix.path: fix.description for fix in fixes} == {
        "run.sh": "unix line endings and executable bit",
        "config.yaml": "quotes around the version and `map:` as an empty list",
    }
    assert (addon / "config.yaml").read_bytes() == before
    apply_fixes(addon, fixes)
    report = check_addon(addon, workspace=None, profile="bb8")
    assert report.passed
    assert report.version == "1.10"
    assert 'version: "1.10"  # ours' in (addon / "config.yaml").read_text()
    assert list(plan_fixes(addon)) == []


def test_the_diff_shows_executable_bit_line_endings_and_text(addon: Path) -> None:
    spoil(addon)
    diffs = {fix.path: fix.diff() for fix in plan_fixes(addon)}
    assert '+version: "1.10"  # ours\n' in diffs["config.yaml"]
    assert "new mode 100755" in diffs["run.sh"]
    assert "-#!/usr/bin/env bash^M\n" in diffs["run.sh"]


def test_a_last_line_without_its_end_keeps_the_diff_readable(addon: Path) -> None:
    (addon / "config.yaml").write_text((addon / "config.yaml").read_text() + "map:")
    (fix,) = plan_fixes(addon)
    assert fix.diff().endswith(
        "-map:\n\\ No newline at end of file\n+map: []\n\\ No newline at end of file\n"
    )


FOUND = [
    Finding("CONFIG_INVALID", Level.ERROR, "bad: 100%", "config.yaml", 2, 10, "Fix it."),
    Finding("SHELLCHECK_SKIPPED", Level.NOTE, "SKIPPED: not here"),
    Finding("SECRET_TOKEN", Level.ERROR, "a token", "config.yaml", 1),
]


def test_people_see_the_line_with_a_caret_but_never_a_secret(addon: Path) -> None:
    text = "\n".join(line for line, _style in people(FOUND, addon))
    assert '           | version: "1.4.2"\n           |          ^\n           Fix it.' in text
    assert "name: Small" not in text
    assert summary(FOUND) == "2 errors, 1 note"


def test_no_other_finding_shows_a_secret_s_line(addon: Path) -> None:
    (addon / "run.sh").write_text("tok=abc\n-----BEGIN\nb3Bl\n")
    rows = (("SECRET_TOKEN", 1), ("SCRIPT_SHELLCHECK", 1), ("SECRET_KEY", 2), ("SCRIPT_SHELLCHECK", 3))
    found = [Finding(code, Level.ERROR, "odd", "run.sh", line) for code, line in rows]
    assert not any("|" in line for line, _style in people(found, addon))


def test_a_pipe_and_a_link_to_a_device_are_reported_and_not_read(addon: Path) -> None:
    os.mkfifo(addon / "pipe")
    (addon / "endless").symlink_to("/dev/zero")
    found = [Finding("TREE_SPECIAL_FILE", Level.ERROR, "odd", name, line) for name in ("pipe", "endless")
             for line in (None, 1)]  # fmt: skip
    assert sum("odd" in line for line, _style in people(found, addon)) == 4


def test_annotations_are_escaped_and_point_into_the_repository() -> None:
    first, second, _third = github(FOUND, "addon")
    expected = "::error file=addon/config.yaml,line=2,col=10,title=CONFIG_INVALID::bad: 100%25. Fix it."
    assert first == expected
    assert second.startswith("::notice file=addon,title=SHELLCHECK_SKIPPED::")


def test_sarif_names_rules_places_and_levels() -> None:
    log = sarif(FOUND, "1.0", "addon")
    (run,) = log["runs"]
    result = run["results"][0]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "CONFIG_INVALID"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "addon/config.yaml"
    assert place["region"] == {"startLine": 2, "startColumn": 10}


SPELLINGS = [
    f"{before}version{gap}:{space}{number}{after}"
    for before in ("", "'", "? ")
    for gap in ("", " ")
    for space in (" ", "  ", "\t", "\n  ", " !!float ", " &v ", " !!str ", " | ", " >-\n  ")
    for number in ("1.10", "1", "0.1", "1e3", "2026.10", "1_0", "0x1F", "010", "-1.0", "1.", "+1.0")
    for after in ("", " ", "  # c", "\t# c", "#c")
    if not (before == "'" and gap)
]


def test_a_fix_of_any_spelling_changes_the_meant_value_alone_or_nothing() -> None:
    rest = "name: x  # 1.10\nother: 1.10\n"
    changed = 0
    for spelling in SPELLINGS:
        line = spelling.replace("version", "version'", 1) if spelling.startswith("'") else spelling
        before = f"{rest}{line}\nlast: [1.10]\n"
        after, words = fixed_config(before, "config.yaml")
        old, new = (parse_source(text.encode(), "config.yaml") for text in (before, after))
        if not words:
            assert after == before
            continue
        changed += 1
        assert isinstance(new.data["version"], str)
        assert new.data["version"] == old.written[("version",)]
        assert {**new.data, "version": 0} == {**old.data, "version": 0}
        assert after.replace('"', "") == before.replace('"', "")
    assert len(SPELLINGS) > 500
    assert changed > 150


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("version: 1.10\t# c\n", 'version: "1.10"\t# c\n'),
        ("version: &v 1.10\nb: *v\n", None),
        ("v: &v 1.10\nversion: *v\n", None),
        ("version: !!float 1.10\n", None),
        ("{version: 1.10, a: 1.10}\n", '{version: "1.10", a: 1.10}\n'),
        ("map:\nversion: a\n", "map: []\nversion: a\n"),
        ("map:   # c\nversion: a\n", "map: []   # c\nversion: a\n"),
        ("map: ~\nversion: a\n", "map: []\nversion: a\n"),
        ("map: null # c\r\nversion: a\r\n", "map: [] # c\r\nversion: a\r\n"),
        ("devices:\nversion: a\n", "devices: []\nversion: a\n"),
        ("a: {map: }\nversion: a\n", None),
    ],
)
def test_each_fix_is_exact(text: str, fixed: str | None) -> None:
    assert fixed_config(text, "config.yaml")[0] == (text if fixed is None else fixed)


def test_a_bad_rule_address_or_level_is_not_in_sarif(addon: Path) -> None:
    (addon / "Dockerfile").write_text("FROM a/b\nCOPY gone /\n")
    report = check_addon(addon, workspace=None)
    (run,) = sarif(report.findings, "1", "my addon")["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["helpUri"].startswith("https://")
        assert rule["help"]["text"]
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert "my%20addon/Dockerfile" in uris
