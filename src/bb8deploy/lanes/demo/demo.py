"""The demo: a scratch clone of a workspace, an embedded host with a history, and a real release into it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bb8deploy.base.atomic_files import write_text
from bb8deploy.base.os_differences import handling, stop_signals
from bb8deploy.base.untrusted_json import JsonObject, json_object
from bb8deploy.catalogue.errors.tool import DEMO_NO_FOLDER, DEMO_NO_GIT, DEMO_NO_RECEIPT, DEMO_RUNNING
from bb8deploy.lanes.sync.plan_from_workspace import read_source
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import new_run_id
from bb8deploy.runs.tokens import CATALOGUE, Token
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.settings_table import KEYS
from bb8deploy.workspace.app_config import AddonInfo, read_addon
from bb8deploy.workspace.git import git, resolve
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP
from bb8deploy.workspace.versions.last_release import changed_since
from bb8deploy.workspace.versions.publish_layout import publishing_of

OPTIONS = {"simulate": True, "log_level": "debug"}
"""What a user without a robot would set, for an app that has these options."""
BRANCH = "main"
PLACES = 9
"""How many demos can run at the same time."""
CLONE_DEADLINE = 120.0
STOP_DEADLINE = 60.0
"""Seconds for the release to reach a safe state after Ctrl-C."""
_GIT_CONFIG = {
    "user.name": "bb8deploy demo",
    "user.email": "demo@localhost",
    "commit.gpgsign": "false",
    "tag.gpgsign": "false",
}


@dataclass(frozen=True, slots=True)
class Scratch:
    """The demo's places: the cloned workspace, the host's folder, the bare store."""

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

    @property
    def emptied(self) -> tuple[Path, ...]:
        """The folders that each demo removes before it begins."""
        return (self.workspace, self.host, self.store)

    @property
    def lock(self) -> Path:
        """The file that shows that a demo made the folders beside it."""
        return self.root / ".lock"


@contextmanager
def scratch(root: Path) -> Iterator[Scratch]:
    """An empty scratch folder in `root`; removes what an earlier demo left there.

    Raises Locked DEMO_RUNNING if another demo uses the folder, and CheckFailed DEMO_NO_FOLDER if it cannot be
    written, or if no demo made the folders in it that would be removed.
    """
    with _lock(root) as handle:
        if handle is None:
            raise DEMO_RUNNING(f"another demo runs in {root}")
        yield _emptied(root)


@contextmanager
def free_scratch(root: Path) -> Iterator[Scratch]:
    """The same in `root`, or beside it if another demo uses it: `demo-2`, `demo-3` and so on."""
    beside = [root.with_name(f"{root.name}-{number}") for number in range(2, PLACES)]
    for folder in (root, *beside):
        with _lock(folder) as handle:
            if handle is not None:
                yield _emptied(folder)
                return
    with scratch(root.with_name(f"{root.name}-{PLACES}")) as place:
        yield place


@contextmanager
def _lock(root: Path) -> Iterator[IO[str] | None]:
    """Holds the folder's lock; None if another process has it."""
    _require_ours(Scratch(root))
    try:
        root.mkdir(parents=True, exist_ok=True)
        handle = Scratch(root).lock.open("a")
    except OSError as error:
        raise DEMO_NO_FOLDER(
            f"the demo's scratch folder {root} cannot be written: {error.strerror}"
        ) from error
    with handle:
        yield handle if _take(handle) else None


