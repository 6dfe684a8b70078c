"""Git remotes: what they contain, pushes without force, and refusals in plain words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, Refused
from bb8deploy.catalogue.error_code import ErrorCode, first_sentence
from bb8deploy.catalogue.errors.ship.publish import (
    REMOTE_CHECKED_OUT,
    REMOTE_DENIED,
    REMOTE_INVALID,
    REMOTE_MOVED,
    REMOTE_NOT_ATOMIC,
    REMOTE_NOT_FOUND,
    REMOTE_PROTECTED,
    REMOTE_REFUSED,
    REMOTE_UNREACHABLE,
    TAG_EXISTS,
)
from bb8deploy.workspace.git import call, lines_of

ASK_DEADLINE = 60.0
MOVE_DEADLINE = 600.0
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s]+@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """What a remote has: each ref with its object; `peeled` has the commit of annotated tags.

    `default_branch` is empty if the remote is, or names a default branch that does not exist.
    """

    refs: dict[str, str] = field(default_factory=dict)
    peeled: dict[str, str] = field(default_factory=dict)
    default_branch: str = ""

    def branch(self, name: str) -> str:
        """The branch's tip, empty if there is no such branch."""
        return self.refs.get(f"refs/heads/{name}", "")

    def tag(self, name: str) -> str:
        """The commit of a tag, empty if there is no such tag."""
        ref = f"refs/tags/{name}"
        return self.peeled.get(ref) or self.refs.get(ref, "")

    def tag_object(self, name: str) -> str:
        """The object that a tag names, the commit itself for a lightweight one; empty if there is no tag."""
        return self.refs.get(f"refs/tags/{name}", "")


class Moved(Refused):
    """The branch got a commit between the read and the push; read it again and build on it."""

    def __init__(self, remote: str, details: Sequence[str]) -> None:
        remedy = first_sentence(REMOTE_MOVED.remedy)
        super().__init__(REMOTE_MOVED.code, f"{remote} got another commit meanwhile", remedy, details=details)


def shown(remote: str) -> str:
    """A remote's name or address without user, password or token, fit for a log."""
    return _CREDENTIALS.sub(r"\g<scheme>", remote)


