"""The CI of a new app uses the release of bb8deploy that wrote it, never a branch."""

from __future__ import annotations

import re

import pytest

from bb8deploy import __version__
from bb8deploy.lanes.new import tool_release
from bb8deploy.lanes.new.app_name import AppName
from bb8deploy.lanes.new.app_template import store_files
from bb8deploy.lanes.new.tool_release import ToolRelease, recorded_commit, this_release

COMMIT = "a" * 40


def test_the_workflow_pins_the_commit_and_names_the_version() -> None:
    files = store_files(AppName.parse("lamp"), "me", ToolRelease("2026.1.1.0", COMMIT))
    (text,) = [file.data.decode() for file in files if file.path.name == "ci.yaml"]
    assert f"uses: e-app-404/ha-bb8-addon@{COMMIT} # bb8deploy 2026.1.1.0\n" in text
    assert "@main" not in text
    assert all(re.search(r"@[0-9a-f]{40} # ", line) for line in text.splitlines() if "uses:" in line)


@pytest.mark.parametrize(
    ("direct_url", "commit"),
    [
        (f'{{"url": "x", "vcs_info": {{"vcs": "git", "commit_id": "{COMMIT}"}}}}', COMMIT),
        ('{"url": "file:///x", "dir_info": {"editable": true}}', ""),
        ("", ""),
    ],
)
def test_pip_records_the_commit_of_an_installation_from_git(direct_url: str, commit: str) -> None:
    assert recorded_commit(direct_url) == commit


def test_without_a_commit_the_version_is_the_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_release, "_direct_url", str)
    monkeypatch.setattr(tool_release, "_checkout", str)
    assert this_release() == ToolRelease(__version__, __version__)


def test_the_release_that_runs_is_never_a_branch() -> None:
    release = this_release()
    assert re.fullmatch(r"[0-9a-f]{40}", release.commit) or release.commit == __version__
