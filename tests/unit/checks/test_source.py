"""Hostile files: one clear finding each, soon, and never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.checks.reading.yaml_json_reader import MAX_BYTES, parse_source, read_source

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        (b"a\0b", "config.yaml", "FILE_BINARY"),
        ("name: é".encode("latin-1"), "config.yaml", "FILE_NOT_UTF8"),
        (b"a:\n\tb: 1\n", "config.yaml", "YAML_TAB"),
        (b"a: [1\n", "config.yaml", "YAML_INVALID"),
        (b"[" * 100_000, "config.yaml", "YAML_TOO_DEEP"),
        (BOMB.encode(), "config.yaml", "YAML_BOMB"),
        (b"a: &a\n  b: *a\n", "config.yaml", "YAML_BOMB"),
        (b"a: !!python/object:os.system {}\n", "config.yaml", "YAML_INVALID"),
        (b"a: 2024-13-45\n", "config.yaml", "YAML_INVALID"),
        (b'{"a": 1,}', "config.json", "JSON_INVALID"),
        (b'{"a": NaN}', "config.json", "JSON_INVALID"),
        (b"[" * 100_000, "config.json", "YAML_TOO_DEEP"),
    ],
)
def test_a_hostile_file_is_one_finding(data: bytes, path: str, code: str) -> None:
    source = parse_source(data, path)
    assert [finding.code for finding in source.findings] == [code]
    assert not source.readable


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "config.yaml").open("wb") as file:
        file.truncate(50 * 1024 * 1024)
    (finding,) = read_source(tmp_path, "config.yaml").findings
    assert finding.code == "FILE_TOO_LARGE"
    assert str(MAX_BYTES) in finding.message


def test_a_missing_file_is_one_finding(tmp_path: Path) -> None:
    assert [f.code for f in read_source(tmp_path, "none.yaml").findings] == ["FILE_UNREADABLE"]


def test_a_key_that_is_set_twice_names_both_lines() -> None:
    source = parse_source(b"a:\n  b: 1\n  b: 2\n", "config.yaml")
    (finding,) = source.findings
    assert (finding.code, finding.line, finding.column) == ("YAML_KEY_TWICE", 3, 3)
    assert "line 2" in finding.message
    assert source.data == {"a": {"b": 2}}


def test_each_value_has_its_place_and_unknown_ones_that_of_their_parent() -> None:
    source = parse_source(b"a:\n  - x\n  - b: y\n", "config.yaml")
    assert source.place(("a", 1, "b")) == (3, 8)
    assert source.place(("a", 7)) == source.place(("a",)) == (2, 3)
    assert source.place(("z",)) == (1, 1)


def test_json_has_places_too() -> None:
    source = parse_source(b'{\n  "a": {\n    "b": 1\n  }\n}\n', "config.json")
    assert source.place(("a", "b")) == (3, 10)


def test_a_mark_of_byte_order_is_read_as_the_supervisor_reads_it() -> None:
    assert parse_source(b"\xef\xbb\xbfa: 1\n", "config.yaml").data == {"a": 1}
