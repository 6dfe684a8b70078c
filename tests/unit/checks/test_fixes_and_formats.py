"""Fixes change what they say and nothing else; findings reach people, GitHub and code scanning."""

from __future__ import annotations

import os
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.fix.fixes import apply_fixes, plan_fixes
from bb8deploy.checks.output.formats import github, people, summary
from bb8deploy.checks.output.sarif import sarif
from bb8deploy.checks.run import check_addon


def spoil(addon: Path) -> None:
    """Everything that --fix mends, at once."""
    config = (addon / "config.yaml").read_text()
    config = config.replace('"1.4.2"', "1.10  # ours").replace("slug: small", "slug: small\nmap:")
    (addon / "config.yaml").write_text(config)
    run = addon / "run.sh"
    run.write_bytes(run.read_bytes().replace(b"\n", b"\r\n"))
    run.chmod(0o644)


def test_a_sound_addon_needs_no_fix(addon: Path) -> None:
    assert list(plan_fixes(addon)) == []


def test_what_is_safe_is_mended_and_planned_without_writing(addon: Path) -> None:
    spoil(addon)
    before = (addon / "config.yaml").read_bytes()
    fixes = list(plan_fixes(addon))
    assert {fix.path: fix.description for fix in fixes} == {
        "run.sh": "unix line ends and run bit",
        "config.yaml": "quotes around the version and `map:` as an empty list",
    }
    assert (addon / "config.yaml").read_bytes() == before
    apply_fixes(addon, fixes)
    report = check_addon(addon, workspace=None, profile="bb8")
    assert report.passed
    assert report.version == "1.10"
    assert 'version: "1.10"  # ours' in (addon / "config.yaml").read_text()
    assert list(plan_fixes(addon)) == []


def test_the_diff_shows_run_bit_line_ends_and_text(addon: Path) -> None:
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
    Finding("CONFIG_INVALID", Level.ERROR, "bad: 100%", "config.yaml", 2, 10, "Mend it."),
    Finding("SHELLCHECK_SKIPPED", Level.NOTE, "SKIPPED: not here"),
    Finding("SECRET_TOKEN", Level.ERROR, "a token", "config.yaml", 1),
]


def test_people_see_the_line_with_a_caret_but_never_a_secret(addon: Path) -> None:
    text = "\n".join(line for line, _style in people(FOUND, addon))
    assert '           | version: "1.4.2"\n           |          ^\n           Mend it.' in text
    assert "name: Small" not in text
    assert summary(FOUND) == "2 errors, 1 note"


def test_no_other_finding_shows_a_secret_s_line(addon: Path) -> None:
    (addon / "run.sh").write_text("tok=abc\n-----BEGIN\nb3Bl\n")
    rows = (("SECRET_TOKEN", 1), ("SCRIPT_SHELLCHECK", 1), ("SECRET_KEY", 2), ("SCRIPT_SHELLCHECK", 3))
    found = [Finding(code, Level.ERROR, "odd", "run.sh", line) for code, line in rows]
    assert not any("|" in line for line, _style in people(found, addon))


def test_a_pipe_and_a_link_to_a_device_are_told_of_and_not_read(addon: Path) -> None:
    os.mkfifo(addon / "pipe")
    (addon / "endless").symlink_to("/dev/zero")
    found = [Finding("TREE_SPECIAL_FILE", Level.ERROR, "odd", name, line) for name in ("pipe", "endless")
             for line in (None, 1)]  # fmt: skip
    assert sum("odd" in line for line, _style in people(found, addon)) == 4


def test_annotations_are_escaped_and_point_into_the_repository() -> None:
    first, second, _third = github(FOUND, "addon")
    expected = "::error file=addon/config.yaml,line=2,col=10,title=CONFIG_INVALID::bad: 100%25. Mend it."
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
