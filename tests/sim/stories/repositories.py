"""Real git for a schedule: a workspace with the app, and the store that it is published to."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.sim.engine.tasks import Broken
from tests.sim.stories.scene import VARIANTS, Variant

REPOSITORY = "name: Sim\nurl: https://example.org/sim\nmaintainer: The Simulation\n"
ECHO = "options:\n  enable_echo: true\nschema:\n  enable_echo: bool\n"
GIT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Sim" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "sim@example.org" for who in ("AUTHOR", "COMMITTER")},
}


def git(folder: Path, *words: str, stdin: bytes = b"", extra: dict[str, str] | None = None) -> str:
    """The output of a git command that must work."""
    command = ["git", "-C", str(folder), *words]
    env = {**GIT, **(extra or {})}
    return (
        subprocess.run(command, capture_output=True, check=True, env=env, input=stdin).stdout.decode().strip()
    )


def write_app(work: Path, variant: Variant, *, beside: str = "addon") -> None:
    """Makes the app's folder in `work` a variant. What a store wants is in the folder `beside` it."""
    addon = work / "addon"
    addon.mkdir(parents=True, exist_ok=True)
    for path, data in variant.files().items():
        (addon / path).write_bytes(data + (ECHO.encode() if path == "config.yaml" else b""))
        (addon / path).chmod(0o755 if path == "run.sh" else 0o644)
    (work / beside / "repository.yaml").write_text(REPOSITORY)
    (addon / "CHANGELOG.md").write_text(f"# Changelog\n\n## {variant.version}\n\n- {variant.text}\n")


def template(root: Path, beside: str = "addon") -> Path:
    """A workspace with one commit and an empty store below `root`, made at the first call."""
    folder = root / f"template{beside}"
    if folder.is_dir():
        return folder
    work = folder / "work"
    write_app(work, VARIANTS[0], beside=beside)
    (work / ".gitignore").write_text("reports/\n.env*\n")
    git(work, "init", "-q", "-b", "main")
    commit(work, "Begin")
    git(folder, "init", "-q", "--bare", "-b", "main", "store.git")
    return folder


def copied(site: Path) -> Path:
    """A copy of a workspace and its store for one schedule."""
    scratch = Path(tempfile.mkdtemp(dir=site.parent, prefix="site-"))
    shutil.copytree(site, scratch, symlinks=True, dirs_exist_ok=True)
    return scratch


def commit(work: Path, subject: str) -> str:
    """Commits everything."""
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", subject)
    return git(work, "rev-parse", "HEAD")


def files_of(folder: Path, ref: str) -> dict[str, str]:
    """The files of a ref or tree with their objects."""
    rows = (row.split(None, 3) for row in git(folder, "ls-tree", "-r", ref).splitlines())
    return {row[3]: row[2] for row in rows}


@dataclass(slots=True)
class Store:
    """The remote of the app: its branch only goes forward, and its tags do not move.

    `edits` are the files that others have pushed into it, with their objects.
    """

    folder: Path
    refs: dict[str, str] = field(default_factory=dict)
    edits: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Raises Broken if a ref went back or away, or if an edit of others was overwritten."""
        rows = git(self.folder, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        now = dict(row.split() for row in rows)
        for ref, before in self.refs.items():
            after = now.get(ref)
            if after == before:
                continue
            if after is None or ref.startswith("refs/tags/") or not self._forward(before, after):
                raise Broken(f"{ref} went from {before} to {after}")
        self.refs = now
        self._keeps_edits()

    def _forward(self, before: str, after: str) -> bool:
        words = ["git", "-C", str(self.folder), "merge-base", "--is-ancestor", before, after]
        return subprocess.run(words, check=False, env=GIT).returncode == 0

    def _keeps_edits(self) -> None:
        files = self.files() if self.edits else {}
        for path, blob in self.edits.items():
            if files.get(path) != blob:
                raise Broken(f"{path}, which was edited in the store, was overwritten")

    def files(self, ref: str = "main") -> dict[str, str]:
        """The files of a ref with their objects."""
        return files_of(self.folder, ref)

    def edit(self, path: str, data: bytes) -> None:
        """Another user commits a file and pushes it."""
        blob = git(self.folder, "hash-object", "-w", "--stdin", stdin=data)
        self._put(f"100644 {blob}\t{path}", "Edit by hand")
        self.edits[path] = blob
        self.look()

    def _put(self, row: str, subject: str) -> None:
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as scratch:
            index = {"GIT_INDEX_FILE": f"{scratch}/index"}
            git(self.folder, "read-tree", "main", extra=index)
            git(self.folder, "update-index", "--index-info", stdin=f"{row}\n".encode(), extra=index)
            tree = git(self.folder, "write-tree", extra=index)
        made = git(self.folder, "commit-tree", tree, "-p", "main", "-m", subject)
        git(self.folder, "update-ref", "refs/heads/main", made)

    def tag(self, name: str) -> None:
        """Another user tags the tip, and pushes the tag; one that is there stays."""
        if f"refs/tags/{name}" not in self.refs:
            git(self.folder, "tag", name, "main")
        self.look()
