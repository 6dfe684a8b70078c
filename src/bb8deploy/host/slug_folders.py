"""Looks at the Supervisor's local root on the host: which folders claim the app's slug, what is in its own.

The host only finds and sends the config files; they are read here.
"""

from __future__ import annotations

import errno
import re
import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bb8deploy.base.errors import CheckFailed
from bb8deploy.catalogue.errors.host import TOPOLOGY_UNREADABLE
from bb8deploy.host.config_slug import Claims, claims_in, counts
from bb8deploy.host.local_root import local_root
from bb8deploy.host.shell import load_programs
from bb8deploy.host.shell.program_output import sections
from bb8deploy.transport.transport_interface import Transport
from bb8deploy.workspace.folder_walk import walk_items

DEADLINE = 60.0
MAX_FILE = 256 * 1024
"""Bytes of one config file; what is larger counts as unreadable."""
MAX_ALL = 4 * 1024 * 1024
"""Bytes of all of them together, their paths included."""
_MISSING = "no config file in {} claims the slug {}"
# What a workspace keeps beside the app, and no app folder may hold (CONTRACTS section 5).
WORKSPACE_ONLY = (".git", ".github", ".githooks", "docs", "ops", "reports", "_backups", "addon")


@dataclass(frozen=True, slots=True)
class Topology:
    """`names` are the entries of the app folder, none if it does not exist; `folder` is its path below the
    local root, and `claims` are those of every config file below the local root."""

    names: tuple[str, ...]
    folder: str
    claims: Claims

    def problems(self, slug: str) -> tuple[str, ...]:
        """What is wrong, one line each: another folder with the slug, a repository, a workspace folder."""
        inside = [f"{name}/ is in the app folder" for name in self.names if name in WORKSPACE_ONLY]
        missing = [] if self.folder in self._claiming(slug) else [_MISSING.format(self.folder, slug)]
        return (*inside, *self.rivals(slug), *missing)

    def rivals(self, slug: str) -> tuple[str, ...]:
        """Each other folder whose app the Supervisor may take for the one with this slug, one line each."""
        others = [
            f"{path} claims the slug {slug} too" for path in self._claiming(slug) if path != self.folder
        ]
        unclear = [
            f"{path} names {slug}, but cannot be read as a config file"
            for path, text in self.claims.unclear
            if slug in text
        ]
        return (*others, *unclear)

    def _claiming(self, slug: str) -> list[str]:
        return [path for path, claimed in self.claims.slugs if claimed == slug]


def program(runtime: str) -> str:
    """The shell program whose output `read` understands."""
    words = (secrets.token_hex(12), str(PurePosixPath(runtime)), str(MAX_FILE), str(MAX_ALL))
    return f"set -- {shlex.join(words)}\n{load_programs.program('slug_folders')}"


def read(output: bytes, runtime: str) -> Topology:
    """The topology in the program's output.

    Raises CheckFailed TOPOLOGY_UNREADABLE unless every folder and config file was read to its end.
    """
    begun = re.search(rb"^TOPOLOGY ([0-9a-f]+)$", output, re.MULTILINE)
    parts = sections(output[begun.end() :], begun[1].decode()) if begun else []
    listed = [part.body for part in parts if part.name == "NAMES"]
    if not listed or (parts[-1].name, parts[-1].argument) != ("END", "0"):
        raise _unreadable(runtime, f"the folders beside {runtime} on the host cannot be listed")
    for part in parts:
        if part.name == "LOST":
            raise _lost(runtime, part.body.decode(errors="replace"))
    files = [part.body.partition(b"\0") for part in parts if part.name == "FILE"]
    names = tuple(filter(None, listed[0].decode(errors="replace").splitlines()))
    own = next(part.body.decode(errors="replace").strip("\n") for part in parts if part.name == "OWN")
    return Topology(names, own, claims_in((path.decode(errors="replace"), data) for path, _, data in files))


def look_over(transport: Transport, runtime: str, *, sudo: bool) -> Topology:
    """Reads the topology by one command on the host. Raises CheckFailed TOPOLOGY_UNREADABLE."""
    prefix = ("sudo", "-n") if sudo else ()
    done = transport.run([*prefix, *load_programs.in_sh(program(runtime))], deadline=DEADLINE)
    return read(done.out, runtime)


def look_mounted(runtime: Path) -> Topology:
    """Reads the topology of a mounted share. Raises CheckFailed TOPOLOGY_UNREADABLE."""
    root = local_root(runtime)
    try:
        names = tuple(sorted(item.name for item in runtime.iterdir())) if runtime.exists() else ()
        found = claims_in(_mounted_files(root))
    except OSError as error:
        cause = f"{error.filename or root} cannot be read: {error.strerror}"
        raise _unreadable(str(runtime), cause) from error
    return Topology(names, runtime.relative_to(root).as_posix(), found)


def _mounted_files(root: Path) -> Iterator[tuple[str, bytes]]:
    """The config files below the local root: path and content."""
    left = MAX_ALL
    for item in walk_items(root, skip=_skipped, unreadable=_raise):
        if item.is_dir or not counts(item.path):
            continue
        data = _content(root / item.path)
        left -= len(data)
        if len(data) > MAX_FILE or left < 0:
            raise _lost(str(root), item.path)
        yield item.path, data


def _skipped(path: str, is_dir: bool) -> bool:
    name = path.rpartition("/")[2]
    return is_dir and (name.startswith(".") or name == "rootfs")


def _content(path: Path) -> bytes:
    """At most one byte more than a config file may have; nothing of a pipe, which would never end."""
    if not path.is_file():
        if path.is_symlink():
            raise FileNotFoundError(errno.ENOENT, "it links to no file", str(path))
        return b""
    with path.open("rb") as file:
        return file.read(MAX_FILE + 1)


def _raise(_path: str, error: OSError) -> None:
    raise error


def _lost(runtime: str, path: str) -> CheckFailed:
    return _unreadable(runtime, f"{PurePosixPath(path)} beside {runtime} cannot be read, or is too large")


def _unreadable(runtime: str, cause: str) -> CheckFailed:
    return TOPOLOGY_UNREADABLE(
        cause,
        f"Make sure that the user may read everything in {PurePosixPath(runtime).parent} "
        "(HA_SSH_SUDO=yes for non-root users).",
    )
