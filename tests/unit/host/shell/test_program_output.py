"""Answers of the host's programs, with banners, odd names and torn lists."""

from __future__ import annotations

import hashlib

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.shell.program_output import escape, sections, tree_of

MARK = "0123abcd"
H = hashlib.sha256(b"x").hexdigest()


def answer(**parts: bytes) -> bytes:
    if "ABSENT" not in parts and parts.pop("torn", None) is None:
        parts["WHOLE"] = b""
    text = b"".join(f"\n{MARK} {name}\n".encode() + body for name, body in parts.items())
    return b"Welcome to the host!\n0123 NAMES\n" + text + f"\n{MARK} END\n".encode()


def test_what_comes_before_the_first_mark_is_dropped() -> None:
    names = [part.name for part in sections(answer(TREE=b"", NAMES=b"./a\0"), MARK)]
    assert names == ["TREE", "NAMES", "WHOLE", "END"]


def test_a_list_that_broke_off_is_not_taken_for_an_empty_folder() -> None:
    with pytest.raises(CheckFailed) as caught:
        tree_of(sections(answer(TREE=b"", NAMES=b"", torn=b""), MARK))
    assert caught.value.code == "HOST_TREE_MOVING"


def test_an_absent_folder_is_absent() -> None:
    assert not tree_of(sections(answer(TREE=b"", ABSENT=b""), MARK)).present


def test_a_tree_is_read_with_executable_bits_links_folders_and_stamp() -> None:
    tree = tree_of(
        sections(
            answer(
                NAMES=b".\0" * 3 + b"./a\0./run\0./run\0" + b"./l\0" * 4 + b"./sub\0" * 3 + b"./sock\0" * 5,
                TARGETS=b"a b\0",
                STAMP=b"{}",
                HASHES=f"{H}  ./a\n{H}  ./run\n".encode(),
            ),
            MARK,
        )
    )
    assert [(e.path, e.kind, e.executable, e.target) for e in tree.manifest.entries] == [
        ("a", "file", False, ""),
        ("l", "link", False, "a b"),
        ("run", "file", True, ""),
    ]
    assert (tree.folders, tree.others, tree.stamp) == (("sub",), ("sock",), "{}")


@pytest.mark.parametrize(
    "shown",
    [
        H.encode() + b"  ./new\nline\\x",
        b"\\" + H.encode() + b"  ./new\\nline\\\\x",
        b"\\" + H.encode() + b" *./new\\nline\\x",
    ],
    ids=["busybox", "coreutils", "openssl"],
)
def test_names_with_line_endings_are_read_from_every_hash_program(shown: bytes) -> None:
    body = answer(NAMES=b"./new\nline\\x\0./b\0", HASHES=shown + f"\n{H}  ./b\n".encode())
    assert set(tree_of(sections(body, MARK)).manifest.by_path) == {"new\nline\\x", "b"}


@pytest.mark.parametrize(
    "hashes",
    [b"", f"{H}  ./b\n".encode(), f"{H}  ./a".encode(), b"garbage\n", f"{H}  ./a\n{H}  ./b\n".encode()],
)
def test_a_file_without_its_hash_or_a_hash_without_its_file_is_an_error(hashes: bytes) -> None:
    with pytest.raises(CheckFailed) as caught:
        tree_of(sections(answer(NAMES=b"./a\0", HASHES=hashes), MARK))
    assert caught.value.code == "HOST_TREE_MOVING"


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a/b.txt", "./a/b.txt"),
        ("-rf", "./-rf"),
        ("a b", "./a\\0040b"),
        ("new\nline", "./new\\0012line"),
        ("é", "./\\0303\\0251"),
        ("100%", "./100\\0045"),
        ("back\\slash", "./back\\0134slash"),
    ],
)
def test_a_path_becomes_one_harmless_line(path: str, line: str) -> None:
    assert escape(path) == line