def _take(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _require_ours(place: Scratch) -> None:
    foreign = [folder for folder in place.emptied if os.path.lexists(folder)]
    if foreign and not place.lock.exists():
        raise DEMO_NO_FOLDER(f"{foreign[0]} was not made by a demo, which would remove it")


def _emptied(root: Path) -> Scratch:
    place = Scratch(root)
    for folder in place.emptied:
        shutil.rmtree(folder, ignore_errors=True)
    return place


def clone(workspace: Path, place: Scratch) -> str:
    """Clones the workspace's HEAD as a branch of its own, and creates the empty repository to publish to.

    Returns the commit. Raises UsageError DEMO_NO_GIT if the workspace is not a git checkout with a commit.
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
    configure(place.workspace)
    return head


def configure(repository: Path) -> None:
    """Gives a repository of ours an author, and no need for the user's signing key."""
    for name, value in _GIT_CONFIG.items():
        git(repository, "config", name, value)


def options_for(app: AddonInfo) -> JsonObject:
    """The options that suit a demo, of those that the app has."""
    schema = app.raw.get("schema")
    known = schema if isinstance(schema, Mapping) else {}
    return {name: value for name, value in OPTIONS.items() if name in known}


@contextmanager
def stamped(place: Scratch, addon: Path, head: str) -> Iterator[None]:
    """Gives the app the stamp of a deploy while the host gets it: the demo's host has a history.

    Without it, the release would warn of files on the host that bb8deploy did not send.
    """
    app = read_source(addon, Ignore.of_workspace(place.workspace))
    stamp = Stamp(app.version, app.tree.digest, head, new_run_id())
    (addon / STAMP).write_bytes(stamp.data())
    try:
        yield
    finally:
        (addon / STAMP).unlink()


def change(place: Scratch, addon: Path) -> bool:
    """Commits a small change to the app if its content is released already, so that there is something to
    show. True if it did. The settings decide how its tags are named.
    """
    tags = publishing_of(place.workspace, addon, load(place.workspace, environ={})).tags
    if changed_since(place.workspace, addon, tags.of(read_addon(addon).version)):
        return False
    docs = addon / "DOCS.md"
    text = docs.read_text(encoding="utf-8") if docs.is_file() else ""
    write_text(docs, f"{text}\nThe demo changed this line, to have something to release.\n")
    git(place.workspace, "add", "--", str(docs))
    git(place.workspace, "commit", "--quiet", "--message", "Change a line for the demo")
    return True


def write_settings(place: Scratch, host: Mapping[str, str]) -> None:
    """Writes the host's address into the clone's `.env`, as a user would."""
    settings = {**host, "HA_PUBLISH_REMOTE": str(place.store), "HA_PUBLISH_BRANCH": BRANCH}
    text = "".join(f"{name}={_quoted(value)}\n" for name, value in settings.items())
    write_text(place.workspace / ".env", text, mode=0o600)


def release(place: Scratch, addon: Path, arguments: tuple[str, ...] = ()) -> int:
    """Runs the real `bb8deploy release patch` for the app in the clone; returns its exit code.

    It has its own process group: Ctrl-C reaches it once, through us, and it releases its locks before the
    host is stopped.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "release", "patch", "--addon", str(addon), *arguments],
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

    with handling(stop_signals(), pass_on):
        try:
            yield
        finally:
            killer.cancel()


def earned(place: Scratch) -> list[tuple[str, str, str]]:
    """Each token of the demo's release, its lane and its meaning, in the order in which they were emitted.

    Raises CheckFailed DEMO_NO_RECEIPT if the release left no contract.
    """
    try:
        run_id = _read(place.reports / "latest.json")["run_id"]
        contract = _read(place.reports / "runs" / run_id / "release_contract_v1.json")
    except (OSError, ValueError, KeyError) as error:
        raise DEMO_NO_RECEIPT(f"the demo's release left no contract in {place.reports}") from error
    meanings = [(Token(name), CATALOGUE[Token(name)]) for name in contract["tokens"]]
    return [(str(token), meaning.lane, meaning.observed) for token, meaning in meanings]


def _read(path: Path) -> JsonObject:
    return json_object(path.read_text(encoding="utf-8"))


def _environment() -> dict[str, str]:
    """Our environment without settings: only the clone's `.env` names a host."""
    ours = {name for key in KEYS for name in (key.name, *key.aliases)}
    return {name: value for name, value in os.environ.items() if name not in ours}


def _quoted(value: str) -> str:
    """A value quoted for `.env`, whatever it contains."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
