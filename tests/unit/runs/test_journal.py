"""The journal: what was observed is on the disk, and a torn end does not spoil it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.runs.journal import EARNED, Journal, earned, now


def test_steps_come_back_in_order_with_their_facts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs" / "r1" / "journal.jsonl")
    journal.write("copy", "started")
    journal.write("copy", "done", files=3, tree="t1")
    journal.write("build", "failed", error="no space")
    assert [(e.step, e.state, e.facts) for e in journal.entries()] == [
        ("copy", "started", {}),
        ("copy", "done", {"files": 3, "tree": "t1"}),
        ("build", "failed", {"error": "no space"}),
    ]
    assert journal.done() == {"copy": {"files": 3, "tree": "t1"}}


def test_the_last_time_that_a_step_was_done_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("copy", "done", tree="old")
    journal.write("copy", "done", tree="new")
    assert journal.done() == {"copy": {"tree": "new"}}


@pytest.mark.parametrize("state", ["started", "failed"])
def test_a_later_try_that_did_not_end_takes_the_earlier_one_back(tmp_path: Path, state: str) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("deploy", "done", commit="one")
    journal.write("VERIFY_OK", "earned")
    journal.write("deploy", state)
    assert journal.done() == {}


def test_a_journal_that_was_never_written_is_empty(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none.jsonl").entries() == []


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("copy", "done")
    with journal.path.open("a") as file:
        file.write('{"ts": "x", "step": "buil')
    assert list(journal.done()) == ["copy"]


BAD_LINES = [
    b"[]",
    b"{}",
    b"7",
    b'{"step": 1, "state": "done", "ts": "x"}',
    b"\xff\xfe",
    b"\0\0",
    b'{"step": "a"',
]
BAD_LINES += [b'{"step": "a", "state": "done", "ts": "x", "facts": []}', b"[" * 5000]


@pytest.mark.parametrize("bad", BAD_LINES, ids=range(len(BAD_LINES)))
def test_a_line_that_is_not_an_entry_is_reported_and_left_out(tmp_path: Path, bad: bytes) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("copy", "done")
    with journal.path.open("ab") as file:
        file.write(bad + b"\n")
    journal.write("build", "done")
    assert [entry.step for entry in journal.entries()] == ["copy", "build"]
    assert journal.damaged() == (2,)


def test_a_step_before_a_damaged_line_does_not_count_as_done(tmp_path: Path) -> None:
    """The damaged line may have been the start of another attempt."""
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("copy", "done")
    with journal.path.open("a") as file:
        file.write("?\n")
    journal.write("build", "done")
    assert list(journal.done()) == ["build"]


@pytest.mark.parametrize("fields", [None, 7, [["a"]], [7], [["a", "b", "c"]]])
def test_a_token_without_readable_fields_takes_nothing_down(tmp_path: Path, fields: object) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("VERIFY_OK", EARNED, kind="TOKEN", lane="verify", fields=fields)
    assert [line.fields for line in earned(journal.entries())] in ([], [()])


def test_any_text_stays_within_its_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("ä\n", "done", text="a\nb\u2028c", where=Path("x"))
    assert journal.path.read_text(encoding="ascii").count("\n") == 1
    assert journal.done() == {"ä\n": {"text": "a\nb\u2028c", "where": "x"}}
    assert json.loads(journal.path.read_text())["state"] == "done"


def test_if_reports_takes_no_files_the_message_mentions_it(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError) as caught:
        Journal(tmp_path / "runs" / "journal.jsonl").write("copy", "started")
    assert (caught.value.code, caught.value.exit_code) == ("REPORTS_UNWRITABLE", 2)
    assert (
        caught.value.remedy == f"Move or delete the file {tmp_path / 'runs'}: bb8deploy needs a folder there."
    )


def test_time_is_rfc_3339_in_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now())
