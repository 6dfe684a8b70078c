"""The rows of status fit the terminal."""

from __future__ import annotations

import pytest

from bb8deploy.cli.operate.status import rows
from bb8deploy.plan.version_drift import VersionPlace

HERE = VersionPlace(
    "here", "2026.11.23.4", "sha256:75c970737d55ffff", "commit d2494d8222df, uncommitted changes"
)
BARE = VersionPlace("robot", detail="no app has spoken on this broker")


def test_a_wide_terminal_and_a_pipe_get_one_line() -> None:
    line = "here       2026.11.23.4  75c970737d55  commit d2494d8222df, uncommitted changes"
    assert list(rows(HERE, 100)) == list(rows(HERE, 0)) == [line]
    assert list(rows(BARE, 80)) == ["robot      no app has spoken on this broker"]


@pytest.mark.parametrize("columns", [30, 40, 50, 78])
def test_a_narrow_terminal_gets_the_detail_below(columns: int) -> None:
    first, *below = rows(HERE, columns)
    assert first == "here       2026.11.23.4  75c970737d55"
    assert all(len(line) <= columns for line in below)
    assert " ".join(line.strip() for line in below) == HERE.detail
