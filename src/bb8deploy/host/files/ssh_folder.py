"""The app folder over ssh: one channel lists it, takes a tar, swaps the trees and lists it again."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Literal, Self

from bb8deploy.base.errors import CheckFailed
from bb8deploy.host.files import tar_stream
from bb8deploy.host.files.app_folder_interface import (
    PREVIOUS,
    Earlier,
    EarlierTree,
    InPlace,
    Transfer,
    put_back_record,
)
from bb8deploy.host.files.ignored_files import IgnoredFiles, RestoredTree, ignored_files
from bb8deploy.host.shell.program_output import AnswerPart, escape, put_in_of, stamp_of, tree_of
from bb8deploy.host.shell.run_programs import Conversation, Shell
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree

FETCH_LIMIT = 64 * 1024 * 1024
# From this size on unchanged files are shared with the earlier tree: a copy of so much takes too long. Below
# it the earlier tree is a copy of its own, which an edit by hand in the app folder cannot reach.
SHARE_FROM = 16 * 1024 * 1024


class SshFiles:
    """`RuntimeFiles` over ssh."""

    route: Literal["ssh"] = "ssh"

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    @property
    def where(self) -> str:
        """`user@host:/folder`."""
        return self._shell.where

    @property
    def runtime(self) -> str:
        """The folder's path on the host."""
        return self._shell.runtime

    def session(self, run_id: str) -> SshSession:
        """Lists the folder, and waits for a transfer on the same channel."""
        talk = self._shell.start("list_app_folder", "apply_transfer", run_id=run_id)
        try:
            return SshSession(talk, run_id, tree_of(talk.answer()))
        except BaseException:
            talk.stream.abort()
            raise

    def look(self) -> FoundTree:
        """Lists and hashes the folder."""
        return tree_of(self._shell.ask("list_app_folder"))

    def fetch(self, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of these files, through one tar."""
        with self._shell.start("fetch_files") as talk:
            talk.send(lines_of(paths))
            talk.stream.close_input()
            return _untar(_rest(talk))

    def earlier(self) -> tuple[EarlierTree, ...]:
        """The earlier trees, the newest first."""
        kept = (part for part in self._shell.ask("list_earlier_trees") if part.name == "KEPT")
        return tuple(EarlierTree(part.argument, part.body.decode(errors="replace")) for part in kept)

    def in_place(self) -> InPlace:
        """The app folder's stamp and the record beside it, in one look."""
        parts = self._shell.ask("stamp_in_place")
        return InPlace.of(stamp_of(parts), put_in_of(parts))

    def restore_previous(self, run_id: str, ignore: Ignore, name: str = PREVIOUS) -> RestoredTree:
        """Swaps an earlier tree in by one program, which lists both trees and waits for the order."""
        with self._shell.start("restore_earlier_tree", arguments=(name,), run_id=run_id) as talk:
            earlier, present = talk.answer(), talk.answer()
            ignored = _compared(earlier, present, ignore)
            record = put_back_record(stamp_of(earlier), stamp_of(present))
            order = f"{'KEEP' if ignored.keeps_earlier else 'DROP'} {record}\n".encode()
            talk.send(order + lines_of(ignored.left) + lines_of(ignored.carried))
            talk.stream.close_input()
            return RestoredTree(tree_of(talk.answer()), ignored)

    def withdraw(self, run_id: str, confirm: Callable[[FoundTree], bool]) -> bool:
        """Removes the folder by one program, which lists it and waits for the order."""
        with self._shell.start("withdraw_folder", run_id=run_id) as talk:
            if not confirm(tree_of(talk.answer())):
                return False
            talk.send(b"REMOVE\n")
            return any(part.name == "WITHDRAWN" for part in talk.answer())

    def look_back(self, name: str) -> Earlier:
        """The earlier tree's stamp and its file `name`, in one look."""
        parts = {part.name: part.body for part in self._shell.ask("earlier_stamp", name)}
        return Earlier(parts.get("STAMP", b"").decode(errors="replace"), "SAME" in parts)

    def read(self, path: str, *, limit: int = 1_000_000) -> bytes | None:
        """A file of the host."""
        parts = self._shell.ask("read_file", path, str(limit))
        names = {part.name for part in parts}
        return None if "ABSENT" in names else next(p.body for p in parts if p.name == "FILE")

    def stage(self, run_id: str) -> str:
        """Copies the present tree beside it and returns the copy's path, for a tool that changes it there."""
        parts = self._shell.ask("copy_beside", run_id=run_id)
        return next(part.argument for part in parts if part.name == "STAGED")

    def swap_staged(self, run_id: str) -> FoundTree:
        """Swaps in what `stage` made and a tool changed, and looks."""
        return tree_of(self._shell.ask("swap_prepared_copy", run_id=run_id))


class SshSession:
    """`SyncSession` over one channel, on which the APPLY program waits for its order."""

    def __init__(self, talk: Conversation, run_id: str, tree: FoundTree) -> None:
        self._talk = talk
        self._run_id = run_id
        self._tree = tree

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._talk.stream.abort()

    @property
    def tree(self) -> FoundTree:
        """What was there."""
        return self._tree

    def apply(self, transfer: Transfer) -> FoundTree:
        """Sends the transfer down one channel."""
        compress = tar_stream.pays_to_compress(transfer)
        order = f"{'GZIP' if compress else 'PLAIN'} {'SHARE' if transfer.total >= SHARE_FROM else 'COPY'}\n"
        head = order.encode() + lines_of(transfer.removals)
        if self._talk.send(head):
            self._talk.send(tar_stream.pack(transfer, self._run_id, compress=compress))
        self._talk.stream.close_input()
        return tree_of(self._talk.answer())


def _compared(earlier: list[AnswerPart], present: list[AnswerPart], ignore: Ignore) -> IgnoredFiles:
    """The ignored files of two listings; a tree that is being written is no reason not to go back."""
    try:
        return ignored_files(tree_of(earlier), tree_of(present), ignore)
    except CheckFailed:
        return IgnoredFiles(compared=False)


def lines_of(paths: Sequence[str]) -> bytes:
    """The paths as a program reads them: one a line, escaped, and a line with a dot at the end."""
    return "".join(f"{escape(path)}\n" for path in (*paths,)).encode() + b".\n"


def _rest(talk: Conversation) -> bytes:
    """Everything after the TAR line."""
    got = bytearray()
    while data := talk.stream.read(deadline=60.0):
        got += data
        if len(got) > FETCH_LIMIT:
            break
    return talk.after(bytes(got), "TAR")


def _untar(data: bytes) -> dict[str, bytes]:
    """The files of one or more tars in a row; a torn last one is left out."""
    found: dict[str, bytes] = {}
    if not data:
        return found
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:", ignore_zeros=True) as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None:
                    found[member.name.removeprefix("./")] = content.read()
    except tarfile.TarError:
        return found
    return found
