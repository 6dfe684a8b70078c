"""The demo: a scratch clone of the workspace, an embedded host with a history, and a real release into it."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb8deploy.base.atomic import write_text
from bb8deploy.catalogue.errors.tool import DEMO_NO_GIT, DEMO_NO_RECEIPT, DEMO_RUNNING
from bb8deploy.runs.tokens import CATALOGUE, Token
from bb8deploy.settings.keys import KEYS
from bb8deploy.workspace.addon import read_addon
from bb8deploy.workspace.git import git, resolve

OPTIONS = {"simulate": True, "log_level": "debug"}
"""What a user without a robot would set; everything else is the add-on's own default."""
BRANCH = "main"
CLONE_DEADLINE = 120.0
STOP_DEADLINE = 60.0
"""Seconds for the release to reach a safe state after Ctrl-C."""
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Scratch:
    """The demo's places: the cloned workspace, the host's folder, the bare add-on repository."""

    root: Path

    @property
    def workspace(self) -> Path:
        """The clone that is released."""
        return self.root / "workspace"

    @property
    def host(self) -> Path:
        """The embedded host's file system."""
        return self.root / "host"

    @property
    def store(self) -> Path:
        """The bare repository that is published to."""
        return self.root / "addon-repository.git"

    @property
    def reports(self) -> Path:
        """The receipts of the demo's release."""
        return self.workspace / "reports"


@contextmanager
def scratch(root: Path) -> Iterator[Scratch]:
    """An empty scratch folder of our own; what an earlier demo left there is gone.

    Raises Locked DEMO_RUNNING where another demo is at work in it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / ".lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DEMO_RUNNING(f"another demo is at work in {root}") from error
        for place in (Scratch(root).workspace, Scratch(root).host, Scratch(root).store):
            shutil.rmtree(place, ignore_errors=True)
        yield Scratch(root)


def clone(workspace: Path, place: Scratch) -> str:
    """Clones the workspace's HEAD as a branch of its own, and makes the empty repository to publish to.

    Returns the commit. Raises UsageError DEMO_NO_GIT where the workspace is no clone with a commit.
    """
    head = resolve(workspace, "HEAD")
    if not head:
        raise DEMO_NO_GIT(f"{workspace} is not a git checkout with a commit, so there is nothing to release")
    bare = ("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(place.store))
    git(place.root, *bare)
    copy = ("clone", "--quiet", "--no-checkout", str(workspace), str(place.workspace))
    git(place.root, *copy, deadline=CLONE_DEADLINE)
    git(place.workspace, "checkout", "--quiet", "--no-track", "-B", BRANCH, head, deadline=CLONE_DEADLINE)
    git(place.workspace, "remote", "remove", "origin")
    git(place.workspace, "config", "user.name", "bb8deploy demo")
    git(place.workspace, "config", "user.email", "demo@localhost")
    return head


def change(place: Scratch) -> bool:
    """Commits a small change to the add-on where its content is tagged as its version: that is released
    already, and nothing would be left to show. True where it did.
    """
    addon = place.workspace / "addon"
    version = read_addon(addon).version
    if resolve(place.workspace, f"refs/tags/{version}:addon") != resolve(place.workspace, "HEAD:addon"):
        return False
    docs = addon / "DOCS.md"
    text = docs.read_text(encoding="utf-8") if docs.is_file() else ""
    write_text(docs, f"{text}\nThe demo changed this line, to have something to release.\n")
    git(place.workspace, "add", "--", str(docs))
    git(place.workspace, "commit", "--quiet", "--message", "Change a line for the demo")
    return True


def write_settings(place: Scratch, host: Mapping[str, str]) -> None:
    """Tells the clone where its host is, in `.env`, as a user would."""
    settings = {**host, "HA_PUBLISH_REMOTE": str(place.store), "HA_PUBLISH_BRANCH": BRANCH}
    text = "".join(f"{name}={_quoted(value)}\n" for name, value in settings.items())
    write_text(place.workspace / ".env", text, mode=0o600)


def release(place: Scratch, arguments: tuple[str, ...] = ()) -> int:
    """Runs the real `bb8deploy release patch` in the clone; returns its exit code.

    It has a process group of its own, so that a Ctrl-C reaches it once, through us, and it lets go of what
    it holds before the host is taken away.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "release", "patch", *arguments],
        cwd=place.workspace,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        process_group=0,
    )
    with _passing_signals_on(process):
        return process.wait()


@contextmanager
def _passing_signals_on(process: subprocess.Popen[bytes]) -> Iterator[None]:
    killer = threading.Timer(STOP_DEADLINE, process.kill)

    def pass_on(_number: int, _frame: object) -> None:
        if killer.ident is None:
            process.terminate()
            killer.start()

    before = {number: signal.signal(number, pass_on) for number in _ENDINGS}
    try:
        yield
    finally:
        killer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def earned(place: Scratch) -> list[tuple[str, str, str]]:
    """Each token of the demo's release, its lane, and what it stands for, in the order of their giving.

    Raises CheckFailed DEMO_NO_RECEIPT where the release left no contract.
    """
    try:
        run_id = _read(place.reports / "latest.json")["run_id"]
        contract = _read(place.reports / "runs" / run_id / "release_contract_v1.json")
    except (OSError, ValueError, KeyError) as error:
        raise DEMO_NO_RECEIPT(f"the demo's release left no contract in {place.reports}") from error
    meanings = [(Token(name), CATALOGUE[Token(name)]) for name in contract["tokens"]]
    return [(str(token), meaning.lane, meaning.observed) for token, meaning in meanings]


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _environment() -> dict[str, str]:
    """Ours without any setting: the clone's `.env` alone says which host there is."""
    ours = {name for key in KEYS for name in (key.name, *key.aliases)}
    return {name: value for name, value in os.environ.items() if name not in ours}


def _quoted(value: str) -> str:
    """A value as `.env` holds it whatever it contains."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
