"""Repeated transfers of the dev loop into the app folder, over one connection that stays open."""

from __future__ import annotations

import contextlib
import time
from typing import Protocol

from bb8deploy.host.files import tar_stream
from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.files.ssh_folder import SHARE_FROM, lines_of
from bb8deploy.host.shell.program_output import tree_of
from bb8deploy.host.shell.run_programs import Shell, edited_live
from bb8deploy.workspace.tree_digest import FoundTree

PING_DEADLINE = 15.0


class LiveFiles(Protocol):
    """Repeated transfers into the app folder. Needs the lock all the time."""

    @property
    def tree(self) -> FoundTree:
        """What is in the folder: as it was found, then as each transfer left it."""

    def send(self, transfer: Transfer, *, keep: bool) -> FoundTree:
        """Swaps the changed tree in and hashes the folder again.

        The replaced tree becomes an earlier one if it is not of the dev loop itself, or with `keep`. Raises
        CheckFailed HOST_EDITED_LIVE if the folder differs from `tree`, and what a sync raises.
        """

    def ping(self) -> bool:
        """Renews the lock; False if it is no longer ours. Raises Unreachable."""

    def close(self) -> None:
        """Ends it; calling it twice is fine."""


class SshLive:
    """`LiveFiles` over one channel of ssh, on which a program waits for orders."""

    def __init__(self, shell: Shell, run_id: str, lease: float) -> None:
        self._run_id = run_id
        self._where = shell.where
        self._talk = shell.start("dev_transfers", arguments=(str(int(lease)),), run_id=run_id)
        try:
            self._tree = tree_of(self._talk.answer())
        except BaseException:
            self._talk.stream.abort()
            raise

    @property
    def tree(self) -> FoundTree:
        """What the program saw last."""
        return self._tree

    def send(self, transfer: Transfer, *, keep: bool) -> FoundTree:
        """Sends the order, the removals and the tar; the order has its size."""
        compress = tar_stream.pays_to_compress(transfer)
        data = b"".join(tar_stream.pack(transfer, self._run_id, compress=compress))
        share = "SHARE" if transfer.total >= SHARE_FROM else "COPY"
        order = f"{'GZIP' if compress else 'PLAIN'} {share} {len(data)} {'KEEP' if keep else 'DROP'}\n"
        self._talk.send(order.encode() + lines_of(transfer.removals) + data)
        self._tree = tree_of(self._talk.answer())
        return self._tree

    def ping(self) -> bool:
        """Asks the program."""
        self._talk.send(b"PING\n")
        return any(part.name == "HELD" for part in self._talk.answer(deadline=PING_DEADLINE))

    def close(self) -> None:
        """Ends the channel, and with it the program."""
        self._talk.stream.abort()


class MountLive:
    """`LiveFiles` on a mounted share."""

    def __init__(self, files: MountFiles, run_id: str, lease: float) -> None:
        self._files, self._run_id, self._lease = files, run_id, lease
        self._tree = files.look()

    @property
    def tree(self) -> FoundTree:
        """What was seen last."""
        return self._tree

    def send(self, transfer: Transfer, *, keep: bool) -> FoundTree:
        """Looks, makes the new tree beside the old one, swaps and looks again."""
        if self._files.look() != self._tree:
            raise edited_live(self._files.where)
        drops = self._tree if self._is_live() and not keep else None
        self._tree = self._files.apply(transfer, self._run_id, drops=drops)
        self.ping()
        return self._tree

    def ping(self) -> bool:
        """Writes the lock's new expiry, if the lock is still ours."""
        folder = self._files.lock_folder
        with contextlib.suppress(OSError):
            if f'"{self._run_id}"' in (folder / "owner").read_text():
                (folder / "expires").write_text(f"{int(time.time() + self._lease)}\n")
                return True
        return False

    def close(self) -> None:
        """Nothing is open."""

    def _is_live(self) -> bool:
        return any(path.startswith(".bb8dev/") for path in self._tree.manifest.by_path)
