"""A workspace in a scratch folder, a bare repository to publish to, and runs that record what they say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run, new_run_id
from bb8deploy.runs.tokens import Ledger
from bb8deploy.settings.load_settings import load

CONFIG = """# What the Supervisor reads.
name: Demo
version: "2026.1.2.0"  # moved by the release
slug: demo
description: A demo
init: false
arch:
  - amd64

# Stays above build.
build:
  dockerfile: Dockerfile

options:
  enable_echo: true
schema:
  enable_echo: bool
"""
DOCKERFILE = """ARG BUILD_FROM=ghcr.io/home-assistant/base:3.22
FROM ${BUILD_FROM}
COPY run.sh /run.sh
ENTRYPOINT []
CMD ["/run.sh"]
"""
REPOSITORY = "name: Demo\nurl: https://example.org/demo\nmaintainer: Somebody\n"


@dataclass
class Recorder:
    """A Progress that keeps what it was told."""

    notes: list[str] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        self.notes.append(f"step {name}")
        yield

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.notes.append(f"warning {text}")


def sh(folder: Path, *words: str, check: bool = True, **extra: str) -> str:
    """Runs a command in a folder and gives its standard output."""
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **extra}
    )
    if check and done.returncode:
        raise AssertionError(f"{words} failed: {done.stderr}")
    return done.stdout.rstrip("\n")


@dataclass
class Desk:
    """A workspace `root` and the bare repository `store` that it publishes to."""

    root: Path
    store: Path
    recorders: list[Recorder] = field(default_factory=list)

    @property
    def addon(self) -> Path:
        return self.root / "addon"

    def git(self, *words: str, check: bool = True) -> str:
        return sh(self.root, "git", *words, check=check)

    def at_store(self, *words: str, check: bool = True) -> str:
        return sh(self.store, "git", *words, check=check)

    def commit(self, path: str, text: str, message: str) -> str:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    @property
    def recorder(self) -> Recorder:
        """What the newest run was told."""
        return self.recorders[-1]

    def run(
        self, settings: Mapping[str, str] | None = None, *, remote: str | None = None, dry_run: bool = False
    ) -> Run:
        """A fresh run; `remote` replaces the store as HA_PUBLISH_REMOTE."""
        flags = {"HA_PUBLISH_REMOTE": str(self.store) if remote is None else remote, **(settings or {})}
        self.recorders.append(Recorder())
        run_id, reports = new_run_id(), self.root / "reports"
        return Run(
            id=run_id,
            command="publish",
            workspace=self.root,
            addon=self.addon,
            settings=load(self.root, environ={}, flags=flags),
            reports=reports,
            ledger=Ledger(run_id, reports),
            journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
            progress=self.recorders[-1],
            dry_run=dry_run,
        )

    def refs(self) -> str:
        """Every ref of the workspace and the files that differ: what a refusal must leave as it was."""
        return self.git("for-each-ref") + self.git("status", "--porcelain") + self.git("rev-parse", "HEAD")


def isolate_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of this machine or of a hook that runs these tests reaches their repositories."""
    config = folder / "gitconfig"
    config.write_text(
        "[user]\nname = Zoë Ångström\nemail = zoe@example.org\n[init]\ndefaultBranch = main\n"
        "[safe]\ndirectory = *\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)


def make_desk(folder: Path) -> Desk:
    """A committed workspace and an empty bare repository."""
    made = Desk(folder / "work", folder / "store.git")
    made.root.mkdir()
    made.git("init", "-q")
    sh(folder, "git", "init", "-q", "--bare", str(made.store))
    (made.root / ".gitignore").write_text("reports/\n")
    made.addon.mkdir()
    (made.addon / "Dockerfile").write_text(DOCKERFILE)
    (made.addon / "repository.yaml").write_text(REPOSITORY)
    (made.addon / "run.sh").touch(mode=0o755)
    made.commit("addon/CHANGELOG.md", "# Changelog\n\n## 2026.1.2.0\n\n- First words\n", "Begin")
    made.commit("addon/run.sh", "#!/bin/sh\nexec true\n", "Run")
    made.commit("addon/config.yaml", CONFIG, "Größe zählt: describe the app")
    return made
