"""The runtime folder through a mounted share: the same result as over ssh, by file calls alone.

The state folder has the form that host/shell/programs.py describes, so either route can put right
what the other left. Where the share refuses to rename the folder (a file in it is open somewhere), the new
tree is copied over the old one under a journal: `inplace` stands in the state folder while that goes on,
and `previous` then holds a whole copy of the earlier tree.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from bb8deploy.catalogue.errors.host import (
    MOUNT_CASE_CLASH,
    MOUNT_MISSING,
    MOUNT_STUCK,
    MOUNT_TOO_DEEP,
    PREVIOUS_MISSING,
)
from bb8deploy.host.files.mount_tree import (
    copy_tree,
    fold,
    items,
    put_copy,
    put_link,
    read_tree,
    remove_tree,
    set_runnable,
    unusable,
)
from bb8deploy.host.files.protocol import Delivery, Earlier
from bb8deploy.settings.model import Settings
from bb8deploy.workspace.tree import STAMP, Entry, FoundTree, hash_file

ANSWER_DEADLINE = 15.0
CONFIGS = ("config.yaml", "config.yml", "config.json")


class MountFiles:
    """`RuntimeFiles` on a mounted share. `places` maps paths of the host to paths here."""

    route: Literal["mount"] = "mount"

    def __init__(self, root: Path, places: dict[str, Path] | None = None) -> None:
        self.root = root
        self.state = root.parent / ".bb8deploy" / root.name
        self.lock_folder = root.parent / ".bb8deploy" / f"{root.name}.lock"
        self.held = False
        self._places = places or {}

    @classmethod
    def open(cls, root: Path, settings: Settings) -> MountFiles:
        """Checks that the share is there and answers."""
        _check_answers(root)
        places = {"/config": settings.ha_config_mount, settings.ha_remote_runtime: root}
        return cls(root, {name: place for name, place in places.items() if name and place})

    @property
    def where(self) -> str:
        """The folder as it is mounted here."""
        return str(self.root)

    @property
    def runtime(self) -> str:
        """The folder as it is mounted here."""
        return str(self.root)

    @contextlib.contextmanager
    def session(self, run_id: str) -> Iterator[MountSession]:
        """Looks at the folder."""
        yield MountSession(self, run_id, self.look())

    def look(self) -> FoundTree:
        """Lists and hashes the folder; whether run bits are kept is tried out while the lock is held."""
        return read_tree(self.root, modes_known=self._modes_kept() if self.held else None)

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of these files, whatever Unicode form the share gives their names."""
        wanted = {fold(path): path for path in paths}
        found: dict[str, bytes] = {}
        for path, item in items(self.root):
            if fold(path) in wanted and item.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    found[wanted[fold(path)]] = Path(item.path).read_bytes()
        return found

    def restore_previous(self, run_id: str) -> FoundTree:
        """Swaps the earlier tree in."""
        if not (self.state / "previous").is_dir():
            raise PREVIOUS_MISSING(f"{self.where} has no earlier tree to go back to")
        with self._failures():
            staged = self.fresh(run_id)
            copy_tree(self.state / "previous", staged)
            self.swap(staged)
        return self.look()

    def look_back(self, name: str) -> Earlier:
        """The earlier tree's stamp and its file `name`."""
        earlier = self.state / "previous"
        stamp = (_content(earlier / STAMP) or b"")[:4096].decode(errors="replace")
        return Earlier(stamp, _content(earlier / name) == _content(self.root / name))

    def read(self, path: str, *, limit: int = 1_000_000) -> bytes | None:
        """A file of the host, where a mount reaches it."""
        for name, place in self._places.items():
            if PurePosixPath(path).is_relative_to(name):
                with (
                    contextlib.suppress(OSError),
                    (place / PurePosixPath(path).relative_to(name)).open("rb") as file,
                ):
                    return file.read(limit)
        return None

    def stage(self, run_id: str) -> str:
        """Copies the present tree beside it, for a tool that changes it there."""
        with self._failures():
            staged = self.fresh(run_id)
            if self.root.is_dir():
                copy_tree(self.root, staged)
            else:
                staged.mkdir(parents=True)
        return str(staged)

    def swap_staged(self, run_id: str) -> FoundTree:
        """Swaps in what `stage` made."""
        with self._failures():
            self.swap(self.state / f"next.{run_id}")
        return self.look()

    def apply(self, delivery: Delivery, run_id: str) -> FoundTree:
        """Makes the new tree beside the old one and swaps them."""
        with self._failures():
            staged = self.fresh(run_id)
            try:
                self._make(staged, delivery)
            except BaseException:
                with contextlib.suppress(OSError):
                    remove_tree(staged)
                raise
            self.swap(staged)
        return self.look()

    def swap(self, staged: Path) -> None:
        """Puts the staged tree in the runtime folder's place and keeps what was there as `previous`."""
        had = self.root.is_dir()
        (self.state / "swapping").write_text(f"{int(had)}\n")
        try:
            self._renames(staged, had=had)
        except OSError:
            self.put_back()
            (self.state / "swapping").unlink(missing_ok=True)
            self._in_place(staged)
        _touch_config(self.root)
        (self.state / "swapping").unlink(missing_ok=True)
        remove_tree(self.state / "previous.old")

    def recover(self) -> bool:
        """Puts right what a killed run left; True where the earlier tree came back by it. Needs the lock."""
        restored = False
        with self._failures():
            if (self.state / "swapping").exists():
                restored = self.put_back()
                _touch_config(self.root)
                (self.state / "swapping").unlink(missing_ok=True)
            if (self.state / "inplace").exists():
                overwrite(self.state / "previous", self.root)
                _touch_config(self.root)
                (self.state / "inplace").unlink(missing_ok=True)
                restored = True
            for left in self.state.glob("next.*"):
                remove_tree(left)
        return restored

    def put_back(self) -> bool:
        """Undoes a swap that stopped between its renames; True where the earlier tree came back by it."""
        restored = False
        marker, previous, old = (self.state / name for name in ("swapping", "previous", "previous.old"))
        had = marker.exists() and marker.read_text().strip() == "1"
        if had and not self.root.exists() and previous.exists():
            previous.rename(self.root)
            restored = True
        if old.exists():
            if previous.exists():
                remove_tree(old)
            else:
                old.rename(previous)
        return restored

    def fresh(self, run_id: str) -> Path:
        """The path for a tree in the making; nothing is there."""
        staged = self.state / f"next.{run_id}"
        self.state.mkdir(parents=True, exist_ok=True)
        remove_tree(staged)
        return staged

    def _make(self, staged: Path, delivery: Delivery) -> None:
        removed = {fold(path) for path in delivery.removals}
        if self.root.is_dir():
            copy_tree(self.root, staged, skip=lambda path: fold(path) in removed)
        else:
            staged.mkdir(parents=True)
        self._refuse_clash(staged, delivery.entries)
        for entry in delivery.entries:
            _put(staged, delivery, entry)

    def _refuse_clash(self, staged: Path, entries: Sequence[Entry]) -> None:
        """Two names that differ by case alone cannot both stand on a share that does not tell case."""
        seen = {fold(path).casefold(): path for path, _ in items(staged)}
        for entry in entries:
            other = seen.setdefault(fold(entry.path).casefold(), entry.path)
            if other != entry.path and not _tells_case(staged):
                raise MOUNT_CASE_CLASH(f"the share does not tell {other} from {entry.path}")

    def _renames(self, staged: Path, *, had: bool) -> None:
        previous, old = self.state / "previous", self.state / "previous.old"
        remove_tree(old)
        if previous.exists():
            previous.rename(old)
        if had:
            self.root.rename(previous)
        staged.rename(self.root)

    def _in_place(self, staged: Path) -> None:
        """Copies the staged tree over the runtime folder, a whole copy of the earlier one put by first."""
        previous, part = self.state / "previous", self.state / "next.previous"
        remove_tree(part)
        if self.root.is_dir():
            copy_tree(self.root, part)
        else:
            part.mkdir(parents=True)
        remove_tree(previous)
        part.rename(previous)
        (self.state / "inplace").write_text("1\n")
        overwrite(staged, self.root)
        (self.state / "inplace").unlink()
        remove_tree(staged)

    def _modes_kept(self) -> bool:
        """Tries out whether the share keeps a run bit."""
        probe = self.state / "next.probe"
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(b"")
            seen = []
            for mode in (0o755, 0o644):
                with contextlib.suppress(OSError):
                    probe.chmod(mode)
                seen.append(bool(probe.stat().st_mode & 0o100))
            probe.unlink()
        except OSError as error:
            raise unusable(probe, error) from error
        return seen == [True, False]

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unusable(Path(error.filename or self.root), error) from error


