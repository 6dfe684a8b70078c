"""Hashes the app folder again and lists its neighbours, as part of another ssh command."""

from __future__ import annotations

import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.host import slug_folders
from bb8deploy.host.open_host import Host
from bb8deploy.host.shell import load_programs
from bb8deploy.host.shell.program_output import sections, tree_of
from bb8deploy.host.slug_folders import Topology
from bb8deploy.workspace.tree_digest import FoundTree


@dataclass(frozen=True, slots=True)
class RehashProgram:
    """A shell program that another command on the host runs along the way, and how to read its output."""

    runtime: str
    mark: str

    @classmethod
    def of(cls, host: Host) -> RehashProgram | None:
        """The program for a host that is reached over ssh, None for a mounted folder."""
        ssh = host.transport is not None and host.files.route == "ssh"
        return cls(host.files.runtime, secrets.token_hex(16)) if ssh else None

    @property
    def program(self) -> str:
        """The program: first the folders beside, then the tree."""
        words = shlex.join((self.mark, self.runtime, "look"))
        listing = load_programs.program("list_app_folder")
        return f"(\n{slug_folders.program(self.runtime)})\nset -- {words}\n{listing}"

    def tree(self, output: bytes) -> FoundTree:
        """The files of the app folder. Raises CheckFailed HOST_TREE_MOVING if one could not be hashed."""
        _, begin, body = output.partition(self._begin)
        return tree_of(sections(begin + body, self.mark))

    def topology(self, output: bytes) -> Topology:
        """The folders beside it. Raises CheckFailed TOPOLOGY_UNREADABLE if they could not all be read."""
        return slug_folders.read(output.partition(self._begin)[0], self.runtime)

    @property
    def _begin(self) -> bytes:
        return f"\n{self.mark} TREE\n".encode()


def seen_beside(host: Host, rehash: RehashProgram | None, output: bytes | None) -> Topology:
    """The folders beside the app folder: from the output of the program if it ran, else by `look_beside`."""
    return rehash.topology(output) if rehash and output is not None else look_beside(host)


def look_beside(host: Host) -> Topology:
    """The folders beside the app folder, by a command of its own. Raises CheckFailed TOPOLOGY_UNREADABLE."""
    runtime = host.files.runtime
    if host.transport and host.files.route == "ssh":
        return slug_folders.look_over(host.transport, runtime, sudo=host.settings.ssh.sudo)
    return slug_folders.look_mounted(Path(runtime))
