"""Transfers of the dev loop: an edit of the app folder between the look and the swap is not lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.host.localhost import Place

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.files import mounted_folder
from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.dev_transfer import LiveFiles, MountLive, SshLive
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.shell import load_programs, run_programs
from bb8deploy.workspace.tree_digest import FoundTree, bytes_entry

RUN = "run-dev"


@contextmanager
def live(place: Place) -> Iterator[LiveFiles]:
    """The dev loop's way, over a folder that the dev loop has delivered into before."""
    place.send("run-0", "v0")
    place.send("run-1", "v1")
    (place.runtime / ".bb8dev").mkdir()
    (place.runtime / ".bb8dev" / "agent").write_text("agent")
    with place.locked(RUN):
        if isinstance(place.files, MountFiles):
            made: LiveFiles = MountLive(place.files, RUN, 600)
        else:
            assert place.shell
            made = SshLive(place.shell, RUN, 600)
        try:
            yield made
        finally:
            made.close()


def save(place: Place, text: str) -> Transfer:
    return Transfer(
        place.runtime.parent,
        ("main.py",),
        (bytes_entry("main.py", text.encode()),),
        {"main.py": text.encode()},
    )


def edited_after_the_look(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has another program edit a file after the last look at the folder and before the swap."""
    note = place.runtime / "main.py"
    if isinstance(place.files, MountFiles):
        make = MountFiles._make

        def edits(files: MountFiles, staged: Path, transfer: Transfer) -> None:
            make(files, staged, transfer)
            if (place.runtime / ".bb8dev").is_dir():
                note.write_text("by hand")

        monkeypatch.setattr(mounted_folder.MountFiles, "_make", edits)
        return
    own = load_programs.program
    swap = "  mine || fail LOCK\n  swap_live\n"

    def program(*names: str) -> str:
        text = own(*names)
        assert "dev_transfers" not in names or swap in text
        return text.replace(swap, f"  printf 'by hand' >\"$R/{note.name}\"\n{swap}")

    monkeypatch.setattr(run_programs, "program", program)


def edited_after_the_swap(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has another program add a file to the new tree, right after the swap."""
    note = "note.txt"
    if isinstance(place.files, MountFiles):
        unchanged = mounted_folder._is

        def edits(folder: Path, tree: FoundTree) -> bool:
            if folder.name.startswith("withdrawn."):
                (place.runtime / note).write_text("by hand")
            return unchanged(folder, tree)

        monkeypatch.setattr(mounted_folder, "_is", edits)
        return
    own, listing = run_programs.program, '  tree "$R" >"$W/live.list.$m"\n  wait\n'

    def program(*names: str) -> str:
        text = own(*names)
        assert "dev_transfers" not in names or listing in text
        return text.replace(listing, f"  printf 'by hand' >\"$R/{note}\"\n{listing}")

    monkeypatch.setattr(run_programs, "program", program)


def left(place: Place) -> set[str]:
    """What the state folder holds besides its own notes, once the host has removed what it drops."""
    end = time.monotonic() + 60
    while True:
        found = {path.name for path in place.state.iterdir() if not path.name.startswith("live.")}
        if found == {"previous"} or time.monotonic() > end:
            return found
        threading.Event().wait(0.02)


def test_a_tree_of_the_dev_loop_is_not_kept(place: Place) -> None:
    with live(place) as files:
        files.send(save(place, "v2"), keep=False)
        assert files.send(save(place, "v3"), keep=False) == place.files.look()
        assert (place.text, left(place)) == ("v3", {"previous"})
    assert (place.state / "previous" / "main.py").read_text() == "v0"


def test_an_edit_between_the_look_and_the_swap_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    edited_after_the_look(place, monkeypatch)
    with live(place) as files:
        with pytest.raises(CheckFailed) as caught:
            files.send(save(place, "v2"), keep=False)
        assert caught.value.code == "HOST_EDITED_LIVE"
        assert (place.text, left(place)) == ("by hand", {"previous"})
    assert (place.state / "previous" / "main.py").read_text() == "v0"


def test_an_edit_of_a_new_tree_that_is_taken_out_again_is_kept_and_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited_after_the_look(place, monkeypatch)
    edited_after_the_swap(place, monkeypatch)
    with live(place) as files:
        with pytest.raises(CheckFailed, match=r"is kept in .*/earlier\.1") as caught:
            files.send(save(place, "v2"), keep=False)
        assert caught.value.code == "HOST_EDITED_LIVE"
        assert place.text == "by hand"
    kept = place.state / "earlier.1"
    assert [(kept / name).read_text() for name in ("main.py", "note.txt")] == ["v2", "by hand"]
    assert (place.state / "previous" / "main.py").read_text() == "v0"


def test_a_tree_that_a_killed_transfer_moved_away_comes_back(place: Place) -> None:
    with live(place):
        place.runtime.rename(place.state / f"withdrawn.{RUN}")
        (place.state / "swapping").write_text("0\n")
    assert place.files.look().cut
    with place.locked("run-next"):
        assert place.text == "v1"
    assert (place.state / "previous" / "main.py").read_text() == "v0"