class MountSession:
    """`SyncSession` on a share."""

    def __init__(self, files: MountFiles, run_id: str, tree: FoundTree) -> None:
        self._files = files
        self._run_id = run_id
        self._tree = tree

    @property
    def tree(self) -> FoundTree:
        """What was there."""
        return self._tree

    def apply(self, delivery: Delivery) -> FoundTree:
        """Makes and swaps."""
        return self._files.apply(delivery, self._run_id)


def overwrite(source: Path, target: Path) -> None:
    """Makes `target` hold what `source` holds, file by file; equal files are not touched."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {fold(path): item for path, item in items(source)}
    for path, item in sorted(items(target), key=lambda pair: pair[0], reverse=True):
        kept = wanted.get(fold(path))
        if kept is None or _kind(kept) != _kind(item):
            remove_tree(target / path)
    for path, item in items(source):
        place = target / path
        if item.is_symlink():
            remove_tree(place)
            put_link(place, os.readlink(item.path))  # noqa: PTH115
        elif item.is_dir():
            place.mkdir(exist_ok=True)
        elif not place.exists() or hash_file(place) != hash_file(Path(item.path)):
            put_copy(Path(item.path), place)


def _put(staged: Path, delivery: Delivery, entry: Entry) -> None:
    place = staged / entry.path
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "link":
        put_link(place, entry.target)
        return
    if entry.path in delivery.made:
        place.write_bytes(delivery.made[entry.path])
    else:
        shutil.copyfile(delivery.source / entry.path, place)
    set_runnable(place, runnable=entry.executable)


def _content(path: Path) -> bytes | None:
    """A file's content, None where there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _tells_case(folder: Path) -> bool:
    """Tries out whether a name in capitals is another name."""
    probe = folder / ".bb8deploy.case"
    probe.write_bytes(b"")
    tells = not (folder / ".BB8DEPLOY.CASE").exists()
    probe.unlink()
    return tells


def _kind(item: os.DirEntry[str]) -> str:
    return "link" if item.is_symlink() else "folder" if item.is_dir() else "file"


def _touch_config(root: Path) -> None:
    """Gives the config file the present time: the Supervisor notices a changed add-on by this alone."""
    for name in CONFIGS:
        if (root / name).is_file():
            os.utime(root / name)


def _check_answers(root: Path) -> None:
    """A share whose server is gone blocks for minutes inside the kernel; so a thread asks first."""
    answer: list[bool] = []
    asked = threading.Thread(target=lambda: answer.append(root.parent.is_dir()), daemon=True)
    asked.start()
    asked.join(ANSWER_DEADLINE)
    if not answer:
        raise MOUNT_STUCK(f"the share at {root.parent} did not answer within {ANSWER_DEADLINE:.0f} s")
    if not answer[0]:
        raise MOUNT_MISSING(f"HA_MOUNT is {root}, but there is no folder {root.parent}")
    if os.path.ismount(root):
        raise MOUNT_TOO_DEEP(f"{root} is a mount point itself, so nothing can be swapped beside it")
