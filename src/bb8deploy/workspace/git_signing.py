"""Signatures of git: whether the user signs tags and commits, a test of the key, and signed tag objects."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.errors.ship.git import GIT_CANNOT_SIGN
from bb8deploy.workspace import git as g
from bb8deploy.workspace.git import Commit

TAGS, COMMITS = "tag.gpgSign", "commit.gpgSign"


def signs(folder: Path, setting: str) -> bool:
    """True if git's configuration asks for signatures; `setting` is TAGS or COMMITS."""
    done = g.call(folder, "config", "--type=bool", "--get", setting)
    return done.stdout.strip() == b"true"


def require_key(folder: Path, *settings: str) -> None:
    """Signs an object for a test if one of `settings` is on; raises UsageError GIT_CANNOT_SIGN if that fails.

    The object is written to a scratch folder, so that the repository stays as it is.
    """
    wanted = [setting for setting in settings if signs(folder, setting)]
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as scratch:
        beside = {
            "GIT_OBJECT_DIRECTORY": scratch,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(_git_path(folder, "objects")),
        }
        done = g.call(folder, "commit-tree", "-S", "HEAD^{tree}", "-m", "Test of the key", extra=beside)
    if done.returncode:
        raise GIT_CANNOT_SIGN(
            f"{wanted[0]} is on, but git cannot sign with your key", details=g.lines_of(done.stderr)[-6:]
        )


def write_tag(folder: Path, name: str, target: str, like: Commit, message: str) -> str:
    """Writes an annotated tag object of commit `target` without any ref; signed if the user signs tags."""
    if signs(folder, TAGS):
        return _signed(folder, name, target, like, message)
    return g.write_tag(folder, name, target, like, message)


def _signed(folder: Path, name: str, target: str, like: Commit, message: str) -> str:
    """git itself makes the tag, with the keys of `folder`'s configuration, in a repository that is thrown
    away; only the tag object goes into `folder`.
    """
    who = like.committer
    person = {
        "GIT_COMMITTER_NAME": who.name or who.email,
        "GIT_COMMITTER_EMAIL": who.email,
        "GIT_COMMITTER_DATE": f"@{who.when}",
        "GIT_OBJECT_DIRECTORY": str(_git_path(folder, "objects")),
    }
    keys = ("-c", f"include.path={_git_path(folder, 'config')}", "-c", "core.hooksPath=/dev/null")
    with tempfile.TemporaryDirectory() as scratch:
        g.git(Path(scratch), "init", "-q", "--bare")
        words = ("tag", "-s", "--cleanup=verbatim", "-F", "-", "--", name, target)
        g.git(Path(scratch), *keys, "-c", "core.bare=true", *words, stdin=message.encode(), extra=person)
        return g.git(Path(scratch), "rev-parse", f"refs/tags/{name}", extra=person)


def _git_path(folder: Path, name: str) -> Path:
    return real_path(folder / g.git(folder, "rev-parse", "--git-path", name))
