"""Git as the workspace needs it: every call an argv list with a deadline, read back after writing."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.errors import CheckFailed, UsageError

LOCAL_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Head:
    """Where the workspace stands: the commit (empty before the first) and whether files differ."""

    commit: str
    dirty: bool


def git(folder: Path, *words: str, stdin: bytes = b"", deadline: float = LOCAL_DEADLINE) -> str:
    """Runs git in `folder` and gives its standard output without the last line end.

    Raises UsageError where git is missing, CheckFailed where it fails or overruns `deadline` seconds.
    """
    done = call(folder, *words, stdin=stdin, deadline=deadline)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise CheckFailed(
            "GIT_FAILED",
            f"`git {words[0]}` failed: {last[-1]}",
            "Run the same git command in the workspace to see more.",
            details=last,
        )
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")


def call(
    folder: Path, *words: str, stdin: bytes = b"", deadline: float = LOCAL_DEADLINE
) -> subprocess.CompletedProcess[bytes]:
    """Runs git and gives how it ended, whatever the exit code; it never asks on the terminal."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0"}
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *words],
            input=stdin,
            capture_output=True,
            timeout=deadline,
            env=environment,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError("GIT_MISSING", "git is not installed", "Install git and run again.") from error
    except subprocess.TimeoutExpired as error:
        raise CheckFailed(
            "GIT_TIMEOUT",
            f"`git {words[0]}` did not end within {deadline:.0f} s",
            "Check the network and the remote, then run again.",
        ) from error


def head_state(folder: Path) -> Head:
    """The commit of HEAD and whether tracked or new files differ; an empty commit outside a repository."""
    commit = call(folder, "rev-parse", "--verify", "-q", "HEAD")
    if commit.returncode:
        return Head("", dirty=True)
    status = git(folder, "status", "--porcelain", "--untracked-files=normal")
    return Head(commit.stdout.decode().strip(), dirty=bool(status))
