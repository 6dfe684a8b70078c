"""Looks how the add-on lies on the host: which folders claim its slug, and what lies in its own."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bb8deploy.errors import CheckFailed
from bb8deploy.transport.base import Transport

DEADLINE = 60.0
CONFIGS = ("config.yaml", "config.yml", "config.json")
# What the workspace keeps beside the add-on and no runtime folder may hold (CONTRACTS section 5).
WORKSPACE_ONLY = (".git", ".github", ".githooks", "docs", "ops", "reports", "_backups", "addon")
_SLUG = re.compile(r"""^\s*["']?slug["']?\s*:\s*["']?([^"',\s#]+)""", re.MULTILINE)
# The Supervisor takes any config file at any depth for an add-on, but below dot folders and `rootfs`.
_PROGRAM = """cd "$1" || exit 9
ls -A "$2" && printf '\\0'
find . -path './.*' -prune -o -name rootfs -prune -o -type f \\( -name config.yaml -o -name config.yml \
-o -name config.json \\) -exec grep -H -m 1 -E '^[[:space:]]*.?slug.?[[:space:]]*:' {} \\;
"""


@dataclass(frozen=True, slots=True)
class Topology:
    """`names` are the runtime folder's own entries; `claims` pairs of folder (from its parent) and slug."""

    names: tuple[str, ...]
    claims: tuple[tuple[str, str], ...]

    def problems(self, folder: str, slug: str) -> tuple[str, ...]:
        """What is wrong, one line each: another folder with the slug, a repository, a workspace folder."""
        inside = [f"{name}/ lies in the runtime folder" for name in self.names if name in WORKSPACE_ONLY]
        mine = [path for path, claimed in self.claims if claimed == slug]
        others = [f"{path} claims the slug {slug} too" for path in mine if path != folder]
        missing = [] if folder in mine else [f"no config file in {folder} claims the slug {slug}"]
        return (*inside, *others, *missing)


def program(runtime: str) -> str:
    """The shell program whose output `read` understands."""
    path = PurePosixPath(runtime)
    return f"set -- {shlex.quote(str(path.parent))} {shlex.quote(str(path))}\n{_PROGRAM}"


def read(output: bytes, runtime: str) -> Topology:
    """The topology in the program's output; raises CheckFailed where it could not list the folders."""
    names, separator, rest = output.decode(errors="replace").partition("\0")
    if not separator:
        raise CheckFailed(
            "TOPOLOGY_UNREADABLE",
            f"the folders beside {runtime} on the host cannot be listed",
            "Make sure that the user may read them (HA_SSH_SUDO=yes for non-root users).",
        )
    return Topology(tuple(names.strip("\n").splitlines()), tuple(_claims(rest)))


def look_over(transport: Transport, runtime: str, *, sudo: bool) -> Topology:
    """Reads the topology by one command on the host."""
    prefix = ("sudo", "-n") if sudo else ()
    done = transport.run([*prefix, "sh", "-c", program(runtime)], deadline=DEADLINE)
    return read(done.out, runtime)


def look_mounted(runtime: Path) -> Topology:
    """Reads the topology of a mounted share."""
    claims: list[tuple[str, str]] = []
    for folder, below, files in os.walk(runtime.parent):
        below[:] = [name for name in below if not name.startswith(".") and name != "rootfs"]
        for name in files:
            if name in CONFIGS:
                text = Path(folder, name).read_text(encoding="utf-8", errors="replace")
                found = _SLUG.search(text)
                if found:
                    where = Path(folder).relative_to(runtime.parent).as_posix()
                    claims.append((where, found.group(1)))
    return Topology(tuple(sorted(item.name for item in runtime.iterdir())), tuple(claims))


def _claims(text: str) -> list[tuple[str, str]]:
    claims = []
    for line in text.splitlines():
        path, _, said = line.partition(":")
        found = _SLUG.search(said)
        if found:
            claims.append((PurePosixPath(path).parent.as_posix(), found.group(1)))
    return claims
