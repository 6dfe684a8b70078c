"""Removes an app from a host: uninstall, files, store, retained messages, each observed after it was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.os_differences import user_and_machine
from bb8deploy.catalogue.errors.host import REMOVE_INCOMPLETE, REMOVE_UNCONFIRMED
from bb8deploy.host.files.removal import HeldFiles, Removal
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import Reached, reach
from bb8deploy.host.supervisor.route_interface import AddonState
from bb8deploy.lanes.host_session import Access, held, slug_of
from bb8deploy.lanes.remove.clear_retained_messages import clear_retained, find_retained
from bb8deploy.lanes.remove.removal_check import Inventory, require_ours, require_unedited
from bb8deploy.lanes.verify.app_observer import Watch
from bb8deploy.lanes.verify.supervisor_actions import Actions
from bb8deploy.lanes.verify.verify_types import Task, VerifyOptions
from bb8deploy.plan.logs.identity_line import UNKNOWN, Expected
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.tree_digest import FoundTree


@dataclass(frozen=True, slots=True)
class RemoveOptions:
    """`with_config`: remove the app's configuration folder too; `discard_edits`: also destroy files on the
    host that bb8deploy did not send."""

    access: Access = field(default_factory=Access)
    with_config: bool = False
    discard_edits: bool = False


def remove(run: Run, options: RemoveOptions, ask: Callable[[Inventory], bool]) -> Inventory:
    """Removes the app of a run from its host, if `ask` agrees to what was found; returns what was found.

    Every step skips what is already gone, so that another removal continues an interrupted one.
    Writes REMOVE_OK after the Supervisor and the files were looked at again. A dry run only looks. Raises
    CheckFailed, Refused, Unreachable, Locked, or UsageError REMOVE_UNCONFIRMED.
    """
    with (
        held(run, "remove", options.access) as host,
        _reached(run, host) as reached,
        nullcontext() if run.dry_run else host.removal(run.id) as removal,
    ):
        files = removal.found if removal else _looked_at(host)
        found = _survey(run, host, options, reached.first.state, files)
        agreed = ask(found)
        if removal is None:
            return found
        if not agreed:
            raise REMOVE_UNCONFIRMED(f"nothing was removed from {host.where}: the answer was not yes")
        Removing(run, host, reached, found).carry_out(removal)
    return found


@contextmanager
def _reached(run: Run, host: Host) -> Iterator[Reached]:
    with run.step("ask the Supervisor", host.where):
        reached = reach(run.settings, run.addon, host, slug_of(run))
    with closing(reached.supervisor):
        yield reached


def _looked_at(host: Host) -> HeldFiles:
    """The files as a dry run sees them: without the lock, the earlier trees by their stamps alone."""
    earlier = {tree.name: FoundTree(present=True, stamp=tree.stamp) for tree in host.files.earlier()}
    return HeldFiles(host.files.look(), earlier)


def _survey(
    run: Run, host: Host, options: RemoveOptions, state: AddonState | None, files: HeldFiles
) -> Inventory:
    """What there is. Raises CheckFailed for what must not be removed."""
    require_ours(run, host, files)
    if not options.discard_edits:
        require_unedited(run, host, files)
    retained = find_retained(run, state)
    return Inventory(slug_of(run), host.files.where, state, files, retained, options.with_config)


@dataclass(slots=True)
class Removing:
    """One confirmed removal; `done` are its finished steps."""

    run: Run
    host: Host
    reached: Reached
    found: Inventory
    done: list[str] = field(default_factory=list)

    def carry_out(self, removal: Removal) -> None:
        """Removes and observes. An error that ends it describes what was done by then."""
        try:
            self._uninstall()
            self._remove_files(removal)
            self._reload()
            self._clear()
        except Bb8Error as error:
            ending = "`bb8deploy remove` continues with the rest" if self.done else "nothing was removed"
            error.details = (*error.details, *(f"done: {step}" for step in self.done), ending)
            raise
        self.run.ledger.emit(
            Token.REMOVE_OK, slug=self.found.slug, folder=self.host.files.runtime, by=user_and_machine()
        )

    @property
    def _actions(self) -> Actions:
        slug = self.found.slug
        task = Task(slug, self.host.where, Expected("", UNKNOWN, ""), VerifyOptions())
        note, deadline = self.run.progress.note, self.run.settings.bb8_build_deadline
        return Actions(Watch(self.reached.supervisor, slug), task, note, deadline)

    def _uninstall(self) -> None:
        if not self.found.installed:
            return
        actions = self._actions
        with self.run.step(f"uninstall {self.found.slug}", self.host.where):
            actions.uninstall(with_config=self.found.with_config)
            if actions.watch.info().installed:
                raise REMOVE_INCOMPLETE(f"the Supervisor still has {self.found.slug} installed")
        self.done.append(f"{self.found.slug} is uninstalled")

    def _remove_files(self, removal: Removal) -> None:
        with self.run.step("remove its folder and earlier trees", self.host.where):
            removal.carry_out()
        if self.found.files.any:
            self.done.append(f"the folder {self.host.files.where} and its earlier trees are removed")

    def _reload(self) -> None:
        """The Supervisor lists a local app until it has read the folders again."""
        with self.run.step("reload the store", self.host.where):
            if self._actions.reload().listed:
                raise REMOVE_INCOMPLETE(f"the Supervisor still lists {self.found.slug} in its store")
        self.done.append("the Supervisor no longer lists it")

    def _clear(self) -> None:
        """The broker is not part of the host: what it cannot do is a warning."""
        found = self.found.retained
        if found.skipped:
            return
        with self.run.step("clear its retained MQTT messages", found.where):
            try:
                left = clear_retained(self.run, found, self.found.state).topics
            except Bb8Error as error:
                self.run.progress.warn(f"the retained MQTT messages were not cleared: {error.cause}")
                return
        if left:
            self.run.progress.warn(f"retained MQTT messages are left: {', '.join(left)}")
