"""Receipt lines are read back as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.runs.receipt_reader import parse_line
from bb8deploy.runs.tokens import CATALOGUE, Line, Token

KEYS = st.from_regex(r"[a-z_]{1,10}", fullmatch=True)
VALUES = st.text(max_size=60)


@given(token=st.sampled_from(list(Token)), pairs=st.lists(st.tuples(KEYS, VALUES), max_size=5))
def test_a_written_line_is_read_back_whole(token: Token, pairs: list[tuple[str, str]]) -> None:
    line = Line("TOKEN", token, tuple(pairs), CATALOGUE[token].lane)
    assert parse_line(str(line)) == line


def test_a_drift_line_keeps_its_code_and_detail_but_no_lane() -> None:
    line = Line("DRIFT", "SYNC_MISMATCH", (("detail", 'it is "so" = not'), ("run", "r1")), "sync")
    assert parse_line(str(line)) == Line(line.kind, line.name, line.fields, "")


@pytest.mark.parametrize("text", ["", "TOKEN:", "hello", " TOKEN: TAG_OK", "TOKEN: NO_SUCH_TOKEN run=x"])
def test_other_lines_are_not_receipt_lines(text: str) -> None:
    assert parse_line(text) is None
