"""The three-way merge of one file."""

from __future__ import annotations

import pytest

from bb8deploy.lanes.pull.merge import merge

SENT = b"a\nb\nc\nd\ne\nf\n"
HOST = b"a\nB\nc\nd\ne\nf\n"


@pytest.mark.parametrize(
    ("sent", "host", "here", "after"),
    [
        (SENT, HOST, SENT, HOST),
        (SENT, HOST, HOST, HOST),
        (SENT, HOST, b"a\nb\nc\nd\ne\nF\n", b"a\nB\nc\nd\ne\nF\n"),
        (SENT, SENT, b"mine\n", b"mine\n"),
        (None, HOST, None, HOST),
        (SENT, None, SENT, None),
        (SENT, None, None, None),
        (b"\0old", b"\0new", b"\0old", b"\0new"),
    ],
)
def test_an_edit_of_the_host_is_taken(
    sent: bytes | None, host: bytes | None, here: bytes | None, after: bytes | None
) -> None:
    merged = merge("x", sent, host, here)
    assert (merged.after, merged.conflict) == (after, False)


@pytest.mark.parametrize(
    ("sent", "host", "here"),
    [
        (SENT, HOST, b"a\nmine\nc\nd\ne\nf\n"),
        (None, HOST, SENT),
        (SENT, None, b"mine\n"),
        (SENT, HOST, None),
        (b"\0old", b"\0new", b"\0mine"),
    ],
)
def test_two_edits_of_one_place_are_a_conflict_and_change_nothing(
    sent: bytes | None, host: bytes | None, here: bytes | None
) -> None:
    merged = merge("x", sent, host, here)
    assert merged.conflict
    assert not merged.changes
