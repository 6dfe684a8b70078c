"""The manifest of a folder covers every file, its own text, the folder's name and the journal's end."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.runs.evidence.evidence_manifest import NAME, verify, write_manifest
from bb8deploy.runs.evidence.file_record import Flaw


def test_a_folder_is_checked_elsewhere(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "logs").mkdir(parents=True)
    (here / "logs" / "a.txt").write_bytes(b"hello")
    (here / "b.json").write_bytes(b"{}")
    write_manifest(here, "run-1")
    (tmp_path / "there").mkdir()
    there = here.rename(tmp_path / "there" / "here")
    artifacts, flaws = verify(there)
    assert [a.path for a in artifacts] == ["b.json", "logs/a.txt"]
    assert not flaws
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
    assert any("outside" in flaw.what for flaw in verify(inside).flaws)


@pytest.mark.parametrize(("text", "code"), [(None, "EVIDENCE_MISSING"), ("{]", "EVIDENCE_UNREADABLE")])
def test_a_missing_or_damaged_manifest_is_a_usage_error(tmp_path: Path, text: str | None, code: str) -> None:
    if text is not None:
        (tmp_path / "evidence_manifest.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        verify(tmp_path)
    assert caught.value.code == code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of evidence with three files and its manifest."""
    made = tmp_path / "20261126T100000Z-abc123"
    (made / "logs").mkdir(parents=True)
    (made / "journal.jsonl").write_bytes(b'{"step": "release"}\n')
    (made / "logs" / "build.log").write_bytes(bytes(range(256)) * 40)
    (made / "contract.json").write_bytes(b"{}")
    write_manifest(made, made.name)
    return made


def names(folder: Path) -> list[str]:
    return [flaw.path for flaw in verify(folder).flaws]


def add(folder: Path) -> str:
    (folder / "logs" / "extra.txt").write_bytes(b"")
    return "logs/extra.txt"


def add_hidden(folder: Path) -> str:
    (folder / ".x.tmp").write_bytes(b"")
    return ".x.tmp"


def append(folder: Path) -> str:
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"step": "forged"}\n')
    return "journal.jsonl"


def cut(folder: Path) -> str:
    (folder / "journal.jsonl").write_bytes(b"")
    return "journal.jsonl"


def remove(folder: Path) -> str:
    (folder / "contract.json").unlink()
    return "contract.json"


def link(folder: Path) -> str:
    (folder / "contract.json").rename(folder.parent / "contract.json")
    (folder / "contract.json").symlink_to("../contract.json")
    return "contract.json"


def link_inside(folder: Path) -> str:
    (folder / "again.json").symlink_to("contract.json")
    return "again.json"


def empty_the_record(folder: Path) -> str:
    manifest = folder / NAME
    text = manifest.read_text()
    start, end = text.index('"artifacts": ['), text.index(' ],\n "seal"')
    manifest.write_text(text[:start] + '"artifacts": [\n' + text[end:])
    return NAME


@pytest.mark.parametrize(
    "change", [add, add_hidden, append, cut, remove, link, link_inside, empty_the_record]
)
def test_every_change_of_a_folder_is_named(folder: Path, change: Callable[[Path], str]) -> None:
    assert names(folder) == []
    assert change(folder) in names(folder)


def test_a_renamed_file_is_named_by_both_names(folder: Path) -> None:
    (folder / "contract.json").rename(folder / "renamed.json")
    assert names(folder) == ["contract.json", "renamed.json"]


def test_a_file_that_became_a_link_in_a_circle_is_named(folder: Path) -> None:
    (folder / "contract.json").unlink()
    (folder / "contract.json").symlink_to("contract.json")
    assert [(flaw.path, flaw.what) for flaw in verify(folder).flaws] == [("contract.json", "it is a link")]


def test_the_folder_of_another_run_is_named(folder: Path) -> None:
    other = folder.rename(folder.with_name("20261126T110000Z-def456"))
    what = f"the folder is named {other.name}, the record is of {folder.name}"
    assert verify(other).flaws == (Flaw(".", what),)


def test_a_run_copied_over_another_is_named(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "20261126T110000Z-def456"
    other.mkdir()
    (other / "contract.json").write_bytes(b"{}")
    write_manifest(other, other.name)
    for file in other.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert "." in names(folder)
    assert "journal.jsonl" in names(folder)


def test_every_flipped_bit_of_the_manifest_is_named(folder: Path) -> None:
    manifest = folder / NAME
    text = manifest.read_bytes()
    dice = random.Random(13)
    for place in (0, len(text) - 1, *dice.sample(range(len(text)), 300)):
        broken = bytearray(text)
        broken[place] ^= 1 << dice.randrange(8)
        manifest.write_bytes(broken)
        own = flaw_of_the_manifest(folder)
        assert own is not None, place
        assert own.offset is None or abs(own.offset - place) <= 4096, place


def flaw_of_the_manifest(folder: Path) -> Flaw | None:
    """What is said of the manifest, also if it cannot be read at all."""
    try:
        return next((flaw for flaw in verify(folder).flaws if flaw.path == NAME), None)
    except UsageError as error:
        return Flaw(NAME, error.cause) if error.code == "EVIDENCE_UNREADABLE" else None


def test_every_flipped_bit_of_a_file_is_named_with_its_byte(folder: Path) -> None:
    file = folder / "logs" / "build.log"
    data = file.read_bytes()
    for place in range(0, len(data), 97):
        broken = bytearray(data)
        broken[place] ^= 1 << (place % 8)
        file.write_bytes(broken)
        (flaw,) = verify(folder).flaws
        assert (flaw.path, flaw.offset) == ("logs/build.log", place)


def test_the_line_that_ends_the_journal_is_recorded_before_it_is_written(folder: Path) -> None:
    write_manifest(folder, folder.name, to_come={"journal.jsonl": b"end\n"})
    assert names(folder) == ["journal.jsonl"]
    with (folder / "journal.jsonl").open("ab") as file:
        file.write(b"end\n")
    assert names(folder) == []
