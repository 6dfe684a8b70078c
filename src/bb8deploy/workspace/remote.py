"""Git remotes: what they hold, pushes that never force, and their refusals in plain words."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, Refused, Unreachable, UsageError
from bb8deploy.workspace.git import call, lines_of

ASK_DEADLINE = 60.0
MOVE_DEADLINE = 600.0
_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s]+@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """What a remote said it has: each ref with its object; `peeled` has the commit of annotated tags."""

    refs: dict[str, str] = field(default_factory=dict)
    peeled: dict[str, str] = field(default_factory=dict)

    def branch(self, name: str) -> str:
        """The branch's tip, empty where there is no such branch."""
        return self.refs.get(f"refs/heads/{name}", "")

    def tag(self, name: str) -> str:
        """The commit that a tag stands for, empty where there is no such tag."""
        ref = f"refs/tags/{name}"
        return self.peeled.get(ref) or self.refs.get(ref, "")


class Moved(Refused):
    """The branch got a commit between the look and the push; look again and build upon it."""


def shown(remote: str) -> str:
    """A remote's name or address without user, password or token, fit for a log."""
    return _CREDENTIALS.sub(r"\g<scheme>", remote)


def ask(folder: Path, remote: str, branch: str, tag: str = "") -> RemoteRefs:
    """Reads a branch and a tag of the remote (`git ls-remote`)."""
    patterns = [f"refs/heads/{branch}", *([f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"] if tag else [])]
    text = _over_network(folder, remote, ASK_DEADLINE, "ls-remote", "--quiet", _guard(remote), *patterns)
    found = RemoteRefs()
    for line in text.splitlines():
        sha, _, ref = line.partition("\t")
        if ref.endswith("^{}"):
            found.peeled[ref.removesuffix("^{}")] = sha
        else:
            found.refs[ref] = sha
    return found


def fetch(folder: Path, remote: str, *refs: str) -> None:
    """Brings the objects of `refs` here; no ref, no FETCH_HEAD and no tracking branch changes."""
    quietly = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    _over_network(folder, remote, MOVE_DEADLINE, "-c", "gc.auto=0", "fetch", *quietly, _guard(remote), *refs)


def push(folder: Path, remote: str, targets: Sequence[tuple[str, str]]) -> None:
    """Pushes (object, ref) pairs, all or none, never by force.

    Raises Moved where a branch was not a fast-forward, Refused or Unreachable otherwise.
    """
    specs = [f"{sha}:{ref}" for sha, ref in targets]
    quietly = ("--atomic", "--porcelain", "--no-follow-tags", "--recurse-submodules=no")
    _over_network(folder, remote, MOVE_DEADLINE, "push", *quietly, _guard(remote), *specs)


def upstream(folder: Path, branch: str) -> tuple[str, str]:
    """The remote and branch that `branch` follows, both empty where it follows none."""
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
        raise UsageError(
            "REMOTE_INVALID",
            f"`{shown(remote)}` cannot be a remote",
            "Set HA_PUBLISH_REMOTE to a remote's name, a path or a URL.",
        )
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


# What git, ssh and the forges say, most telling first. (pattern, code, cause, remedy, error class)
_SAYINGS: tuple[tuple[str, str, str, str, type[Bb8Error]], ...] = (
    (
        r"non-fast-forward|fetch first|stale info|incorrect old value|cannot lock ref",
        "REMOTE_MOVED",
        "{remote} got another commit meanwhile",
        "Run the command again: it builds upon what is there.",
        Moved,
    ),
    (
        r"protected branch|GH006|pre-receive hook declined|hook declined|not allowed to (force )?push",
        "REMOTE_PROTECTED",
        "{remote} is guarded and refused the push",
        "Allow your account to push to the branch in the remote's settings, or set HA_PUBLISH_BRANCH.",
        Refused,
    ),
    (
        r"already exists",
        "TAG_EXISTS",
        "{remote} already has that tag with other content",
        "Release a new version (`bb8deploy release patch`); a published tag is never moved.",
        Refused,
    ),
    (
        r"does not support --atomic",
        "REMOTE_NOT_ATOMIC",
        "{remote} cannot take branch and tag in one step",
        "Use an ssh or smart-HTTP address of the remote.",
        Refused,
    ),
    (
        r"refusing to update checked out branch",
        "REMOTE_CHECKED_OUT",
        "{remote} is no bare repository and has the branch checked out",
        "Publish to a bare repository (`git init --bare`).",
        Refused,
    ),
    (
        (
            r"could not resolve host|connection (timed out|refused)|network is unreachable|no route to host"
            r"|failed to connect|operation timed out|could ?n.t connect"
        ),
        "REMOTE_UNREACHABLE",
        "{remote} could not be reached",
        "Check the network and the address in HA_PUBLISH_REMOTE.",
        Unreachable,
    ),
    (
        (
            r"permission denied|authentication failed|could not read (username|password)"
            r"|returned error: 40[13]|terminal prompts disabled|insufficient permission"
            r"|unable to write|unable to create temporary|read-only|access denied"
            r"|host key verification failed|dubious ownership"
        ),
        "REMOTE_DENIED",
        "{remote} did not let this account in",
        "Give git the right credentials (ssh key or credential helper); try `git ls-remote` by hand.",
        Refused,
    ),
    (
        (
            r"does not appear to be a git repository|repository .*not found|not found"
            r"|no such file or directory|does not exist|unable to access"
        ),
        "REMOTE_NOT_FOUND",
        "{remote} is no git repository that can be read",
        "Correct HA_PUBLISH_REMOTE, or create the repository first.",
        Unreachable,
    ),
)


def _refusal(remote: str, done: subprocess.CompletedProcess[bytes]) -> Bb8Error:
    """What went wrong, from what git and the remote said; never with the address's credentials."""
    said = [shown(line) for line in (*lines_of(done.stdout), *lines_of(done.stderr))]
    text = "\n".join(said)
    for pattern, code, cause, remedy, kind in _SAYINGS:
        if re.search(pattern, text, re.IGNORECASE):
            return kind(code, cause.format(remote=shown(remote)), remedy, details=said[-12:])
    last = said[-1] if said else "it said nothing"
    remedy = "Try the same with git by hand; its words stand above."
    return Refused("REMOTE_REFUSED", f"{shown(remote)}: {last}", remedy, details=said[-12:])
