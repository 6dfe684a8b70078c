"""Releases and publications on the simulated host: real git repositories, a remote that loses calls."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

from tests.sim.faults import Wire
from tests.sim.laws import Broken, Laws
from tests.sim.scene import FOLDER, VARIANTS
from tests.sim.tasks import Tasks
from tests.sim.users import Quiet
from tests.sim.world import Host

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.release import closing
from bb8deploy.lanes.release import release as release_lane
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions
from bb8deploy.lanes.release.release import continue_release, release
from bb8deploy.lanes.release.resume import find_unfinished, reopen
from bb8deploy.lanes.release.wiring import real_lanes
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Ledger, Line
from bb8deploy.settings.load import load
from bb8deploy.workspace import remote

REPOSITORY = "name: Sim\nurl: https://example.org/sim\nmaintainer: The Simulation\n"
CHANGELOG = "# Changelog\n\n## 1.0.0\n\n- First\n"
GIT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "Sim" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "sim@example.org" for who in ("AUTHOR", "COMMITTER")},
}


def git(folder: Path, *words: str) -> str:
    """The output of a git command that must work."""
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=GIT).stdout.strip()


@dataclass(slots=True)
class Template:
    """A workspace with one commit and a remote of the app, made once and copied for each schedule."""

    folder: Path

    @classmethod
    def at(cls, root: Path) -> Template:
        """The template below `root`, made at the first call."""
        folder = root / "template"
        if folder.is_dir():
            return cls(folder)
        addon = folder / "work" / "addon"
        addon.mkdir(parents=True)
        for path, data in VARIANTS[0].files().items():
            (addon / path).write_bytes(data)
            (addon / path).chmod(0o755 if path == "run.sh" else 0o644)
        (addon / "repository.yaml").write_text(REPOSITORY)
        (addon / "CHANGELOG.md").write_text(CHANGELOG)
        work = folder / "work"
        (work / ".gitignore").write_text("reports/\n.env*\n")
        git(work, "init", "-q", "-b", "main")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "Begin")
        git(folder, "init", "-q", "--bare", "-b", "main", "store.git")
        return cls(folder)

    def copy(self, scratch: Path) -> Path:
        """A copy for one schedule."""
        return Path(shutil.copytree(self.folder, scratch / "site", symlinks=True))


@dataclass(slots=True)
class Store:
    """The remote of the app: its branch only goes forward, and its tags do not move."""

    folder: Path
    refs: dict[str, str] = field(default_factory=dict)

    def look(self) -> None:
        """Raises Broken if a ref went back or away."""
        rows = git(self.folder, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        now = dict(row.split() for row in rows)
        for ref, before in self.refs.items():
            after = now.get(ref)
            if after == before:
                continue
            if after is None or ref.startswith("refs/tags/") or not self._forward(before, after):
                raise Broken(f"{ref} went from {before} to {after}")
        self.refs = now

    def _forward(self, before: str, after: str) -> bool:
        words = ["git", "-C", str(self.folder), "merge-base", "--is-ancestor", before, after]
        return subprocess.run(words, check=False, env=GIT).returncode == 0


@dataclass(slots=True)
class ReleaseStory:
    """One user releases and publishes, is killed, and resumes; the app's tests and the echo are left out."""

    tasks: Tasks
    host: Host
    laws: Laws
    site: Path
    wire: Wire
    store: Store
    runs: int = 0
    last: Bb8Error | None = None

    def play(self, run: Callable[[str], None]) -> None:
        """Plays it; `run` lets the tasks run. Raises Broken."""
        with self._wired():
            self.tasks.spawn("ann release", lambda: self._command(self._release))
            run("a release")
            self._check_store()
            self.wire.budget, self.wire.chance, self.host.disk_full = 0, 0.0, False
            self.tasks.spawn("ann resumes", lambda: self._command(self._resume))
            run("it is resumed")
            self.tasks.spawn("ann releases again", lambda: self._command(self._release))
            run("it is released if it was not")
            self._check_end()

    @property
    def work(self) -> Path:
        """The workspace."""
        return self.site / "work"

    def _run(self, command: str) -> Run:
        self.runs += 1
        run_id, reports = f"20261126T{self.runs:06d}Z-ann", self.work / "reports"
        flags = {
            "HA_SSH_HOST_ALIAS": "sim",
            "HA_REMOTE_RUNTIME": f"/addons/{FOLDER}",
            "HA_PUBLISH_REMOTE": str(self.store.folder),
            "BB8_SETTLE_SECONDS": "5",
        }
        return Run(
            id=run_id,
            command=command,
            workspace=self.work,
            addon=self.work / "addon",
            settings=load(self.work, environ={}, flags=flags),
            reports=reports,
            ledger=Ledger(run_id, reports, listener=self._token),
            journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
            progress=Quiet(),
            assume_yes=True,
        )

    def _command(self, body: Callable[[], None]) -> None:
        self.last = None
        try:
            body()
        except Bb8Error as error:
            self.last = error
            self.tasks.note(f"ended: {error.code}: {error.cause} {error.details}")

    def _release(self) -> None:
        run = self._run("release patch")
        run.ledger.begin("release")
        release(run, "patch", ReleaseOptions(), self._lanes())

    def _resume(self) -> None:
        past = find_unfinished(self.work / "reports")
        run = reopen(self._run("release --resume"), past)
        continue_release(run, past, self._lanes())

    def _lanes(self) -> Lanes:
        real = real_lanes()
        return replace(real, validate=_no_tests, attest=_none)

    def _token(self, line: Line) -> None:
        self.laws.token(line)
        if line.kind == "TOKEN" and line.name == "SUBTREE_PUBLISH_OK":
            self._published(dict(line.fields)["ref"].rpartition("@")[2])

    def _published(self, commit: str) -> None:
        tip = git(self.store.folder, "rev-parse", "main")
        if not tip.startswith(commit):
            raise Broken(f"SUBTREE_PUBLISH_OK names {commit}, the branch is at {tip}")
        tree = git(self.store.folder, "rev-parse", "main^{tree}")
        if tree != git(self.work, "rev-parse", "HEAD:addon"):
            raise Broken("SUBTREE_PUBLISH_OK, but the published tree is not that of HEAD")

    def _check_store(self) -> None:
        self.store.look()

    def _check_end(self) -> None:
        """A release that was interrupted ends as an undisturbed one, or says why not."""
        self._check_store()
        if self.last is not None:
            raise Broken(f"the release after all faults ended with {self.last.code}: {self.last.cause}")
        version = git(self.work, "describe", "--tags", "--exact-match", "HEAD")
        subjects = git(self.work, "log", "--format=%s").splitlines()
        if subjects.count(f"Release {version}") != 1:
            raise Broken(f"the log is {subjects}")
        tree = git(self.work, "rev-parse", "HEAD:addon")
        for ref in ("main", version):
            if git(self.store.folder, "rev-parse", f"{ref}^{{tree}}") != tree:
                raise Broken(f"{ref} of the store does not hold the tree of HEAD")
        app = self.host.installed
        if app is None or (app.version, app.state) != (version, "started"):
            raise Broken(f"released is {version}, on the host is {app and (app.version, app.state)}")

    @contextlib.contextmanager
    def _wired(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for owner, name, new in (
                (remote, "call", _remote_call(self.wire, self.store, remote.call)),
                (release_lane, "_alone", lambda _run: contextlib.nullcontext()),
                (closing, "_report", lambda _run: ""),
            ):
                stack.enter_context(mock.patch.object(owner, name, new))
            stack.enter_context(mock.patch.dict(os.environ, GIT))
            yield


def _no_tests(_run: Run) -> None:
    """The app of the simulation has no tests."""


def _none(*_: Any) -> None:
    """Nothing is attested without a broker."""


def _remote_call(wire: Wire, store: Store, real: Callable[..., Any]) -> Callable[..., Any]:
    """git calls that reach the remote: each may be lost, before or after it took effect."""

    def call(folder: Path, *words: str, **kw: Any) -> Any:
        if words[0] not in {"ls-remote", "fetch", "push"}:
            return real(folder, *words, **kw)

        def effect() -> Any:
            done = real(folder, *words, **kw)
            if words[0] == "push":
                store.look()
            return done

        try:
            return wire.call(f"git {words[0]}", effect, ConnectionError)
        except ConnectionError:
            said = b"fatal: unable to access: Could not resolve host: example.org\n"
            return subprocess.CompletedProcess(["git", *words], 128, b"", said)

    return call
