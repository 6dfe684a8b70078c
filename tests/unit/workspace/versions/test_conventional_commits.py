"""Conventional commits: which bump they ask for, and how those are counted that are none."""

from __future__ import annotations

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.versions.conventional_commits import suggest


@pytest.mark.parametrize(
    ("current", "messages", "how"),
    [
        ("1.2.3", ["fix: a", "docs: b"], "patch"),
        ("1.2.3", ["fix: a", "feat(ui): b"], "minor"),
        ("1.2.3", ["Feat: b"], "minor"),
        ("1.2.3", ["feat!: b", "fix: a"], "major"),
        ("1.2.3", ["refactor(core)!: b"], "major"),
        ("1.2.3", ["fix: a\n\nText.\n\nBREAKING CHANGE: options are renamed"], "major"),
        ("1.2.3", ["fix: a\n\nBREAKING-CHANGE: options are renamed"], "major"),
        ("0.4.1", ["feat!: b"], "minor"),
        ("1.2.3", ["Add a feature: it works", "feature b", "feat:no space", "feat : b"], "patch"),
        ("1.2.3", ["fix: no BREAKING CHANGE: in the middle of a line"], "patch"),
        ("1.4", ["feat: b"], "minor"),
        ("2026.11.22.0", ["feat!: b"], "date"),
        ("1.2.3", [], "patch"),
    ],
)
def test_the_largest_change_decides(current: str, messages: list[str], how: str) -> None:
    assert suggest(current, messages).how == how


def test_the_reason_counts_the_commits() -> None:
    found = suggest("1.2.3", ["feat: a", "feat: b", "fix: c"])
    assert found.why == "2 of 3 commit(s) since the last release: a feature"


def test_a_version_of_no_scheme_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        suggest("nightly", ["feat: a"])
    assert caught.value.code == "VERSION_INVALID"
