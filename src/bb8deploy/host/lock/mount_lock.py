"""The lock on a mounted share: the same folder as over ssh, made and removed by file calls."""

from __future__ import annotations

import contextlib
import glob
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from bb8deploy.host.files.mount_tree import unusable
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.host_capabilities import HostFacts
from bb8deploy.host.lock.lock_lifetime import notes_of
from bb8deploy.host.lock.lock_owner import Held, HostLocked, Owner
from bb8deploy.workspace.tree_digest import STAMP, PutIn

NAMELESS_AGE = 120.0
_TRIES = 10
_PARTS = {"owner", "expires", "last", "listed"}
"""The files in a lock folder; an earlier bb8deploy wrote `last`."""


class MountLockFolder:
    """`LockFolder` on a share."""

    def __init__(self, files: MountFiles) -> None:
        self._files = files

    def hold(self, owner: Owner, lease: float, dead: str) -> MountHolding:  # noqa: ARG002 - seen by its id
        """Takes it."""
        return MountHolding(self._files, owner, lease=lease)

    def look(self) -> Held | None:
        """Reads the lock folder."""
        return _held(self._files.lock_folder) if self._files.lock_folder.exists() else None

    def remove(self, held: Held) -> bool:
        """Removes the folder; False if its owner did so first. Raises Refused if the share refuses it."""
        folder = self._files.lock_folder
        if _owner_text(folder) != held.line:
            return False
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise unusable(folder, error) from error
        return True


class MountHolding:
    """A lock that this process holds until `release`; the lock of a process that was killed is taken over."""

    def __init__(self, files: MountFiles, owner: Owner, *, lease: float) -> None:
        self._files = files
        self._owner = owner
        try:
            over = self._take(lease)
        except OSError as error:
            raise unusable(files.lock_folder, error) from error
        files.held = True
        _drop_moved_locks(files.lock_folder)
        try:
            restored = files.recover()
        except BaseException:
            self.release()
            raise
        self._notes = notes_of(restored, over)

    @property
    def notes(self) -> Sequence[str]:
        """What was put right."""
        return self._notes

    @property
    def facts(self) -> HostFacts | None:
        """A share shows nothing of its host."""
        return None

    @property
    def surroundings(self) -> None:
        """A share shows nothing of its host."""
        return

    def take_session(self) -> None:
        """Nothing: on a share a look costs no round trip that could be saved."""
        return

    def record_put_in(self, put_in: PutIn) -> None:
        """Writes the record."""
        with contextlib.suppress(OSError):
            self._files.trees.put_in.write(put_in)

    def append_receipt(self, lines: Sequence[str]) -> bool:
        """The runtime's share holds no receipts; see HA_CONFIG_MOUNT."""
        return not lines

    def release(self) -> None:
        """Removes the lock if it is still ours, and the state folders if nothing is in them.

        A look under the lock makes the app's own. It stays beside a folder that bb8deploy has sent; else it
        goes while the lock keeps others out of it.
        """
        self._files.held = False
        with contextlib.suppress(OSError):
            folder = self._files.lock_folder
            if _owner_text(folder) == self._owner.line():
                if not (self._files.root / STAMP).exists():
                    with contextlib.suppress(OSError):
                        self._files.trees.state.rmdir()
                shutil.rmtree(folder)
                folder.parent.rmdir()

    def _take(self, lease: float) -> str | None:
        """Takes the lock; returns the text of the stale owner that it was taken from, if any."""
        folder = self._files.lock_folder
        if self._make(folder, lease):
            return None
        was = _owner_text(folder)
        aside = folder.with_name(f"{folder.name}.{self._owner.run}")
        if not _stale(folder, was):
            raise HostLocked(_held(folder), self._files.where)
        with contextlib.suppress(OSError):
            folder.rename(aside)
        if aside.exists() and _owner_text(aside) != was:
            aside.rename(folder)
            raise HostLocked(_held(folder), self._files.where)
        shutil.rmtree(aside, ignore_errors=True)
        if not self._make(folder, lease):
            raise HostLocked(_held(folder), self._files.where)
        return was

    def _make(self, folder: Path, lease: float) -> bool:
        if not _made(folder):
            return False
        try:
            (folder / "owner").write_text(f"{self._owner.line()}\n")
            (folder / "expires").write_text(f"{int(time.time() + lease)}\n")
        except OSError:
            # On a full disk: else it would be a lock without an owner.
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return True


def _made(folder: Path) -> bool:
    """Makes the lock folder; False if there is one.

    The release of any lock here may remove the state folder, if that is empty, between the two calls or
    within the first one. Then it is made again.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except (FileExistsError, FileNotFoundError):
            if folder.exists():
                return False
            if not tries_left:
                raise
        else:
            break
    return True


def _stale(folder: Path, owner_text: str) -> bool:
    """Expired, or held by a process of this machine that is gone, or nameless for two minutes.

    False for a lock that was released since it was found.
    """
    owner = Owner.parse(owner_text)
    if owner and owner.is_dead():
        return True
    try:
        return time.time() > int((folder / "expires").read_text())
    except (OSError, ValueError):
        return _age(folder) > NAMELESS_AGE


def _age(folder: Path) -> float:
    """Seconds since something in it was changed; 0 if it is gone."""
    try:
        return time.time() - folder.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _drop_moved_locks(lock: Path) -> None:
    """Removes what a killed take-over left: the lock that it had moved away, if its owner is gone.

    Only a folder that holds nothing but the files of a lock is one.
    """
    with contextlib.suppress(OSError):
        for old in lock.parent.glob(f"{glob.escape(lock.name)}.*"):
            if old.name.endswith(".lock") or old.is_symlink() or not old.is_dir():
                continue
            parts = list(old.iterdir())
            if {part.name for part in parts} <= _PARTS and _stale(old, _owner_text(old)):
                for part in parts:
                    part.unlink()
                old.rmdir()


def _held(folder: Path) -> Held:
    try:
        expires = int((folder / "expires").read_text())
    except (OSError, ValueError):
        return Held(_owner_text(folder))
    return Held(_owner_text(folder), expires, int(time.time()))


def _owner_text(folder: Path) -> str:
    try:
        return (folder / "owner").read_text().strip()
    except OSError:
        return ""