def ask(folder: Path, remote: str, branch: str, tag: str = "") -> RemoteRefs:
    """Reads a branch and a tag of the remote (`git ls-remote`)."""
    tags = [f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"] if tag else []
    words = ("ls-remote", "--quiet", "--symref", _guard(remote), "HEAD", f"refs/heads/{branch}", *tags)
    text = _over_network(folder, remote, ASK_DEADLINE, *words)
    rows = [(sha, ref) for sha, _, ref in (line.partition("\t") for line in text.splitlines())]
    default = next((sha for sha, ref in rows if ref == "HEAD" and sha.startswith("ref: ")), "")
    objects = [(sha, ref) for sha, ref in rows if not sha.startswith("ref: ")]
    return RemoteRefs(
        refs={ref: sha for sha, ref in objects if not ref.endswith("^{}")},
        peeled={ref.removesuffix("^{}"): sha for sha, ref in objects if ref.endswith("^{}")},
        default_branch=default.removeprefix("ref: ").removeprefix("refs/heads/"),
    )


def fetch(folder: Path, remote: str, *refs: str) -> None:
    """Brings the objects of `refs` here; no ref, no FETCH_HEAD and no tracking branch changes."""
    quietly = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    _over_network(folder, remote, MOVE_DEADLINE, "-c", "gc.auto=0", "fetch", *quietly, _guard(remote), *refs)


def push(folder: Path, remote: str, targets: Sequence[tuple[str, str]]) -> None:
    """Pushes (object, ref) pairs, all or none, never by force.

    Raises Moved if a branch was not a fast-forward, Refused or Unreachable otherwise.
    """
    specs = [f"{sha}:{ref}" for sha, ref in targets]
    quietly = ("--atomic", "--porcelain", "--no-follow-tags", "--recurse-submodules=no")
    _over_network(folder, remote, MOVE_DEADLINE, "push", *quietly, _guard(remote), *specs)


def upstream(folder: Path, branch: str) -> tuple[str, str]:
    """The remote and branch that `branch` follows, both empty if it follows none."""
    remote = call(folder, "config", "--get", f"branch.{branch}.remote").stdout.decode().strip()
    merge = call(folder, "config", "--get", f"branch.{branch}.merge").stdout.decode().strip()
    return (remote, merge.removeprefix("refs/heads/")) if remote and merge else ("", "")


def contains(folder: Path, newer: str, older: str) -> bool:
    """Whether `older` is `newer` or one of its ancestors, as far as this repository knows."""
    return call(folder, "merge-base", "--is-ancestor", older, newer).returncode == 0


def address(folder: Path, remote: str) -> str:
    """Where a remote points, without credentials: the URL of a name, else the text itself."""
    done = call(folder, "remote", "get-url", "--", remote)
    return shown(done.stdout.decode().strip() if done.returncode == 0 else remote)


def _guard(remote: str) -> str:
    """Refuses a remote that git would read as an option or run as a command."""
    if remote.startswith(("-", "ext::")):
        raise REMOTE_INVALID(f"`{shown(remote)}` cannot be a remote")
    return remote


def _over_network(folder: Path, remote: str, deadline: float, *words: str) -> str:
    done = call(folder, *words, deadline=deadline, extra=_prompting(folder))
    if done.returncode:
        raise _refusal(remote, done)
    return done.stdout.decode(errors="replace")


def _prompting(folder: Path) -> dict[str, str]:
    """Only a person at a terminal is asked for a password; ssh waits no longer than that makes sense."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        return {"GIT_TERMINAL_PROMPT": "1"}
    if os.environ.get("GIT_SSH_COMMAND") or os.environ.get("GIT_SSH"):
        return {}
    own = call(folder, "config", "--get", "core.sshCommand").stdout.decode().strip()
    return {"GIT_SSH_COMMAND": f"{own or 'ssh'} -o BatchMode=yes -o ConnectTimeout=15"}


# What git, ssh and the forges print, the most specific first: pattern, error code, cause.
_SAYINGS: tuple[tuple[str, ErrorCode[Bb8Error], str], ...] = (
    (
        r"protected branch|GH006|pre-receive hook declined|hook declined|not allowed to (force )?push",
        REMOTE_PROTECTED,
        "{remote} is protected and refused the push",
    ),
    (r"already exists", TAG_EXISTS, "{remote} already has that tag with other content"),
    (
        r"does not support --atomic",
        REMOTE_NOT_ATOMIC,
        "{remote} cannot accept branch and tag in one step",
    ),
    (
        r"refusing to update checked out branch",
        REMOTE_CHECKED_OUT,
        "{remote} is not a bare repository and has the branch checked out",
    ),
    (
        (
            r"could not resolve host|connection (timed out|refused)|network is unreachable|no route to host"
            r"|failed to connect|operation timed out|could ?n.t connect"
        ),
        REMOTE_UNREACHABLE,
        "{remote} could not be reached",
    ),
    (
        (
            r"permission denied|authentication failed|could not read (username|password)"
            r"|returned error: 40[13]|terminal prompts disabled|insufficient permission"
            r"|unable to write|unable to create temporary|read-only|access denied"
            r"|host key verification failed|dubious ownership"
        ),
        REMOTE_DENIED,
        "{remote} refused this account",
    ),
    (
        (
            r"does not appear to be a git repository|repository .*not found|not found"
            r"|no such file or directory|does not exist|unable to access"
        ),
        REMOTE_NOT_FOUND,
        "{remote} is not a git repository that can be read",
    ),
)
_MOVED = re.compile(
    r"non-fast-forward|fetch first|stale info|incorrect old value|cannot lock ref", re.IGNORECASE
)


def _refusal(remote: str, done: subprocess.CompletedProcess[bytes]) -> Bb8Error:
    """The cause, from the output of git and the remote; never with the address's credentials."""
    said = [shown(line) for line in (*lines_of(done.stdout), *lines_of(done.stderr))]
    text, where = "\n".join(said), shown(remote)
    if _MOVED.search(text):
        return Moved(where, said[-12:])
    for pattern, code, cause in _SAYINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return code(cause.format(remote=where), details=said[-12:])
    return REMOTE_REFUSED(f"{where}: {said[-1] if said else 'it printed nothing'}", details=said[-12:])
