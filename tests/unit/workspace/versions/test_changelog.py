"""The changelog: the new section is right and no other line moves."""

from __future__ import annotations

import pytest

from bb8deploy.workspace.versions.changelog import NOTHING_SAID, released, section_text

OLD = "# Changelog\n\nAll of it.\n\n## 1.0.0\n\n- Begin\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "# Changelog\n\n## 1.1.0\n\n- One\n- Two\n"),
        (OLD, "# Changelog\n\nAll of it.\n\n## 1.1.0\n\n- One\n- Two\n\n## 1.0.0\n\n- Begin\n"),
        (
            "# Changelog\n\n## Unreleased\n\n- Said by hand\n\n## 1.0.0\n",
            "# Changelog\n\n## 1.1.0\n\n- Said by hand\n\n## 1.0.0\n",
        ),
        (
            "# Changelog\n\n## [Unreleased]\n\n## [1.0.0] - 2026-01-02\n",
            "# Changelog\n\n## [1.1.0] - 2026-11-23\n\n- One\n- Two\n\n## [1.0.0] - 2026-01-02\n",
        ),
        ("## v1.0.0 (2026-01-02)\n", "## 1.1.0 (2026-11-23)\n\n- One\n- Two\n\n## v1.0.0 (2026-01-02)\n"),
        ("# A\n```\n## 0.0.1\n```\n", "# A\n```\n## 0.0.1\n```\n\n## 1.1.0\n\n- One\n- Two\n"),
    ],
)
def test_a_release_adds_its_section(before: str, after: str) -> None:
    made = released(before, "1.1.0", "2026-11-23", ["One", "Two"])
    assert made == after
    assert released(made, "1.1.0", "2026-11-23", ["Other"]) == made


def test_line_endings_stay_as_they_are() -> None:
    made = released(OLD.replace("\n", "\r\n"), "1.1.0", "2026-11-23", ["Größe"])
    assert "\n" not in made.replace("\r\n", "")
    assert section_text(made, "1.1.0") == "- Größe"


def test_a_release_without_commits_reports_it() -> None:
    assert NOTHING_SAID in released(OLD, "1.1.0", "2026-11-23", [])


def test_a_sections_text_ends_at_the_next_version() -> None:
    text = "# Changelog\n\n## 1.1.0\n\n### Fixed\n\n- A\n\n## 1.0.0\n\n- B\n"
    assert section_text(text, "1.1.0") == "### Fixed\n\n- A"
    assert section_text(text, "1.0.0") == "- B"
    assert section_text(text, "0.9.0") == ""
