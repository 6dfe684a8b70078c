"""Removes what the host holds of an app: its folder, the earlier trees, and the state folder beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from bb8deploy.catalogue.errors.host import LOCK_LOST, REMOVE_INCOMPLETE
from bb8deploy.host.files.mount_swap import MountSwap
from bb8deploy.host.files.mount_tree import read_tree, remove_tree, unusable
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.shell.program_output import tree_of
from bb8deploy.host.shell.run_programs import Shell, edited_live
from bb8deploy.workspace.tree_digest import FoundTree


@dataclass(frozen=True, slots=True)
class HeldFiles:
    """The files that the host holds of an app: the tree of its folder, and the earlier trees by name."""

    tree: FoundTree
    earlier: Mapping[str, FoundTree]

    @property
    def any(self) -> bool:
        """Whether there is anything to remove."""
        return self.tree.present or bool(self.earlier)


class Removal(Protocol):
    """A look at everything that the host holds of an app, and the way to remove it. Needs the lock."""

    @property
    def found(self) -> HeldFiles:
        """What was there at the look."""

    def carry_out(self) -> None:
        """Removes all of it, and looks again.

        The app folder goes by one rename. Raises CheckFailed HOST_EDITED_LIVE if something has changed since
        the look, LOCK_LOST without the lock, REMOVE_INCOMPLETE if a part is still there.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SshRemoval:
    """`Removal` over one channel of ssh, on which a program waits for the order."""

    def __init__(self, shell: Shell, run_id: str) -> None:
        self._where = shell.where
        self._talk = shell.start("remove_app_files", run_id=run_id)
        try:
            self._found = self._read()
        except BaseException:
            self._talk.stream.abort()
            raise

    @property
    def found(self) -> HeldFiles:
        """What the program listed."""
        return self._found

    def carry_out(self) -> None:
        """Gives the order and reads the look after it."""
        self._talk.send(b"REMOVE\n")
        self._talk.stream.close_input()
        parts = self._talk.answer()
        if tree_of(parts).present or any(part.name == "LEFT" for part in parts):
            raise _incomplete(self._where)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._talk.stream.abort()

    def _read(self) -> HeldFiles:
        tree = tree_of(self._talk.answer())
        earlier: dict[str, FoundTree] = {}
        while (parts := self._talk.answer())[0].name != "LAST":
            earlier[parts[0].argument] = tree_of(parts)
        return HeldFiles(tree, earlier)


class MountRemoval:
    """`Removal` on a mounted share."""

    def __init__(self, files: MountFiles, run_id: str) -> None:
        self._files, self._run_id = files, run_id
        self._found = self._look()

    @property
    def found(self) -> HeldFiles:
        """What was seen."""
        return self._found

    def carry_out(self) -> None:
        """Renames, removes and looks again."""
        owner, trees = self._files.lock_folder / "owner", self._files.trees
        try:
            if f'"{self._run_id}"' not in owner.read_text():
                raise LOCK_LOST(f"the lock of {self._files.where} was lost; nothing was removed")
            if self._look() != self._found or not _remove_all(trees, self._run_id, self._found.tree):
                raise edited_live(self._files.where)
        except OSError as error:
            raise unusable(self._files.root, error) from error
        if self._files.root.exists() or trees.state.exists():
            raise _incomplete(self._files.where)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def _look(self) -> HeldFiles:
        files = self._files
        earlier = {
            name: read_tree(files.trees.state / name, modes_known=None) for name in files.trees.names()
        }
        return HeldFiles(files.look(), earlier)


def _remove_all(trees: MountSwap, run_id: str, seen: FoundTree) -> bool:
    """Removes the app folder and the state folder; False if the folder is not as it was `seen`, and stays.

    The folder is hashed again after its rename, where no program edits it by its path. The renames come
    first: what an interruption leaves after them is neither the app folder nor an earlier tree.
    """
    root, state = trees.root, trees.state
    state.mkdir(parents=True, exist_ok=True)
    if root.is_symlink():
        root.unlink()
    elif root.exists():
        away = trees.move_away(run_id)
        if read_tree(away, modes_known=seen.modes_known) != seen:
            trees.bring_back(away)
            return False
        away.rename(state / f"next.{run_id}")
    gone = f".gone.{root.name}"
    state.rename(state.with_name(f"{gone}.{run_id}"))
    for left in state.parent.glob(f"{gone}.*"):
        remove_tree(left)
    return True


def _incomplete(where: str) -> Exception:
    return REMOVE_INCOMPLETE(f"a part of {where} is still there after it was removed")
