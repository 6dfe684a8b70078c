"""One schedule from its seed: the scene, the users, the faults; and the laws that it must keep."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.sim.choices import Choices
from tests.sim.faults import Wire
from tests.sim.laws import OTHER, Broken, Laws
from tests.sim.releases import ReleaseStory, Store, Template
from tests.sim.scene import FOLDER, NEIGHBOUR, SLUG, VARIANTS, Workspaces
from tests.sim.tasks import Stuck, Tasks
from tests.sim.users import User
from tests.sim.wiring import wired, without_git
from tests.sim.world import Host, digest, forget

from bb8deploy.workspace.tree import STAMP

RELEASES = 50
"""One schedule of so many is about a release: its git is real, and takes its time."""
CHANCES = (0.0, 0.005, 0.02, 0.05)


@dataclass(frozen=True, slots=True)
class Result:
    """How a schedule ended; `failure` is empty if every law held. `taken` is its sparse table of choices."""

    seed: int
    failure: str
    taken: Mapping[int, int]
    calls: int
    tokens: int
    trace: tuple[str, ...] = ()


def play(
    seed: int, workspaces: Workspaces, *, replay: Mapping[int, int] | None = None, trace: bool = False
) -> Result:
    """Plays the schedule of a seed; with `replay`, only these choices differ from the ordinary course."""
    scratch = Path(tempfile.mkdtemp(dir=workspaces.root))
    choices = Choices(seed, replay)
    tasks = Tasks(choices, keep_trace=trace)
    host = Host(SLUG, FOLDER, {OTHER: NEIGHBOUR})
    laws = Laws(tasks, host)
    failure = ""
    story = Story(tasks, host, laws, workspaces, scratch)
    try:
        story.release() if choices.setup(RELEASES) == 0 else story.play()
    except (Broken, Stuck) as error:
        failure = f"{type(error).__name__}: {error}"
    finally:
        tasks.close()
        forget()
        shutil.rmtree(scratch, ignore_errors=True)
    return Result(seed, failure, dict(choices.taken), tasks.calls, len(laws.lines), tuple(tasks.trace))


@dataclass(slots=True)
class Story:
    """The order of events: a quiet first deploy, then everybody at once with faults, then a resume."""

    tasks: Tasks
    host: Host
    laws: Laws
    workspaces: Workspaces
    scratch: Path

    def play(self) -> None:
        """Plays it. Raises Broken or Stuck."""
        chance = CHANCES[self.tasks.choices.setup(len(CHANCES))]
        self.laws.may_be(None)
        for variant in VARIANTS:
            self.laws.may_be(variant.files())
        wire = Wire(self.tasks, self.host, 0.0, over_ssh=self.tasks.choices.setup(3) > 0)
        with wired(wire), without_git():
            first = User("ann", self.workspaces, self.scratch / "ann", self.laws, self.tasks)
            first.does("deploy", VARIANTS[0])
            self._run("the first deploy")
            wire.chance = chance
            self.host.on_start = lambda number: self.tasks.later(3.0, lambda: self.host.fail(number))
            users = [first, User("ben", self.workspaces, self.scratch / "ben", self.laws, self.tasks)]
            for user in users[: 1 + self.tasks.choices.setup(2)]:
                self._busy(user)
            if self.tasks.choices.setup(3) == 0:
                self.tasks.spawn("editor", self._edit, after=self._moment())
            self._run("everybody at once")
            wire.budget, wire.chance, self.host.disk_full = 0, 0.0, False
            for user in users:
                self._resume(user)
            self._quiet_end(first)

    def release(self) -> None:
        """A release with faults, and what is left of it. Raises Broken or Stuck."""
        wire = Wire(self.tasks, self.host, CHANCES[self.tasks.choices.setup(len(CHANCES))])
        site = Template.at(self.workspaces.root).copy(self.scratch)
        self.laws.may_be(None)
        self.laws.any_tree = True
        with wired(wire):
            store = Store(site / "store.git")
            ReleaseStory(self.tasks, self.host, self.laws, site, wire, store).play(self._run)

    def _busy(self, user: User) -> None:
        """Two commands of a user, one after the other."""
        names = ("deploy", "deploy", "deploy", "rollback", "verify", "sync")
        plan = [
            (names[self.tasks.choices.setup(len(names))], VARIANTS[self.tasks.choices.setup(len(VARIANTS))])
            for _ in range(1 + self.tasks.choices.setup(2))
        ]

        def commands() -> None:
            for command, variant in plan:
                user.carry_out(command, variant)

        self.tasks.spawn(f"{user.name}", commands)

    def _edit(self) -> None:
        """Somebody edits files in the app folder, some times."""
        for _ in range(1 + self.tasks.choices.setup(3)):
            self.tasks.call("edit a file")
            tree = dict(self.host.tree or {})
            tree["run.sh"] = tree.get("run.sh", b"") + b"# edited\n"
            self.laws.may_be({path: data for path, data in tree.items() if path != STAMP})
            self.host.folders[FOLDER], self.host.edited = tree, True
            self.tasks.sleep(self._moment())

    def _moment(self) -> float:
        """Some time later: between two calls, or while something is built or watched."""
        return (0.02, 0.02, 0.5)[self.tasks.choices.setup(3)] * self.tasks.choices.setup(40)

    def _resume(self, user: User) -> None:
        """A killed deploy is resumed, and ends in the state of an undisturbed one or says why not."""
        if user.begun is None or user.begun[0] != "deploy":
            return
        variant = user.begun[1]
        user.does("deploy", variant, resume=True)
        self._run(f"{user.name} resumes")
        last = user.ended[-1]
        if last.code == "RESUME_NOTHING" or not variant.works:
            return
        if "VERIFY_OK" not in last.tokens:
            raise Broken(f"a resumed deploy ended with {last.code}, exit {last.exit_code}")
        running = self.host.running()
        if running is None or digest(running.built) != digest(variant.files()):
            raise Broken("a resumed deploy does not run what it was to deploy")

    def _quiet_end(self, user: User) -> None:
        """Without faults, a deploy of a good version works, whatever went before, and is verified."""
        self.laws.at_the_end()
        user.does("deploy", VARIANTS[2])
        self._run("the last deploy")
        last = user.ended[-1]
        if "VERIFY_OK" not in last.tokens:
            raise Broken(f"the last deploy ended without VERIFY_OK: exit {last.exit_code} {last.code}")
        self.laws.at_the_end()

    def _run(self, part: str) -> None:
        self.tasks.note(f"--- {part}")
        self.tasks.run(self.laws.at_every_moment)
        for task in self.tasks.all:
            if task.error is not None:
                raise (
                    task.error
                    if isinstance(task.error, Broken)
                    else Broken(f"{task.name} ended with {type(task.error).__name__}: {task.error}")
                ) from task.error
        self.tasks.all.clear()
