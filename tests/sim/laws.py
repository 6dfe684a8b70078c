"""The laws that hold at every moment of a schedule, and at its end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from tests.sim.engine.tasks import Broken, Task, Tasks
from tests.sim.hosts.broker import Broker
from tests.sim.hosts.world import Container, Content, Host, config, digest, is_as_sent
from tests.sim.stories.scene import NEIGHBOUR

from bb8deploy.runs.tokens import Line

OTHER = "other"
SHORTEST, SLACK, SLOWEST = 10.0, 2.0, 0.25
"""Seconds: the shortest window of echoes, the pause between two of them, and the slowest round trip."""


@dataclass(slots=True)
class Laws:
    """Watches one host. `trees` are the contents that the app folder may have: all that was ever delivered,
    found at the start, or edited by hand; `written` are the latter."""

    tasks: Tasks
    host: Host
    trees: set[str] = field(default_factory=set)
    any_tree: bool = False
    seen: object = field(default_factory=object)
    lines: list[str] = field(default_factory=list)
    broker: Broker | None = None
    written: list[Content] = field(default_factory=list)

    def may_be(self, tree: Content | None) -> None:
        """Adds a content that the app folder may have."""
        self.trees.add(self._name(tree))

    @staticmethod
    def _name(tree: Content | None) -> str:
        return "absent" if tree is None else digest(tree)

    def at_every_moment(self) -> None:
        """The app folder is one whole tree, and an edited one is kept.

        The neighbour's app is untouched, and the lock's owner lives.
        """
        holder = self.host.lock.holder if self.host.lock else None
        if isinstance(holder, Task) and not holder.alive:
            raise Broken(f"{holder.name} has ended and holds the lock: {self.host.lock}")
        if self.host.folders.get(OTHER) is not NEIGHBOUR:
            raise Broken("the neighbour's app was changed")
        if self.any_tree or self.host.tree is self.seen:
            return
        if self.host.edits and self.host.lost_edits():
            raise Broken("a tree that was edited by hand is lost")
        self.seen = self.host.tree
        if self._name(self.host.tree) not in self.trees:
            raise Broken(f"the app folder is a mixture: {sorted(self.host.tree or {})}")

    def token(self, line: Line) -> None:
        """Checks a receipt line against the truth of this moment."""
        if line.kind != "TOKEN":
            return
        self.lines.append(str(line))
        self.tasks.note(str(line))
        check = {
            "CLEAN_RUNTIME_OK": self._clean,
            "DEPLOY_OK": self._deployed,
            "VERIFY_OK": self._verified,
            "ROLLBACK_OK": self._rolled_back,
            "REMOVE_OK": self._removed,
            "RUNNING_OK": self._running,
            "RUNTIME_TOPOLOGY_OK": self._tidy,
            "DEPLOY_SSH_OK": self._running,
            "PY_OK": self._running,
            "RUN_SH_PRESENT": self._running,
            "ECHO_WINDOW_10S_OK": self._window,
            "TELEMETRY_ATTEST_OK": self._echoes,
        }.get(line.name)
        if check:
            check(dict(line.fields), line.name)

    def _clean(self, fields: Mapping[str, str], name: str) -> None:
        """Another user may have edited the folder since the task hashed it: what it saw counts."""
        task = self.tasks.current
        seen = self.host.seen.get(task.name if task else "", "")
        if fields["tree"] not in {self._name(self.host.tree), seen}:
            raise Broken(
                f"{name} names {fields['tree'][:19]}, the host holds {self._name(self.host.tree)[:19]}"
            )

    def _deployed(self, fields: Mapping[str, str], name: str) -> None:
        app = self.host.installed
        if app is None or app.version != fields["version"]:
            raise Broken(f"{name} names {fields['version']}, installed is {app and app.version}")

    def _verified(self, fields: Mapping[str, str], name: str) -> None:
        container = self.host.running()
        if container is None:
            raise Broken(f"{name}, but no container runs")
        built = container.built
        if digest(built) != fields["tree"] and not self._as_stamped(container, fields):
            raise Broken(
                f"{name} names {fields['tree'][:19]}, the container was built from {digest(built)[:19]}"
            )

    def _as_stamped(self, container: Container, fields: Mapping[str, str]) -> bool:
        """True for what a stamp cannot show: an edit that was undone, and that no time of a file shows.

        That is one on a host without such times, or one during the build of an earlier run.
        """
        task = self.tasks.current
        before = self.host.at_lock.get(task.name if task else "")
        earlier = before is not None and before.built is container.built
        named = (fields.get("proof"), fields["tree"]) == ("stamp", container.stamp.get("tree"))
        return named and (self.host.timeless or earlier)

    def _rolled_back(self, fields: Mapping[str, str], name: str) -> None:
        """A failed deploy brings back what ran before it, a rollback an earlier tree.

        What ran may not be there any more. A build from an edited tree has a digest of its own, and an
        edited tree that is kept proves nothing.
        """
        self._verified(fields, name)
        task, tree = self.tasks.current, fields["tree"]
        before = self.host.at_lock.get(task.name if task else "")
        if task is None or before is None:
            return
        if task.command in {"rollback", "deploy"} and tree not in before.ever:
            raise Broken(f"{name} names {tree}, which had never run")
        if task.command == "rollback" and tree not in {*before.kept, before.back}:
            raise Broken(f"{name} names {tree}, which was no earlier tree: {before}")
        if task.command == "deploy" and tree not in {before.folder, before.ran}:
            raise Broken(f"{name} names {tree}, before the deploy there was {before}")
        kept = {digest(earlier) for earlier in self.host.previous if is_as_sent(earlier)}
        if task.command == "deploy" and before.ran in kept and tree != before.ran:
            raise Broken(f"{name} names {tree}, before the deploy {before.ran} ran")

    def _removed(self, fields: Mapping[str, str], name: str) -> None:
        host = self.host
        left = [host.installed, host.tree, *host.previous, host.listed.get(fields["slug"])]
        if any(one is not None for one in left):
            raise Broken(
                f"{name}, but the host has {[type(one).__name__ for one in left if one is not None]}"
            )

    def pulled(self, path: str, data: bytes | None, dirty: Collection[str]) -> None:
        """Checks a write of a pull: it is an edit of the host, and destroys no work here."""
        self.lines.append(f"pulled {path}")
        if path in dirty:
            raise Broken(f"a pull overwrote {path}, which was not committed")
        if all(tree.get(path) != data for tree in self.written):
            raise Broken(f"a pull wrote {path} as nobody has edited it on the host")

    def options_set(self, level: object) -> None:
        """Checks the options at the moment at which a command has read them back."""
        app = self.host.installed
        if app is None or app.options.get("level") != level:
            raise Broken(f"the level {level} was set, the app has {app and app.options}")

    def _running(self, fields: Mapping[str, str], name: str) -> None:
        if self.host.running() is None:
            raise Broken(f"{name}, but no container runs")

    def _tidy(self, fields: Mapping[str, str], name: str) -> None:
        slugs = [config(tree).get("slug") for tree in self.host.folders.values()]
        if slugs.count(fields["slug"].removeprefix("local_")) != 1:
            raise Broken(f"{name}, but the slugs on the host are {slugs}")

    def _asked(self, run_id: str) -> dict[str, tuple[float, float]]:
        """When each echo of the run's window was asked for and answered, by the broker's own record."""
        answered = self.broker.answered.items() if self.broker else ()
        mine = {cid: times for cid, times in answered if cid.startswith(f"{run_id}-")}
        return {cid: times for cid, times in mine.items() if not cid.startswith(f"{run_id}-ready")}

    def _window(self, fields: Mapping[str, str], name: str) -> None:
        asked = [at for at, _ in self._asked(fields["run"]).values()]
        lasted = self.tasks.now - min(asked, default=self.tasks.now)
        if float(fields["seconds"]) < SHORTEST or lasted < SHORTEST - SLACK:
            raise Broken(f"{name}, but the app answered for {lasted:.1f} s")

    def _echoes(self, fields: Mapping[str, str], name: str) -> None:
        trips = sorted(back - at for at, back in self._asked(fields["run"]).values())
        if int(fields["echoes"]) > len(trips):
            raise Broken(f"{name} counts {fields['echoes']} echoes, the app answered {len(trips)}")
        if not trips or trips[len(trips) // 2] > SLOWEST:
            raise Broken(f"{name}, but the round trips were {trips}")

    def at_the_end(self) -> None:
        """After all has ended: the lock is free, and no container is missing without a word."""
        lock = self.host.lock
        if lock is not None and lock.expires > self.tasks.now:
            raise Broken(f"the lock is still held: {lock.owner}")
