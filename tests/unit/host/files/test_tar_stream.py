"""The tar of a transfer: its content, its end mark, and files that move meanwhile."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import threading
from pathlib import Path

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.tar_stream import WHOLE, pack, pays_to_compress
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import bytes_entry, walk


def transfer(folder: Path, **files: bytes) -> Transfer:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return Transfer(folder, entries=walk(folder, Ignore.parse("")).entries)


@pytest.mark.parametrize("compress", [True, False])
def test_files_links_and_made_content_arrive_and_the_mark_comes_last(tmp_path: Path, compress: bool) -> None:
    (tmp_path / "run.sh").write_text("hi")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("run.sh")
    (tmp_path / ("long" * 40)).write_text("long")
    entries = (*walk(tmp_path, Ignore.parse("")).entries, bytes_entry("made.json", b"{}"))
    packed = b"".join(pack(Transfer(tmp_path, (), entries, {"made.json": b"{}"}), "run-7", compress=compress))
    data = gzip.decompress(packed) if compress else packed
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
        members = {member.name: member for member in tar}
        assert list(members)[-1] == f"./{WHOLE}"
        assert members["./run.sh"].mode == 0o755
        assert members["./link"].linkname == "run.sh"
        assert tar.extractfile(f"./{WHOLE}").read() == b"run-7"  # type: ignore[union-attr]
        assert tar.extractfile("./made.json").read() == b"{}"  # type: ignore[union-attr]
        assert "./" + "long" * 40 in members


@pytest.mark.parametrize("now", [b"other", b"longer than before", b"", None])
def test_a_file_that_changed_since_it_was_hashed_is_never_sent_whole(
    tmp_path: Path, now: bytes | None
) -> None:
    made = transfer(tmp_path, a=b"12345")
    if now is None:
        (tmp_path / "a").unlink()
    else:
        (tmp_path / "a").write_bytes(now)
    got = bytearray()
    with pytest.raises(CheckFailed) as caught:
        got.extend(byte for piece in pack(made, "run", compress=False) for byte in piece)
    assert caught.value.code == "WORKSPACE_MOVING"
    assert WHOLE.encode() not in got


def test_the_packing_thread_ends_with_a_reader_that_goes_away(tmp_path: Path) -> None:
    pieces = pack(transfer(tmp_path, a=os.urandom(8_000_000)), "run", compress=False)
    assert next(iter(pieces))
    pieces.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "bb8deploy-pack"]


def test_text_is_compressed_and_noise_is_not(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "n").mkdir()
    assert pays_to_compress(transfer(tmp_path / "t", a=b"all work and no play " * 5000))
    assert not pays_to_compress(transfer(tmp_path / "n", a=os.urandom(100_000)))
