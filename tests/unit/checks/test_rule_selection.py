"""Projects decide which findings count: settings, comments, a baseline; an unused ignore is a warning."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.checks.baseline import Baseline, baseline_text
from bb8deploy.checks.check_one_app import Judged, judge
from bb8deploy.checks.rule_selection import (
    Selection,
    fails,
    read_selection,
    unused_settings,
)
from bb8deploy.checks.rule_selection_file import load_selection

CONFIG = 'name: A\nversion: "1"\nslug: a\ndescription: x\narch: [amd64, armv7]\ninit: false\nnonsense: 1\n'


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app with two warnings: an old architecture and an unknown key."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "Dockerfile").write_text("FROM a/b\n")
    return tmp_path


def codes(judged: Judged) -> set[str]:
    return {one.code for one in judged.kept.findings}


def test_without_settings_everything_counts(app: Path) -> None:
    assert codes(judge(app, workspace=None)) == {"CONFIG_OLD_WORD", "CONFIG_UNKNOWN_KEY"}


@pytest.mark.parametrize(
    ("table", "folder", "expected"),
    [
        ({"ignore": ["CONFIG_OLD_WORD"]}, "", {"CONFIG_UNKNOWN_KEY"}),
        ({"ignore": ["config"]}, "", set()),
        ({"select": ["CONFIG_OLD_WORD"]}, "", {"CONFIG_OLD_WORD"}),
        ({"select": ["build"]}, "", set()),
        ({"per-folder-ignores": {"old_*": ["ALL"]}}, "old_a", set()),
        ({"per-folder-ignores": {"old_*": ["ALL"]}}, "new", {"CONFIG_OLD_WORD", "CONFIG_UNKNOWN_KEY"}),
    ],
)
def test_settings_select_and_ignore(
    app: Path, table: dict[str, object], folder: str, expected: set[str]
) -> None:
    selection = read_selection(table, "bb8deploy.toml")
    assert codes(judge(app, workspace=None, selection=selection, folder=folder)) == expected


@pytest.mark.parametrize(
    "table",
    [
        {"ignore": ["CONFIG_OLD_WROD"]},
        {"ignore": "CONFIG_OLD_WORD"},
        {"fail-on": "fatal"},
        {"target-supervisor": "soon"},
        {"ingore": []},
        {"per-folder-ignores": ["a"]},
    ],
)
def test_a_setting_that_means_nothing_is_a_usage_error(table: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        read_selection(table, "bb8deploy.toml")


def test_settings_come_from_bb8deploy_toml_or_pyproject(app: Path) -> None:
    assert load_selection(app) == Selection()
    (app / "pyproject.toml").write_text('[tool.bb8deploy.validate]\nfail-on = "warning"\n')
    assert load_selection(app).fail_on == "warning"
    (app / "bb8deploy.toml").write_text('[validate]\nignore = ["build"]\n')
    assert load_selection(app).ignore == ("build",)


def test_a_comment_ignores_a_finding_of_its_line_or_the_next(app: Path) -> None:
    text = CONFIG.replace("nonsense: 1", "nonsense: 1  # bb8deploy: ignore[CONFIG_UNKNOWN_KEY]")
    text = text.replace("arch:", "# bb8deploy: ignore[CONFIG_OLD_WORD]\narch:")
    (app / "config.yaml").write_text(text)
    assert codes(judge(app, workspace=None)) == set()


def test_a_comment_in_a_dockerfile_and_a_script_works_too(app: Path) -> None:
    (app / "Dockerfile").write_text("FROM a/b\n# bb8deploy: ignore[COPY_SOURCE_MISSING]\nCOPY gone /\n")
    (app / "run.sh").write_text("#!/bin/sh\n# bb8deploy: ignore[SCRIPT_NOT_EXECUTABLE]\n")
    judged = judge(app, workspace=None)
    assert codes(judged) == {"CONFIG_OLD_WORD", "CONFIG_UNKNOWN_KEY"}
    assert judged.hidden_errors == ("COPY_SOURCE_MISSING",)


def test_an_ignore_that_ignores_nothing_is_a_warning(app: Path) -> None:
    (app / "Dockerfile").write_text("# bb8deploy: ignore[PACKAGE_APT]\nFROM a/b\n")
    (found,) = [one for one in judge(app, workspace=None).kept.findings if one.code == "IGNORE_UNUSED"]
    assert (found.path, found.line) == ("Dockerfile", 1)
    selection = read_selection({"ignore": ["build"], "per-folder-ignores": {"x": ["ALL"]}}, "bb8deploy.toml")
    assert len(list(unused_settings(selection, []))) == 2
    assert len(list(unused_settings(selection, ["ignore build"]))) == 1


def test_what_fails_is_a_choice(app: Path) -> None:
    findings = judge(app, workspace=None).kept.findings
    assert [len(fails(findings, on)) for on in ("error", "warning", "note", "never")] == [0, 2, 2, 0]  # type: ignore[arg-type]


def test_a_baseline_accepts_each_finding_once(app: Path, tmp_path: Path) -> None:
    findings = judge(app, workspace=None).kept.findings
    file = tmp_path / "baseline.json"
    file.write_text(baseline_text(("", one) for one in findings))
    baseline = Baseline.load(file)
    assert [baseline.takes(one, "") for one in (*findings, findings[0])] == [True, True, False]
    assert baseline.rest == 0
    file.write_text("[]")
    with pytest.raises(UsageError):
        Baseline.load(file)


@pytest.mark.parametrize(
    ("addition", "oldest"),
    [
        ("", "204"),
        ("map: [{type: app_config}]", "2026.07.1"),
        ("map: [addon_config]", "2023.11.0"),
        ("boot: manual_only", "2024.09.0"),
        ("ulimits: {nofile: 1}", "2025.10.1"),
        ("schema: {a: 'int(-1,1)'}", "2026.04.0"),
        ("privileged: [BPF]", "2023.05.0"),
        ("snapshot_exclude: [a]", "2021.08.0"),
    ],
)
def test_the_oldest_supervisor_follows_from_fields_and_values(app: Path, addition: str, oldest: str) -> None:
    (app / "config.yaml").write_text(f"{CONFIG}{addition}\n")
    assert judge(app, workspace=None).oldest == oldest


def test_a_target_supervisor_names_what_is_too_new_for_it(app: Path) -> None:
    (app / "config.yaml").write_text(f"{CONFIG}map: [{{type: app_config}}]\n")
    for target, expected in (("2026.04", True), ("2026.07", False), ("2026.08.1", False)):
        selection = read_selection({"target-supervisor": target}, "x")
        assert ("SUPERVISOR_TOO_NEW" in codes(judge(app, workspace=None, selection=selection))) is expected
