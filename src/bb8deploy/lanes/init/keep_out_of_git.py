"""Keeps a settings file out of git, and refuses secrets in one that git tracks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from bb8deploy.base.atomic_files import write_bytes
from bb8deploy.catalogue.errors.settings import ENV_IN_GIT
from bb8deploy.host.open_host import Tell
from bb8deploy.lanes.init.env_file import ignore_lines
from bb8deploy.workspace import git as g

Ignore = Callable[[Path], str]
"""Has git ignore the `.env` files of a folder; returns where they are listed now, in words."""


def for_everybody(root: Path) -> str:
    """Lists `.env` files in .gitignore, which belongs to the repository."""
    return _listed(root / ".gitignore", ".gitignore; commit that file")


def in_this_clone(root: Path) -> str:
    """Lists `.env` files in the clone's own list, so that the repository has no change to commit."""
    place = g.git(root, "rev-parse", "--git-path", "info/exclude")
    return _listed(root / place, place)


def keep_from_git(root: Path, name: str, tell: Tell, secrets: Collection[str], ignore: Ignore) -> None:
    """Has git ignore the file. Raises UsageError ENV_IN_GIT for secrets in a file that git takes anyway."""
    ignored = g.call(root, "check-ignore", "--quiet", "--no-index", name).returncode
    if ignored == 1:
        tell.note(f"added {name} to {ignore(root)}")
    if ignored == 128:
        return
    if g.call(root, "ls-files", "--error-unmatch", name).returncode == 0:
        if secrets:
            raise ENV_IN_GIT(f"git tracks {name}, so {', '.join(sorted(secrets))} would be committed with it")
        tell.warn(f"git tracks {name}: take it out with `git rm --cached {name}`, and renew its secrets")
    elif secrets and g.call(root, "check-ignore", "--quiet", "--no-index", name).returncode:
        raise ENV_IN_GIT(
            f"a rule in .gitignore includes {name} again, so {', '.join(sorted(secrets))} could leave"
        )


def _listed(path: Path, shown: str) -> str:
    """Adds the lines; git takes an ignore file as bytes, so what is there stays, in any encoding."""
    earlier = path.read_bytes().decode(errors="surrogateescape") if path.exists() else ""
    write_bytes(path, ignore_lines(earlier).encode(errors="surrogateescape"))
    return shown
