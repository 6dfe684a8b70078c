"""Releases and publications on the simulated host: real git repositories, a remote that loses calls."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from tests.sim.engine.tasks import Tasks
from tests.sim.engine.wire import Wire
from tests.sim.hosts.git_remote import remote_call
from tests.sim.hosts.world import Host
from tests.sim.laws import OTHER, Broken, Laws
from tests.sim.stories.repositories import GIT, Store, copied, git, template
from tests.sim.stories.scene import FOLDER, NEIGHBOUR, SLUG, Stage
from tests.sim.stories.users import Quiet
from tests.sim.wiring import wired

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.release import finish_release
from bb8deploy.lanes.release import release as release_lane
from bb8deploy.lanes.release.lane_calls import real_lanes
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions
from bb8deploy.lanes.release.release import continue_release, release
from bb8deploy.lanes.release.resume_release import find_unfinished, reopen
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Ledger, Line
from bb8deploy.settings.load_settings import load
from bb8deploy.workspace import git as git_module
from bb8deploy.workspace import git_remote


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

    @classmethod
    def at(cls, stage: Stage, tasks: Tasks, chance: float) -> ReleaseStory:
        """The story with a workspace and a store of its own."""
        host = Host(SLUG, FOLDER, {OTHER: NEIGHBOUR}, met=tasks.met)
        laws = Laws(tasks, host, any_tree=True)
        site = copied(template(stage.root))
        return cls(tasks, host, laws, site, Wire(tasks, host, chance), Store(site / "store.git"))

    def play(self) -> None:
        """Plays it. Raises Broken or Stuck."""
        try:
            with wired(self.wire, self.host) as self.laws.broker, self._wired():
                self._play()
        finally:
            shutil.rmtree(self.site, ignore_errors=True)

    def _play(self) -> None:
        self._part("a release", self._release)
        self._check_store()
        self.wire.quiet()
        self._part("it is resumed", self._resume)
        self._part("it is released if it was not", self._release)
        self._check_end()

    def _part(self, name: str, body: Callable[[], None]) -> None:
        self.tasks.spawn("ann", lambda: self._command(body))
        self.tasks.play(name, self.laws.at_every_moment)

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
            "BB8_VERIFY": "stamp",
            "MQTT_HOST": "sim",
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
        return replace(real_lanes(), validate=_no_tests)

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
        """A release that was interrupted ends as an undisturbed one, or the reason is reported."""
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
        calls = remote_call(self.wire, git_module.call, self.store.look)
        with contextlib.ExitStack() as stack:
            for owner, name, new in (
                (git_remote, "call", calls),
                (git_module, "call", calls),
                (release_lane, "alone", lambda _run: contextlib.nullcontext()),
                (finish_release, "_report", lambda _run: ""),
            ):
                stack.enter_context(mock.patch.object(owner, name, new))
            stack.enter_context(mock.patch.dict(os.environ, GIT))
            yield


def _no_tests(_run: Run) -> None:
    """The app of the simulation has no tests."""
