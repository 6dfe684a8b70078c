"""Evidence: an untouched folder passes, and damage is named down to the byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.base.errors import UsageError
from bb8deploy.runs.evidence.manifest import BLOCK, compare, describe, verify, write_manifest


@given(data=st.binary(min_size=1, max_size=3 * BLOCK), place=st.integers(0), change=st.integers(1, 255))
def test_a_single_changed_byte_is_found_with_its_old_value(data: bytes, place: int, change: int) -> None:
    at = place % len(data)
    broken = bytearray(data)
    broken[at] = (broken[at] + change) % 256
    flaw = compare(describe("a", data), bytes(broken))
    assert flaw is not None
    assert flaw.offset == at
    assert f"it was 0x{data[at]:02x}" in flaw.what


@given(data=st.binary(max_size=2 * BLOCK))
def test_what_was_recorded_passes(data: bytes) -> None:
    assert compare(describe("a", data), data) is None


def test_wider_damage_is_narrowed_to_its_first_block() -> None:
    data = bytes(range(256)) * 64
    broken = bytearray(data)
    broken[BLOCK + 10 : BLOCK + 14] = b"\0\0\0\0"
    flaw = compare(describe("a", data), bytes(broken))
    assert flaw is not None
    assert flaw.offset == BLOCK


@pytest.mark.parametrize(
    ("data", "words", "offset"), [(b"abc", "ends after 3", 3), (b"abcdefg", "it has 7", 6)]
)
def test_a_cut_and_a_longer_file_are_told_apart(data: bytes, words: str, offset: int) -> None:
    flaw = compare(describe("a", b"abcdef"), data)
    assert flaw is not None
    assert words in flaw.what
    assert flaw.offset == offset


def test_a_journal_may_grow_but_not_change() -> None:
    record = describe("journal.jsonl", b"one\n")
    assert compare(record, b"one\ntwo\n") is None
    assert compare(record, b"ore\ntwo\n") is not None


def test_a_folder_is_checked_elsewhere(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "logs").mkdir(parents=True)
    (here / "logs" / "a.txt").write_bytes(b"hello")
    (here / "b.json").write_bytes(b"{}")
    write_manifest(here, "run-1")
    there = here.rename(tmp_path / "there")
    artifacts, flaws = verify(there)
    assert [a.path for a in artifacts] == ["b.json", "logs/a.txt"]
    assert flaws == []
    (there / "logs" / "a.txt").write_bytes(b"hallo")
    (there / "b.json").unlink()
    _, flaws = verify(there)
    assert [(f.path, f.offset) for f in flaws] == [("b.json", None), ("logs/a.txt", 1)]


def test_a_manifest_cannot_reach_out_of_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "a").write_bytes(b"x")
    write_manifest(inside, "run-1")
    manifest = inside / "evidence_manifest.json"
    manifest.write_text(manifest.read_text().replace('"a"', '"../a"'))
    (tmp_path / "a").write_bytes(b"x")
    assert "outside" in verify(inside)[1][0].what


@pytest.mark.parametrize(("text", "code"), [(None, "EVIDENCE_MISSING"), ("{]", "EVIDENCE_UNREADABLE")])
def test_a_missing_or_damaged_manifest_is_a_usage_error(tmp_path: Path, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / "evidence_manifest.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        verify(tmp_path)
    assert caught.value.code == code
