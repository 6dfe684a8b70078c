"""The laws that hold at every moment of a schedule, and at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.sim.scene import NEIGHBOUR
from tests.sim.tasks import Tasks
from tests.sim.world import Content, Host, digest

from bb8deploy.runs.tokens import Line

OTHER = "other"


class Broken(AssertionError):
    """A law did not hold."""


@dataclass(slots=True)
class Laws:
    """Watches one host. `trees` are the contents that the app folder may have: all that was ever delivered,
    found at the start, or edited by hand."""

    tasks: Tasks
    host: Host
    trees: set[str] = field(default_factory=set)
    any_tree: bool = False
    seen: object = field(default_factory=object)
    lines: list[str] = field(default_factory=list)

    def may_be(self, tree: Content | None) -> None:
        """Adds a content that the app folder may have."""
        self.trees.add(self._name(tree))

    @staticmethod
    def _name(tree: Content | None) -> str:
        return "absent" if tree is None else digest(tree)

    def at_every_moment(self) -> None:
        """The app folder is one whole tree; the neighbour's app is untouched."""
        if self.host.folders.get(OTHER) is not NEIGHBOUR:
            raise Broken("the neighbour's app was changed")
        if self.any_tree or self.host.tree is self.seen:
            return
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
            "RUNNING_OK": self._running,
        }.get(line.name)
        if check:
            check(dict(line.fields), line.name)

    def _clean(self, fields: Mapping[str, str], name: str) -> None:
        """Somebody may have edited the folder since the task hashed it: what it saw counts."""
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
        if digest(built) != fields["tree"]:
            raise Broken(
                f"{name} names {fields['tree'][:19]}, the container was built from {digest(built)[:19]}"
            )

    def _rolled_back(self, fields: Mapping[str, str], name: str) -> None:
        """A failed deploy brings back what was there when it took the lock, unless it was edited since."""
        self._verified(fields, name)
        task = self.tasks.current
        before = self.host.at_lock.get(task.name if task else "", "")
        deploying = task is not None and task.command == "deploy"
        if deploying and not self.host.edited and fields["tree"] != before:
            raise Broken(f"{name} names {fields['tree']}, before the deploy there was {before}")

    def _running(self, fields: Mapping[str, str], name: str) -> None:
        if self.host.running() is None:
            raise Broken(f"{name}, but no container runs")

    def at_the_end(self) -> None:
        """After all has ended: the lock is free, and no container is missing without a word."""
        lock = self.host.lock
        if lock is not None and lock.expires > self.tasks.now:
            raise Broken(f"the lock is still held: {lock.owner}")
