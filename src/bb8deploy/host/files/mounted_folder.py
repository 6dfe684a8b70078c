"""The app folder on a mounted share: the same result as over ssh, by file calls alone."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from bb8deploy.catalogue.errors.host import (
    MOUNT_CASE_CLASH,
    MOUNT_MISSING,
    MOUNT_STUCK,
    MOUNT_TOO_DEEP,
    RUNTIME_PATH_INVALID,
)
from bb8deploy.host.files.app_folder_interface import (
    PREVIOUS,
    Earlier,
    EarlierTree,
    InPlace,
    Transfer,
    put_back_record,
)
from bb8deploy.host.files.ignored_files import IgnoredFiles, RestoredTree, ignored_files
from bb8deploy.host.files.mount_swap import MountSwap, given_back
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
from bb8deploy.host.shell.run_programs import edited_live
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.ignore_patterns import STATE, Ignore
from bb8deploy.workspace.tree_digest import STAMP, Entry, FoundTree

ANSWER_DEADLINE = 15.0


class MountFiles:
    """`RuntimeFiles` on a mounted share. `places` maps paths of the host to paths here; the app folder's own
    path here is added."""

    route: Literal["mount"] = "mount"

    def __init__(self, root: Path, places: dict[str, Path] | None = None, *, keep: int = 3) -> None:
        self.root = root
        self.trees = MountSwap(root, keep)
        self.lock_folder = root.parent / STATE / f"{root.name}.lock"
        self.held = False
        self._places = {**(places or {}), str(root): root}

    @classmethod
    def open(cls, root: Path, settings: Settings) -> MountFiles:
        """Checks that the share is there and answers, and that the folder is not among the earlier trees."""
        if STATE in root.parts:
            raise RUNTIME_PATH_INVALID(
                f"HA_MOUNT is `{root}`, which cannot be an app folder",
                "Set HA_MOUNT to the app's own folder.",
            )
        _check_answers(root)
        places = {"/config": settings.ha_config_mount, settings.ha_remote_runtime: root}
        known = {name: place for name, place in places.items() if name and place}
        return cls(root, known, keep=settings.bb8_keep_trees)

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
        """Lists and hashes the folder; executable bits are tried out only while the lock is held."""
        modes_known = _modes_kept(self.trees.state) if self.held else None
        return read_tree(
            self.root, modes_known=modes_known, cut=self.trees.cut, put_in=self.trees.put_in.read()
        )

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of these files, in whatever Unicode form the share gives their names."""
        wanted = {fold(path): path for path in paths}
        found: dict[str, bytes] = {}
        for path, item in items(self.root):
            if fold(path) in wanted and item.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    found[wanted[fold(path)]] = Path(item.path).read_bytes()
        return found

    def earlier(self) -> tuple[EarlierTree, ...]:
        """The earlier trees, the newest first."""
        return tuple(EarlierTree(name, _stamp_in(self.trees.state / name)) for name in self.trees.names())

    def in_place(self) -> InPlace:
        """The app folder's stamp and the record beside it."""
        return InPlace.of(_stamp_in(self.root), self.trees.put_in.read())

    def restore_previous(self, run_id: str, ignore: Ignore, name: str = PREVIOUS) -> RestoredTree:
        """Swaps an earlier tree in."""
        with self._failures():
            staged = self.trees.staged(run_id, name)
            with given_back(staged, self.trees.state / name) as moved:
                earlier = read_tree(staged, modes_known=True)
                ignored = ignored_files(earlier, read_tree(self.root, modes_known=True), ignore)
                if moved and ignored.keeps_earlier:
                    raise OSError(errno.ENOSPC, "there is no room for a copy of the earlier tree")
                _exchange(self.root, staged, ignored)
                record = put_back_record(_stamp_in(staged), _stamp_in(self.root))
                self.trees.restore(staged, name, keep=ignored.keeps_earlier, record=record)
        return RestoredTree(self.look(), ignored)

    def withdraw(self, run_id: str, confirm: Callable[[FoundTree], bool]) -> bool:
        """Moves the folder away, looks at it again there, and removes it or moves it back."""
        seen = self.look()
        if not confirm(seen):
            return False
        with self._failures():
            away = self.trees.move_away(run_id)
            if read_tree(away, modes_known=seen.modes_known) == seen:
                self.trees.discard(away)
                return True
            self.trees.bring_back(away)
        return False

    def look_back(self, name: str) -> Earlier:
        """The stamp of the previous tree, and how its file `name` compares."""
        earlier = self.trees.state / PREVIOUS
        return Earlier(_stamp_in(earlier), _content(earlier / name) == _content(self.root / name))

    def read(self, path: str, *, limit: int = 1_000_000) -> bytes | None:
        """A file of the host, if a mount reaches it."""
        for name, place in self._places.items():
            if PurePosixPath(path).is_relative_to(name):
                with (
                    contextlib.suppress(OSError),
                    (place / PurePosixPath(path).relative_to(name)).open("rb") as file,
                ):
                    return file.read(limit)
        return None

    def stage(self, run_id: str) -> str:
        """Copies the present tree beside it, for a tool that changes the copy."""
        with self._failures():
            staged = self.trees.fresh(run_id)
            if self.root.is_dir():
                copy_tree(self.root, staged)
            else:
                staged.mkdir(parents=True)
        return str(staged)

    def swap_staged(self, run_id: str) -> FoundTree:
        """Swaps in what `stage` made."""
        with self._failures():
            self.trees.swap(self.trees.state / f"next.{run_id}")
            self.trees.prune()
        return self.look()

    def apply(self, transfer: Transfer, run_id: str, *, drops: FoundTree | None = None) -> FoundTree:
        """Makes the new tree beside the old one and swaps the two.

        A replaced tree that is exactly `drops` is not kept. Raises CheckFailed HOST_EDITED_LIVE if it is
        another one; then that is in its place again.
        """
        with self._failures():
            staged = self.trees.fresh(run_id)
            try:
                self._make(staged, transfer)
                if drops is None:
                    self.trees.swap(staged)
                else:
                    self._replace(staged, run_id, drops)
            except BaseException:
                with contextlib.suppress(OSError):
                    remove_tree(staged)
                raise
            self.trees.prune()
        return self.look()

    def _replace(self, staged: Path, run_id: str, drops: FoundTree) -> None:
        made = read_tree(staged, modes_known=drops.modes_known)
        replaced = self.trees.replace(
            staged, run_id, lambda away: _is(away, drops), lambda taken: _is(taken, made)
        )
        if not replaced.done:
            raise edited_live(self.where, replaced.kept)

    def recover(self) -> bool:
        """Puts right what a killed run left; True if that brought the earlier tree back. Needs the lock."""
        with self._failures():
            return self.trees.recover()

    def _make(self, staged: Path, transfer: Transfer) -> None:
        removed = {fold(path) for path in transfer.removals}
        if self.root.is_dir():
            copy_tree(self.root, staged, skip=lambda path: fold(path) in removed)
        else:
            staged.mkdir(parents=True)
        _refuse_clash(staged, transfer.entries)
        for entry in transfer.entries:
            _put(staged, transfer, entry)

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

    def apply(self, transfer: Transfer) -> FoundTree:
        """Makes and swaps."""
        return self._files.apply(transfer, self._run_id)


