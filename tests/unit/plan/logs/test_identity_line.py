"""Reads identity reports out of logs, and never takes an old one for a new one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.plan.logs.identity_line import Expected, Proof, identities, newer_lines, newest

LINE = "IDENTITY version=1.0 tree=sha256:aa commit=c run=r1 python=3.13.1"
WANTED = Expected("1.0", "sha256:aa", "r1")


def test_the_newest_report_counts_with_what_follows_it() -> None:
    log = [
        LINE,
        "RUN_SH_PRESENT",
        "tick",
        "2026-11-23 INFO IDENTITY version=2.0 tree=t commit=c run=r2 python=3",
        "x",
    ]
    first, last = identities(log)
    assert (first.version, first.run_sh, last.version, last.run_sh) == ("1.0", True, "2.0", False)
    assert newest(log) == last
    assert newest(["nothing here"]) is None


def test_a_torn_report_is_none() -> None:
    assert identities(["IDENTITY version=1.0 tree=sha256:aa"]) == []


def test_only_the_very_content_matches() -> None:
    said = newest([LINE])
    assert said
    assert said.is_(WANTED)
    assert not said.is_(Expected("1.0", "sha256:aa", "r2"))
    assert said.differences(Expected("1.0", "sha256:bb", "r1")) == (
        "tree: expected sha256:bb, reported sha256:aa",
    )
    unknown = newest(["IDENTITY version=1.0 tree=unknown commit=c run=unknown python=3"])
    assert unknown
    assert not unknown.is_(Expected("1.0", "unknown", "unknown"))


@pytest.mark.parametrize(
    ("before", "after", "window", "new"),
    [
        ("ab", "abc", 9, "c"),
        ("ab", "bc", 2, "c"),
        ("ab", "xy", 2, "xy"),
        ("", "x", 9, "x"),
        ("b", "abc", 1, "c"),
        ("ab", "abab", 9, "ab"),
        ("ab", "abab", 2, ""),
    ],
)
def test_new_lines_are_those_after_the_overlap(before: str, after: str, window: int, new: str) -> None:
    assert newer_lines(before, after, window=window) == tuple(new)


@given(st.lists(st.sampled_from("ab")), st.lists(st.sampled_from("ab")), st.integers(1, 8), st.integers(1, 8))
def test_an_old_line_is_never_taken_for_a_new_one(
    old: list[str], new: list[str], first: int, second: int
) -> None:
    """Of a log seen through windows of any size, never more lines count as new than have come."""
    before, after = old[-first:], (old + new)[-second:]
    assert len(newer_lines(before, after, window=first)) <= len(new) or not before


@pytest.mark.parametrize(
    ("words", "proof"),
    [
        ("", Proof.STAMP),
        (" seal=none", Proof.STAMP),
        (" seen=3 differ=0 extra=0 not-seen=1", Proof.SEALED),
        (" seen=3 differ=1 extra=0 not-seen=0 differs=run.sh", None),
        (" seen=3 differ=0 extra=1 not-seen=0 extras=new.txt", None),
        (" seen=3 differ=0 extra=1 not-seen=0 extras=.DS_Store", Proof.SEALED),
        (" seen=3 differ=0 extra=9 not-seen=0 extras=.DS_Store", None),
    ],
)
def test_a_report_has_the_level_of_proof_that_it_shows_by_itself(words: str, proof: Proof | None) -> None:
    said = newest([f"{LINE}{words}"])
    assert said is not None
    assert said.proof(lambda path: path == ".DS_Store") is proof


def test_a_report_without_a_stamp_proves_only_that_it_runs() -> None:
    said = newest(["IDENTITY version=1.0 tree=unknown commit=c run=unknown python=3"])
    assert said is not None
    assert said.proof(lambda _path: False) is Proof.RUNNING
