"""Several users deploy, roll back, verify and sync one app at once, are killed, and resume."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.sim.engine import disk
from tests.sim.engine.choices import Choices
from tests.sim.engine.swap import swapped
from tests.sim.engine.tasks import Tasks
from tests.sim.engine.wire import Wire
from tests.sim.hosts.world import Host, digest, written
from tests.sim.laws import OTHER, Broken, Laws
from tests.sim.stories.observers import options_swaps, pull_swaps
from tests.sim.stories.scene import (
    FOLDER,
    NEIGHBOUR,
    SLUG,
    VARIANTS,
    Snapshot,
    Stage,
    Variant,
    variant_digests,
)
from tests.sim.stories.users import User
from tests.sim.wiring import still_workspaces, wired

from bb8deploy.workspace.tree_digest import STAMP

COMMANDS = (
    *("deploy",) * 6,
    *("rollback",) * 2,
    *("verify", "sync", "attest", "remove", "options", "pull"),
)
PROOFS = (*("stamp",) * 6, "sealed", "running")
DIES_AFTER = (0.1, 0.3, 3.0)
"""Seconds from a start to the end of an app that dies later: before or after its report is looked at."""
Plan = list[tuple[str, int]]
"""Commands with the numbers of their variants."""


@dataclass(frozen=True, slots=True)
class Fate:
    """How likely a fault is, and which way the calls go."""

    chance: float
    over_ssh: bool


@dataclass(slots=True)
class DeployStory:
    """The order of events: mostly after a first deploy, everybody at once with faults; then a resume."""

    stage: Stage
    tasks: Tasks
    host: Host
    laws: Laws
    wire: Wire
    numbers: Iterator[int]

    @classmethod
    def at(cls, stage: Stage, tasks: Tasks, chance: float) -> DeployStory:
        """The story at the point from which a schedule plays it."""
        over_ssh, empty = tasks.choices.setup(3) > 0, tasks.choices.setup(8) == 0
        if empty:
            disk.put({})
            return cls._on(stage, tasks, _new_host(), Fate(chance, over_ssh), first=2)
        if over_ssh not in stage.begun:
            stage.begun[over_ssh] = _first_deploy(stage, over_ssh=over_ssh)
        snapshot = stage.begun[over_ssh]
        tasks.now = snapshot.now
        disk.put(snapshot.files)
        return cls._on(stage, tasks, snapshot.host.copy(), Fate(chance, over_ssh), first=2)

    @classmethod
    def _on(cls, stage: Stage, tasks: Tasks, host: Host, fate: Fate, first: int) -> DeployStory:
        host.met = tasks.met
        wire = Wire(tasks, host, fate.chance, over_ssh=fate.over_ssh)
        return cls(stage, tasks, host, Laws(tasks, host), wire, itertools.count(first))

    def play(self) -> None:
        """Plays it. Raises Broken or Stuck."""
        with self._scene():
            users = self._everybody()
            self._run("everybody at once")
            self.wire.quiet()
            self.host.builds_no_more = ""
            for user in users:
                self._resume(user)
            if self.tasks.choices.taken or self.tasks.choices.setup(4) == 0:
                self._quiet_end(users[0])

    def begin(self) -> Snapshot:
        """The first deploy. Raises Broken."""
        with self._scene():
            self._user("ann").does("deploy", VARIANTS[0])
            self._run("the first deploy")
        return Snapshot(self.host.copy(), disk.take(), self.tasks.now)

    def _run(self, part: str) -> None:
        self.tasks.play(part, self.laws.at_every_moment)

    @contextlib.contextmanager
    def _scene(self) -> Iterator[None]:
        self.laws.may_be(None)
        self.laws.trees |= variant_digests()
        dirty = ("run.sh",) if self.tasks.choices.setup(3) == 0 else ()
        seen = [*pull_swaps(self.laws, dirty), *options_swaps(self.laws)]
        with wired(self.wire, self.host) as self.laws.broker, still_workspaces(), swapped(seen):
            yield

    def _user(self, name: str) -> User:
        return User(name, self.stage, disk.reports(name), self.laws, self.tasks, self.numbers)

    def _everybody(self) -> list[User]:
        setup = self.tasks.choices.setup
        users = [self._user("ann"), self._user("ben")]
        self.host.timeless = setup(12) == 0
        for user in users:
            user.proof = "sealed" if self.host.timeless else PROOFS[setup(len(PROOFS))]
        self.host.on_start = lambda number: self.tasks.later(
            DIES_AFTER[number % len(DIES_AFTER)], lambda: self.host.fail(number)
        )
        for user in users[: 1 + setup(2)]:
            self._busy(user, [self._command() for _ in range(1 + setup(2))])
        if setup(3) == 0 or self.host.timeless:
            moments = [self._moment() for _ in range(2 + setup(3))]
            takes_back = setup(3) == 0 or self.host.timeless
            self.tasks.spawn("editor", lambda: self._edit(moments[1:], takes_back), after=moments[0])
        self.host.builds_no_more = digest(VARIANTS[0].files()) if setup(4) == 0 else ""
        return users

    def _command(self) -> tuple[str, int]:
        setup = self.tasks.choices.setup
        return COMMANDS[setup(len(COMMANDS))], setup(len(VARIANTS))

    def _busy(self, user: User, plan: Plan) -> None:
        """The commands of a user, one after the other."""

        def commands() -> None:
            for command, variant in plan:
                user.carry_out(command, self._on_host(variant) if command == "pull" else VARIANTS[variant])

        self.tasks.spawn(user.name, commands)

    def _on_host(self, number: int) -> Variant:
        """The variant that was sent to the host, else another one: only from that an edit can be pulled."""
        stamp = (self.host.tree or {}).get(STAMP, b"").decode(errors="replace")
        return next((one for one in VARIANTS if digest(one.files()) in stamp), VARIANTS[number])

    def _edit(self, pauses: list[float], takes_back: bool) -> None:
        """Another user edits a file in the app folder, and may take that back after a build."""
        for pause in pauses:
            self.tasks.call("edit a file")
            before = self.host.tree or {}
            was, as_sent = before.get("run.sh", b""), id(before) not in self.host.edits
            self._write(was + b"# edited\n")
            if takes_back:
                self._take_back(was, as_sent=as_sent)
            self.tasks.sleep(pause)

    def _take_back(self, was: bytes, *, as_sent: bool) -> None:
        """Undoes the newest edit once something was built, if that tree is still there."""
        edited = self.host.tree
        self._wait_for_a_build()
        self.tasks.call("take the edit back")
        if self.host.tree is edited:
            self._write(was)
            if as_sent and self.host.tree is not None:
                self.host.edits.pop(id(self.host.tree), None)

    def _write(self, data: bytes) -> None:
        """Writes run.sh, unless the app folder is missing, as it is between the two renames of a swap."""
        before = self.host.tree
        if before is None:
            return
        tree, was_back = written(before, "run.sh", data, self.tasks.now), bool(self.host.put_back)
        self.laws.may_be({path: data for path, data in tree.items() if path != STAMP})
        self.host.edits.pop(id(before), None)  # the editor itself replaces that one
        self.host.folders[FOLDER], self.host.edited = tree, True
        if was_back:  # it is still the tree that the swap put back, with an edit
            self.host.back = (digest(tree), self.host.back[1])
        self.host.edits[id(tree)] = tree
        self.laws.written.append(tree)

    def _wait_for_a_build(self) -> None:
        """Until a container was made, or for a minute."""
        made, end = self.host.containers, self.tasks.now + 60.0
        while self.host.containers == made and self.tasks.now < end:
            self.tasks.sleep(0.5)

    def _moment(self) -> float:
        """Some time later: between two calls, or while something is built or watched."""
        setup = self.tasks.choices.setup
        return (0.02, 0.02, 0.5)[setup(3)] * setup(40)

    def _resume(self, user: User) -> None:
        """A killed deploy is resumed, and ends as an undisturbed one, or the reason is reported."""
        if user.begun is not None and user.begun[0] == "remove":
            self._remove_again(user, user.begun[1])
        if user.begun is not None and user.begun[0] == "rollback":
            self._roll_back_again(user, user.begun[1])
        elif user.rollback_failed:
            self._roll_back_again(user, VARIANTS[0])
        if user.begun is None or user.begun[0] != "deploy":
            return
        variant = user.begun[1]
        user.does("deploy", variant, resume=True)
        self._run(f"{user.name} resumes")
        last = user.ended[-1]
        if last.code == "RESUME_NOTHING" or not variant.works:
            return
        if last.code == "SEAL_DIFFERS" and self.host.edited:
            return  # the build that was interrupted had read an edit
        if user.earned not in last.tokens:
            raise Broken(f"a resumed deploy ended with {last.code}, exit {last.exit_code}")
        if not self._runs(user, digest(variant.files())):
            raise Broken("a resumed deploy does not run what it was to deploy")

    def _runs(self, user: User, tree: str) -> bool:
        """True if this content runs; after an edit that was undone, a stamp shows what was sent alone."""
        running = self.host.running()
        if running is None:
            return False
        by_stamp = self.host.edited and user.proof != "sealed" and running.stamp.get("tree") == tree
        return by_stamp or digest(running.built) == tree

    def _remove_again(self, user: User, variant: Variant) -> None:
        """A killed removal is continued by another one, unless the host has an edit that it would destroy."""
        user.does("remove", variant)
        self._run(f"{user.name} removes again")
        last = user.ended[-1]
        if "REMOVE_OK" not in last.tokens and not (last.code == "HAND_EDITED" and self.host.edited):
            raise Broken(f"a removal without faults ended with {last.code}, exit {last.exit_code}")

    def _roll_back_again(self, user: User, variant: Variant) -> None:
        """One that was killed or failed after its swap is completed by the next, and goes no further back."""
        undone = user.last.id if user.last and not user.rolled_back else ""
        back = self.host.put_back if undone and self.host.back[1] == self.host.last == undone else ""
        user.does("rollback", variant)
        self._run(f"{user.name} rolls back again")
        if back and (self.host.put_back != back or user.ended[-1].code == "PREVIOUS_MISSING"):
            raise Broken(f"a rollback after one that did not end went further back than {back}")

    def _quiet_end(self, user: User) -> None:
        """Without faults, a deploy of a good version works, whatever went before, and is verified."""
        self.laws.at_the_end()
        user.does("deploy", VARIANTS[2])
        self._run("the last deploy")
        last = user.ended[-1]
        if user.earned not in last.tokens:
            raise Broken(f"the last deploy ended without {user.earned}: exit {last.exit_code} {last.code}")
        self.laws.at_the_end()


def _first_deploy(stage: Stage, *, over_ssh: bool) -> Snapshot:
    """A deploy without faults on a host that has nothing but the neighbour's app."""
    disk.put({})
    tasks = Tasks(Choices(0, replay={}))
    return DeployStory._on(stage, tasks, _new_host(), Fate(0.0, over_ssh), first=1).begin()


def _new_host() -> Host:
    """A host that has nothing but the neighbour's app."""
    return Host(SLUG, FOLDER, {OTHER: NEIGHBOUR})
