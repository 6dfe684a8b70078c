"""Trees: what is read, what is refused, what the digest covers."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.base.errors import Bb8Error, CheckFailed, UsageError
from bb8deploy.workspace import tree_digest as module
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import Manifest, PutIn, bytes_entry, diff, digest_of, leads_out, walk

NOTHING_IGNORED = Ignore.parse("")


def fill(root: Path, **files: str) -> Path:
    """Writes files; a double underscore in a name is a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_every_file_is_read_with_its_hash_size_and_executable_bit(tmp_path: Path) -> None:
    fill(tmp_path, a="one", sub__b="three")
    (tmp_path / "sub/b").chmod(0o755)
    found = walk(tmp_path, NOTHING_IGNORED).entries
    assert [(e.path, e.size, e.executable) for e in found] == [("a", 3, False), ("sub/b", 5, True)]
    assert found[0].sha256 == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("name", ["-rf", "a b", "it's", 'say "hi"', "new\nline", "é", "back\\slash", "$(x)"])
def test_awkward_names_are_carried(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert [entry.path for entry in walk(tmp_path, NOTHING_IGNORED).entries] == [name]


def test_entries_are_sorted_by_the_bytes_of_their_paths(tmp_path: Path) -> None:
    for name in ("é", "z", "a-b", "a/b", "a.b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [e.path for e in walk(tmp_path, NOTHING_IGNORED).entries] == ["a-b", "a.b", "a/b", "z", "é"]


def test_ignored_folders_are_not_even_opened(tmp_path: Path) -> None:
    fill(tmp_path, keep="x", cache__huge="y")
    assert [e.path for e in walk(tmp_path, Ignore.parse("cache/")).entries] == ["keep"]


def test_links_are_carried_and_not_followed(tmp_path: Path) -> None:
    fill(tmp_path, folder__a="x")
    (tmp_path / "to-folder").symlink_to("folder")
    (tmp_path / "dangling").symlink_to("not-there")
    found = walk(tmp_path, NOTHING_IGNORED).by_path
    assert {p: e.target for p, e in found.items() if e.kind == "link"} == {
        "to-folder": "folder",
        "dangling": "not-there",
    }
    assert "to-folder/a" not in found


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "sub/../../outside"])
def test_a_link_that_leads_out_is_refused(tmp_path: Path, target: str) -> None:
    root = fill(tmp_path / "addon", sub__a="x")
    (root / "link").symlink_to(target)
    with pytest.raises(CheckFailed) as caught:
        walk(root, NOTHING_IGNORED)
    assert caught.value.code == "SYMLINK_OUTSIDE"


def test_links_in_a_circle_are_carried_as_links_that_lead_nowhere(tmp_path: Path) -> None:
    root = fill(tmp_path / "addon", sub__a="x")
    for name, target in (("self", "self"), ("one", "sub/two"), ("sub/two", "../one")):
        (root / name).symlink_to(target)
    found = walk(root, NOTHING_IGNORED).entries
    assert {e.path: e.target for e in found if e.kind == "link"} == {
        "self": "self",
        "one": "sub/two",
        "sub/two": "../one",
    }


def test_a_link_that_leads_out_through_another_link_is_refused(tmp_path: Path) -> None:
    root = fill(tmp_path / "addon", deep__er__a="x")
    (root / "deep/er/top").symlink_to("../..")
    (root / "link").symlink_to("deep/er/top/../outside")
    with pytest.raises(CheckFailed) as caught:
        walk(root, NOTHING_IGNORED)
    assert caught.value.code == "SYMLINK_OUTSIDE"


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckFailed) as caught:
        walk(tmp_path, NOTHING_IGNORED)
    assert caught.value.code == "TREE_SPECIAL_FILE"


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/\xff")).write_text("x")
    except OSError:
        pytest.skip("SKIPPED: this file system takes UTF-8 names only")
    with pytest.raises(CheckFailed) as caught:
        walk(tmp_path, NOTHING_IGNORED)
    assert caught.value.code == "TREE_NAME_NOT_UTF8"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        walk(tmp_path / "none", NOTHING_IGNORED)
    assert caught.value.code == "ADDON_MISSING"


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 2), ("MAX_BYTES", 5)])
def test_a_tree_beyond_its_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(module, limit, value)
    fill(tmp_path, a="12", b="34", c="56")
    with pytest.raises(Bb8Error) as caught:
        walk(tmp_path, NOTHING_IGNORED)
    assert caught.value.code == "TREE_TOO_LARGE"


def test_the_digest_is_pinned() -> None:
    lines = b"".join(
        hashlib.sha256(data).hexdigest().encode() + b"  " + path + b"\0"
        for path, data in ((b"a", b"1"), (b"sub/b", b"2"))
    )
    manifest = Manifest.of([bytes_entry("sub/b", b"2"), bytes_entry("a", b"1")])
    assert manifest.digest == f"sha256:{hashlib.sha256(lines).hexdigest()}"


def test_the_digest_leaves_out_the_stamp_at_the_root_only() -> None:
    plain = [bytes_entry("a", b"1")]
    at_root, below = (bytes_entry(path, b"{}") for path in ("build_stamp.json", "sub/build_stamp.json"))
    assert Manifest.of([*plain, at_root]).digest == Manifest.of(plain).digest
    assert Manifest.of([*plain, below]).digest != Manifest.of(plain).digest


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1),
        st.binary(max_size=8),
        max_size=6,
    ),
    st.randoms(),
)
def test_the_digest_depends_on_content_and_not_on_order(
    files: dict[str, bytes], order: random.Random
) -> None:
    pairs = [(path, hashlib.sha256(data).hexdigest()) for path, data in files.items()]
    shuffled = pairs[:]
    order.shuffle(shuffled)
    assert digest_of(pairs) == digest_of(shuffled)
    if any(path != "build_stamp.json" for path in files):
        assert digest_of(pairs) != digest_of([])


def test_a_difference_is_sorted_into_added_changed_removed_and_modes() -> None:
    old = Manifest.of(
        [
            bytes_entry("same", b"1"),
            bytes_entry("gone", b"1"),
            bytes_entry("new", b"1"),
            bytes_entry("x", b""),
        ]
    )
    new = Manifest.of(
        [
            bytes_entry("same", b"1"),
            bytes_entry("new", b"2"),
            bytes_entry("more", b"1"),
            bytes_entry("x", b"", executable=True),
        ]
    )
    found = diff(old, new)
    assert (found.added, found.changed, found.removed, found.modes) == (
        ("more",),
        ("new",),
        ("gone",),
        ("x",),
    )
    assert diff(old, new, modes=False).modes == ()
    assert not diff(new, new)


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        ("a", "b", False),
        ("a", "../b", True),
        ("sub/a", "../b", False),
        ("sub/a", "../../b", True),
        ("a", "/b", True),
        ("a", "..", True),
        ("sub/a", "..", False),
        ("a", "..b", False),
    ],
)
def test_a_link_leads_out_or_not(path: str, target: str, out: bool) -> None:
    assert leads_out(path, target) is out


@pytest.mark.parametrize("record", [PutIn(), PutIn("r1"), PutIn("r1", "t1")])
def test_the_record_of_what_was_built_is_read_as_it_was_written(record: PutIn) -> None:
    assert PutIn.parse(f"{record}\n") == record
