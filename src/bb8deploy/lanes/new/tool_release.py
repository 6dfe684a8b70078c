"""Finds the commit of bb8deploy that runs here, so that the CI of a new app can use exactly that one."""

from __future__ import annotations

import importlib.metadata
import shutil
from dataclasses import dataclass
from pathlib import Path

from bb8deploy import __version__
from bb8deploy.base.untrusted_json import json_object, object_in
from bb8deploy.workspace import git as g

_ROOT = Path(__file__).parents[3]
"""`src/` of a checkout of bb8deploy, or site-packages."""


@dataclass(frozen=True, slots=True)
class ToolRelease:
    """The version of bb8deploy, and its commit; the tag of the version if the commit is not known."""

    version: str
    commit: str


def this_release() -> ToolRelease:
    """The release that runs: by what pip recorded, else by the git checkout that it runs from."""
    return ToolRelease(__version__, recorded_commit(_direct_url()) or _checkout() or __version__)


def recorded_commit(direct_url: str) -> str:
    """The commit in a direct_url.json of pip (PEP 610); empty if pip did not install from git."""
    return str(object_in(json_object(direct_url).get("vcs_info")).get("commit_id", ""))


def _direct_url() -> str:
    try:
        return importlib.metadata.distribution("bb8deploy").read_text("direct_url.json") or ""
    except importlib.metadata.PackageNotFoundError:
        return ""


def _checkout() -> str:
    """HEAD if the package is in src/ of a checkout; a checkout around site-packages is another project's."""
    if _ROOT.name != "src" or not (_ROOT.parent / ".git").exists() or shutil.which("git") is None:
        return ""
    done = g.call(_ROOT.parent, "rev-parse", "HEAD")
    return "" if done.returncode else done.stdout.decode().strip()
