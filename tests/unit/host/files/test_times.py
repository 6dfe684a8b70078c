"""An edit of the app folder that is taken back shows, whatever reads it; what else happens there does not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.unit.host.localhost import Place

from bb8deploy.host.files import mount_tree
from bb8deploy.plan.sync_plan import changed_since, times_digest, touched_since
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree

IGNORE = Ignore.of_workspace(Path("no such workspace"))


def touched(place: Place, before: FoundTree) -> tuple[str, ...]:
    """What was written since `before`; the content is the same."""
    now = place.files.look()
    assert changed_since(before, now, IGNORE) == ()
    return touched_since(before, now, IGNORE)


def edited_and_back(path: Path) -> None:
    """An edit that is undone, the time of writing included."""
    kept, info = path.read_bytes(), path.stat()
    path.write_bytes(b"edited")
    path.write_bytes(kept)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def test_a_folder_that_nothing_writes_to_is_not_touched(place: Place) -> None:
    sent = place.send("run-1", "v1")
    assert set(sent.times) == {".", "config.yaml", "main.py", "build_stamp.json"}
    assert touched(place, sent) == ()
    (place.runtime / "main.py").read_bytes()
    assert touched(place, sent) == ()


def test_an_edit_that_was_taken_back_shows(place: Place) -> None:
    place.send("run-1", "v1")
    sent = place.send("run-2", "v2")
    edited_and_back(place.runtime / "main.py")
    assert touched(place, sent) == ("main.py",)


def test_a_file_that_was_there_for_a_while_shows(place: Place) -> None:
    sent = place.send("run-1", "v1")
    time.sleep(0.02)
    (place.runtime / "Dockerfile.amd64").write_text("FROM x\n")
    (place.runtime / "Dockerfile.amd64").unlink()
    assert touched(place, sent) == (".",)


@pytest.mark.parametrize("name", ["x.pyc", ".DS_Store"])
def test_ignored_files_do_not_show(place: Place, name: str) -> None:
    sent = place.send("run-1", "v1")
    (place.runtime / name).write_bytes(b"1")
    assert touched_since(sent, place.files.look(), IGNORE) == ()
    seen = place.files.look()
    edited_and_back(place.runtime / name)
    assert touched_since(seen, place.files.look(), IGNORE) == ()


def test_earlier_trees_that_share_files_and_are_removed_do_not_show(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb8deploy.host.files.ssh_folder.SHARE_FROM", 0)
    (place.runtime / "kept").mkdir(parents=True)
    (place.runtime / "kept/large").write_bytes(b"x")
    for number in range(6):
        sent = place.send_one(f"run-{number}", f"v{number}")
        end = time.monotonic() + 60
        while len(place.files.earlier()) > 3:
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.05)
        assert touched(place, sent) == ()


def test_the_times_of_a_folder_are_the_same_until_something_is_written(place: Place) -> None:
    sent = times_digest(place.send("run-1", "v1"), IGNORE)
    assert len(sent) == 32
    assert times_digest(place.files.look(), IGNORE) == sent
    (place.runtime / "main.py").read_bytes()
    assert times_digest(place.files.look(), IGNORE) == sent
    edited_and_back(place.runtime / "main.py")
    assert times_digest(place.files.look(), IGNORE) != sent


def test_a_folder_with_ignored_files_keeps_its_times_while_they_change(place: Place) -> None:
    place.send("run-1", "v1")
    (place.runtime / ".DS_Store").write_bytes(b"1")
    seen = times_digest(place.files.look(), IGNORE)
    edited_and_back(place.runtime / ".DS_Store")
    assert times_digest(place.files.look(), IGNORE) == seen


def test_a_folder_shows_when_its_files_were_changed(place: Place) -> None:
    place.send("run-1", "v1")
    assert place.send("run-2", "v2").change_times


def test_a_share_that_shows_the_time_of_writing_for_both_has_no_change_times(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As sshfs does, whose protocol has no other time."""
    place.send("run-1", "v1")
    place.send("run-2", "v2")

    def written(path: Path) -> str:
        return f"{path.lstat().st_mtime_ns} {path.lstat().st_mtime_ns}"

    monkeypatch.setattr(mount_tree, "_time", written)
    assert not mount_tree.read_tree(place.runtime, modes_known=True).change_times


def test_a_place_without_times_has_none_to_compare() -> None:
    assert times_digest(FoundTree(present=True), IGNORE) == ""