def _modes_kept(state: Path) -> bool:
    """Tries out whether the share keeps an executable bit."""
    probe = state / "next.probe"
    try:
        state.mkdir(parents=True, exist_ok=True)
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


def _put(staged: Path, transfer: Transfer, entry: Entry) -> None:
    place = staged / entry.path
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.kind == "link":
        put_link(place, entry.target)
        return
    if entry.path in transfer.made:
        place.write_bytes(transfer.made[entry.path])
    else:
        shutil.copyfile(transfer.source / entry.path, place)
    set_runnable(place, runnable=entry.executable)


def _exchange(present: Path, staged: Path, ignored: IgnoredFiles) -> None:
    """Takes the ignored files of the earlier tree out of its copy, and puts those of the app folder in."""
    for path in ignored.left:
        remove_tree(staged / path)
    for path in ignored.carried:
        source = present / path
        if source.is_symlink():
            put_link(staged / path, str(source.readlink()))
        elif source.is_file():
            put_copy(source, staged / path)


def _refuse_clash(staged: Path, entries: Sequence[Entry]) -> None:
    """Refuses two names that differ only in case, on a share that ignores case."""
    seen = {fold(path).casefold(): path for path, _ in items(staged)}
    for entry in entries:
        other = seen.setdefault(fold(entry.path).casefold(), entry.path)
        if other != entry.path and not _distinguishes_case(staged):
            raise MOUNT_CASE_CLASH(f"the share does not distinguish {other} from {entry.path}")


def _is(folder: Path, tree: FoundTree) -> bool:
    return read_tree(folder, modes_known=tree.modes_known) == tree


def _content(path: Path) -> bytes | None:
    """The content of a file, None if there is none."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _stamp_in(folder: Path) -> str:
    return (_content(folder / STAMP) or b"")[:4096].decode(errors="replace")


def _distinguishes_case(folder: Path) -> bool:
    """Tries out whether a name in capitals is another name."""
    probe = folder / ".bb8deploy.case"
    probe.write_bytes(b"")
    distinguishes = not (folder / ".BB8DEPLOY.CASE").exists()
    probe.unlink()
    return distinguishes


def _check_answers(root: Path) -> None:
    """A share whose server is gone blocks for minutes inside the kernel, so a thread asks first."""
    answer: list[bool] = []
    asked = threading.Thread(target=lambda: answer.append(root.parent.is_dir()), daemon=True)
    asked.start()
    asked.join(ANSWER_DEADLINE)
    if not answer:
        raise MOUNT_STUCK(f"the share at {root.parent} did not answer within {ANSWER_DEADLINE:.0f} s")
    if not answer[0]:
        raise MOUNT_MISSING(f"HA_MOUNT is {root}, but there is no folder {root.parent}")
    if os.path.ismount(root):
        raise MOUNT_TOO_DEEP(f"{root} is itself a mount point, so nothing can be swapped beside it")
