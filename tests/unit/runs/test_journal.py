"""The journal: what was observed is on the disk, and a torn end does not spoil it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.runs.journal import Journal, now


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


def test_any_text_stays_within_its_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("ä\n", "done", text="a\nb\u2028c", where=Path("x"))
    assert journal.path.read_text(encoding="ascii").count("\n") == 1
    assert journal.done() == {"ä\n": {"text": "a\nb\u2028c", "where": "x"}}
    assert json.loads(journal.path.read_text())["state"] == "done"


def test_where_reports_takes_no_files_the_reader_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(UsageError) as caught:
        Journal(tmp_path / "runs" / "journal.jsonl").write("copy", "started")
    assert (caught.value.code, caught.value.exit_code) == ("REPORTS_UNWRITABLE", 2)


def test_time_is_rfc_3339_in_utc() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now())
