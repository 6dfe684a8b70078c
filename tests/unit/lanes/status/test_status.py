"""What `status` says about the workspace."""

from __future__ import annotations

import pytest

from bb8deploy.lanes.status.status import commit_in_words
from bb8deploy.workspace.git import Head

COMMIT = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (Head("", dirty=True), "not committed yet"),
        (Head(COMMIT, dirty=False), "commit 0123456789ab"),
        (Head(COMMIT, dirty=True), "commit 0123456789ab, uncommitted changes"),
    ],
)
def test_the_commit_is_named_only_if_there_is_one(head: Head, words: str) -> None:
    assert commit_in_words(head) == words
