"""Swaps trees on a mounted share and keeps the earlier ones, with the same states as over ssh.

The state folder has the form that host/shell/load_programs.py describes, so either route can put right what
the other left. If the share refuses to rename the app folder (a file in it is open somewhere), the new tree
is copied over the old one: the file `inplace` exists while that continues, and `previous` then holds a whole
copy of the earlier tree.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.catalogue.errors.host import PREVIOUS_MISSING
from bb8deploy.host.files.app_folder_interface import PREVIOUS
from bb8deploy.host.files.mount_tree import copy_tree, is_full, overwrite, remove_tree
from bb8deploy.host.files.put_in_record import PutInRecord
from bb8deploy.host.local_root import local_root
from bb8deploy.workspace.app_config import CONFIG_NAMES
from bb8deploy.workspace.ignore_patterns import STATE
from bb8deploy.workspace.tree_digest import NO_RECORD, PutIn


@dataclass(frozen=True, slots=True)
class Replaced:
    """Whether a tree was replaced; if not, `kept` names the earlier tree that the new one has become."""

    done: bool
    kept: str = ""


class MountSwap:
    """The state folder of one app folder on a share. All methods raise OSError if the share fails."""

    def __init__(self, root: Path, keep: int) -> None:
        self.root = root
        self.state = root.parent / STATE / root.name
        self._keep = keep

    @property
    def cut(self) -> bool:
        """True while a swap is under way, or after one that was interrupted."""
        return (self.state / "swapping").exists()

    @property
    def put_in(self) -> PutInRecord:
        """The record of the run whose delivery was put in, or put back; a swap removes it or writes it."""
        return PutInRecord(self.state)

    def fresh(self, run_id: str) -> Path:
        """The path for a tree that is being made; nothing is there."""
        staged = self.state / f"next.{run_id}"
        self.state.mkdir(parents=True, exist_ok=True)
        remove_tree(staged)
        return staged

    def swap(self, staged: Path, record: PutIn = NO_RECORD) -> str:
        """Records `record`, puts the staged tree in the app folder's place and keeps that as `previous`.

        Returns the name that the tree kept as `previous` until now has got, empty if there was none.
        """
        had = not _removed_empty(self.root) and self.root.is_dir()
        _mark(self.state / "swapping", had=had)
        _record(self.put_in, record, self.state / "swapping")
        try:
            self._rename(staged, had=had)
        except OSError:
            self._put_back()
            (self.state / "swapping").unlink(missing_ok=True)
            self._copy_in_place(staged)
        touch_config(self.root)
        aside = self._set_aside()
        (self.state / "swapping").unlink(missing_ok=True)
        return aside

    def replace(
        self, staged: Path, run_id: str, unchanged: Callable[[Path], bool], as_made: Callable[[Path], bool]
    ) -> Replaced:
        """Puts the staged tree in the place of the app folder and drops that; the earlier trees stay.

        The replaced tree goes back if `unchanged` returns False for where it was moved to. The staged one is
        then removed, or kept as an earlier tree if `as_made` returns False for it. If there is no earlier
        tree, or the share refuses the renames, it does what `swap` does.
        """
        if not (self.state / PREVIOUS).is_dir():
            self.swap(staged)
            return Replaced(done=True)
        _mark(self.state / "swapping", had=False)  # `recover` brings the moved tree back, not `previous`
        self.put_in.write(NO_RECORD)
        away = self.state / f"withdrawn.{run_id}"
        try:
            self.root.rename(away)
            staged.rename(self.root)
        except OSError:
            if away.exists():
                self.bring_back(away)
            self.swap(staged)
            return Replaced(done=True)
        drop = unchanged(away)
        kept = "" if drop else self._take_out(as_made)
        (self.discard if drop else self.bring_back)(away)
        (self.state / "swapping").unlink(missing_ok=True)
        return Replaced(drop, kept)

    def _take_out(self, as_made: Callable[[Path], bool]) -> str:
        """Removes the app folder, or keeps it as the earlier tree that is returned."""
        self._set_aside()
        old = self.root.rename(self.state / "previous.old")
        if not as_made(old):
            return self._set_aside()
        remove_tree(old.rename(self.state / "gone.previous"))
        return ""

    def staged(self, run_id: str, name: str) -> Path:
        """A copy of the earlier tree `name`; on a full disk the tree itself, moved.

        Raises CheckFailed PREVIOUS_MISSING if there is no such tree.
        """
        if name not in self.names():
            raise PREVIOUS_MISSING(f"{self.root} has no such earlier tree")
        return _copied(self.state / name, self.fresh(run_id), self.state / f"withdrawn.{run_id}")

    def restore(self, staged: Path, name: str, *, keep: bool, record: PutIn) -> None:
        """Swaps in what `staged` copied; unless `keep`, `name` is then no longer kept as an earlier tree."""
        aside = self.swap(staged, record)
        gone = aside if name == PREVIOUS else name
        if gone and not keep:
            remove_tree(self.state / gone)
        self.prune()

    def move_away(self, run_id: str) -> Path:
        """Moves the app folder into the state folder; `recover` undoes it if nothing else happens."""
        away = self.state / f"withdrawn.{run_id}"
        self.state.mkdir(parents=True, exist_ok=True)
        self.root.rename(away)
        return away

    def discard(self, away: Path) -> None:
        """Removes what `move_away` moved."""
        remove_tree(away.rename(away.with_name(away.name.replace("withdrawn", "gone", 1))))

    def bring_back(self, away: Path) -> None:
        """Undoes `move_away`; if there is another folder by now, the moved one becomes an earlier tree."""
        if self.root.exists():
            away.rename(self.state / "previous.old")
            self._set_aside()
            return
        away.rename(self.root)
        touch_config(self.root)

    def names(self) -> Iterator[str]:
        """The earlier trees, the newest first."""
        numbered = (f"earlier.{number}" for number in sorted(self._numbers(), reverse=True))
        for name in (PREVIOUS, *numbered):
            if (self.state / name).is_dir():
                yield name

    def recover(self) -> bool:
        """Puts right what a killed run left; True if that brought the earlier tree back. Needs the lock."""
        restored = False
        if self.cut:
            restored = self._put_back()
            touch_config(self.root)
            (self.state / "swapping").unlink(missing_ok=True)
        if (self.state / "inplace").exists():
            overwrite(self.state / PREVIOUS, self.root)
            touch_config(self.root)
            (self.state / "inplace").unlink(missing_ok=True)
            restored = True
        for away in self.state.glob("withdrawn.*"):
            self.bring_back(away)
        for left in (*self.state.glob("next.*"), *self.state.glob("gone.*")):
            remove_tree(left)
        return restored

    def _put_back(self) -> bool:
        """Undoes a swap that stopped between its renames; True if that brought the earlier tree back."""
        restored = False
        marker, previous, old = (self.state / name for name in ("swapping", PREVIOUS, "previous.old"))
        had = marker.exists() and marker.read_text().strip() != "0"
        if had and not self.root.exists() and previous.exists():
            previous.rename(self.root)
            restored = True
        if old.exists():
            if previous.exists():
                self._set_aside()
            else:
                old.rename(previous)
        return restored

    def _rename(self, staged: Path, *, had: bool) -> None:
        previous = self.state / PREVIOUS
        self._set_aside()
        if previous.exists():
            previous.rename(self.state / "previous.old")
        if had:
            self.root.rename(previous)
        staged.rename(self.root)

    def _copy_in_place(self, staged: Path) -> None:
        """Copies the staged tree over the app folder, after a whole copy of the earlier one was made."""
        previous, part = self.state / PREVIOUS, self.state / "next.previous"
        remove_tree(part)
        if self.root.is_dir():
            copy_tree(self.root, part)
        else:
            part.mkdir(parents=True)
        if previous.exists():
            previous.rename(self.state / "previous.old")
        part.rename(previous)
        (self.state / "inplace").write_text("1\n")
        overwrite(staged, self.root)
        (self.state / "inplace").unlink()
        remove_tree(staged)

    def _set_aside(self) -> str:
        """The tree before `previous` becomes earlier.N, with N higher than any other; returns that name."""
        old, name = self.state / "previous.old", f"earlier.{max(self._numbers(), default=0) + 1}"
        if not old.exists():
            return ""
        old.rename(self.state / name)
        return name

    def prune(self) -> None:
        """Removes what is older than the trees that are kept, of which `previous` is one."""
        for number in sorted(self._numbers(), reverse=True)[self._keep - 1 :]:
            remove_tree(self.state / f"earlier.{number}")

    def _numbers(self) -> list[int]:
        suffixes = (path.name.partition(".")[2] for path in self.state.glob("earlier.*"))
        return [int(text) for text in suffixes if text.isdecimal()]


def touch_config(root: Path) -> None:
    """Makes the config file the newest file below the Supervisor's local root.

    The Supervisor reads local apps again only if the newest time there has changed. A file whose time is
    ahead, such as one from a PC with a wrong clock, would hide every change that is older.
    """
    newest = max(time.time(), _newest(local_root(root)))
    for name in CONFIG_NAMES:
        if (root / name).is_file():
            os.utime(root / name, (newest + 1, newest + 1))


def _mark(marker: Path, *, had: bool) -> None:
    """Marks a swap. An empty mark means True: a full disk has room for a name and for nothing else."""
    try:
        marker.write_text(f"{int(had)}\n")
    except OSError:
        if not (had and marker.exists()):
            marker.unlink(missing_ok=True)
            raise


def _record(put_in: PutInRecord, record: PutIn, marker: Path) -> None:
    """Writes the record of a marked swap. If that fails, there is no swap, and its mark goes."""
    try:
        put_in.write(record)
    except OSError:
        marker.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def given_back(staged: Path, name: Path) -> Iterator[bool]:
    """If the block fails, gives a tree that was moved its name back; the value is whether it was moved."""
    moved = not name.exists()
    try:
        yield moved
    except BaseException:
        if moved and staged.exists() and not name.exists():
            staged.rename(name)
        raise


def _copied(source: Path, target: Path, moved: Path) -> Path:
    """A copy of the tree; on a full disk the tree itself, by the name from which `recover` brings it back."""
    try:
        copy_tree(source, target)
    except OSError as error:
        remove_tree(target)
        if not is_full(error):
            raise
        return source.rename(moved)
    return target


def _removed_empty(folder: Path) -> bool:
    """Removes an empty folder, which is no earlier tree; False if it is not empty, or absent."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _newest(folder: Path) -> float:
    """The newest modification time below a folder, in seconds since the epoch; 0 for an empty one."""
    newest, waiting = 0.0, [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                newest = max(newest, entry.stat(follow_symlinks=False).st_mtime)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return newest
