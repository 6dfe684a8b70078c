"""One connection of the dev loop to a host: delivers, brings into effect, and waits for the proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from bb8deploy.catalogue.errors.dev import DEV_NOT_UP
from bb8deploy.catalogue.errors.host import SYNC_MISMATCH
from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.dev_transfer import LiveFiles
from bb8deploy.host.folder_ownership import refuse_foreign
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.route_interface import NoAnswer, Supervisor, SupervisorError
from bb8deploy.host.supervisor.wait_for_startup import PatientSupervisor
from bb8deploy.lanes.dev.container_state import Container, purpose_of, way_of
from bb8deploy.lanes.dev.log_follower import LogFeed
from bb8deploy.lanes.dev.outcome import PushStep
from bb8deploy.lanes.host_session import slug_of
from bb8deploy.lanes.sync.hand_edits import warn_of_edits
from bb8deploy.lanes.sync.plan_from_workspace import AppRead, read_app
from bb8deploy.lanes.verify.app_observer import RUNNING
from bb8deploy.lanes.verify.supervisor_actions import START_DEADLINE
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import Delivered, VerifyOptions
from bb8deploy.overlay.delivery import Delivery, deliver
from bb8deploy.overlay.live.choose_way import Choice, Way
from bb8deploy.plan.logs.dev_agent_log import DeliveryProgress, progress
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.plan.sync_plan import differences, plan_sync
from bb8deploy.runs.run import Run
from bb8deploy.workspace.tree_digest import FoundTree

LOOK_EVERY = 1.5
SILENT = 8.0
"""Seconds without a line about a delivery, after which the container's agent counts as broken."""
UP_DEADLINE = 60.0
MOMENT = 1.0
"""Seconds that a container without the agent must live after it has reported itself."""
NOT_RUNNING = "the app does not run"
_TAIL = 20


class Overtaken(Exception):
    """A newer save came before the proof."""


@dataclass(slots=True)
class Session:
    """`overtaken` returns whether a newer save waits. `container` is None until the first proof; `ended`: the
    app's container was seen to have ended.
    """

    run: Run
    host: Host
    supervisor: Supervisor
    feed: LogFeed
    files: LiveFiles
    overtaken: Callable[[], bool] = lambda: False
    container: Container | None = None
    steps: list[PushStep] = field(default_factory=list)
    started: bool = False
    ended: bool = False

    def read(self, number: int) -> AppRead:
        """The workspace's app now, with the stamp of push `number`."""
        with self._timed("read"):
            wanted = read_app(self.run, self.run.addon)
        stamp = wanted.stamp
        return _stamped(wanted, f"{stamp.run}-{number}")

    def way(self, wanted: AppRead, forced: Way | None = None) -> Choice:
        """How the wanted tree comes into effect; `forced` is the way that the user asks for."""
        with self._timed("decide"):
            return way_of(wanted.app, wanted.stamp, self.container, forced)

    def push(self, wanted: AppRead, choice: Choice) -> Choice:
        """Delivers and proves, by the next way if one turns out not to work; returns the way that did.

        Raises Overtaken, NotVerified DEV_NOT_UP, and what a sync or a build raises.
        """
        if choice.way is Way.LIVE and self.ended:
            choice = Choice(Way.RESTART, NOT_RUNNING)
        while True:
            refused = self._push(wanted, choice)
            if refused is None:
                return choice
            heavier = Way.RESTART if choice.way is Way.LIVE and self.container else Way.BUILD
            choice = Choice(heavier, refused)

    def _push(self, wanted: AppRead, choice: Choice) -> str | None:
        """None if it is proven, else why this way does not work."""
        position = self.feed.position
        sent, found = self._deliver(wanted, choice)
        expected = Expected(sent.stamp.version, sent.stamp.tree, sent.stamp.run)
        if choice.way is Way.BUILD:
            self.container = None
            self._build(Delivered(expected, found))
        elif choice.way is Way.RESTART:
            with self._timed("restart"):
                self.supervisor.act("restart", slug_of(self.run), deadline=START_DEADLINE)
        self.ended = False
        with self._timed("prove"):
            refused = None
            if sent.stamp.of_dev_loop:
                refused = self._proof(expected, position, choice.way)
            else:
                self._wait_for_build(expected, position)
        if refused is None:
            self.container, self.ended = self._after(wanted, choice), False
        return refused

    def _after(self, wanted: AppRead, choice: Choice) -> Container:
        tree = wanted.app.tree
        if choice.way is Way.BUILD or self.container is None:
            return Container.of_build(wanted.stamp.run, tree)
        return self.container.restarted(tree) if choice.way is Way.RESTART else self.container.live(tree)

    def _deliver(self, wanted: AppRead, choice: Choice) -> tuple[Delivery, FoundTree]:
        """Swaps the delivery in and compares the folder, hashed again, with it."""
        folder = self.host.files.runtime.rstrip("/").rpartition("/")[2]
        if self.container and choice.way is not Way.BUILD:
            self.container = self.container.sees(wanted.app.tree, choice.way)
        purpose = purpose_of(folder, wanted.stamp, wanted.app, choice, self.container)
        delivery = deliver(wanted.app, wanted.stamp, purpose)
        before = self.files.tree
        plan = plan_sync(before, delivery.manifest, wanted.ignore, delivery.stamp)
        if not self.started:
            refuse_foreign(
                before, delivery.manifest, wanted.app.slug, self.host.files.where, self.host.files.fetch
            )
            self.started = True
        warn_of_edits(self.run, self.host, plan)
        with self._timed("deliver"):
            transfer = Transfer(
                wanted.source, plan.removals, plan.entries, delivery.contents, delivery.manifest.size
            )
            edited = plan.earlier is None or not plan.found_as(plan.earlier)
            after = self.files.send(transfer, keep=edited)
        problems = differences(after, plan, wanted.ignore, delivery.stamp.data())
        if problems:
            raise SYNC_MISMATCH(
                f"{len(problems)} path(s) on the host are not as planned, first {problems[0]}",
                details=problems[:_TAIL],
            )
        return delivery, after

    def _build(self, delivered: Delivered) -> None:
        """Has the Supervisor build what was delivered and start it.

        A container that runs the same content does not count: it cannot report this delivery.
        """
        attempt = Attempt(self.run, self.host, delivered, VerifyOptions(sent=True, trusts_log=False))
        with self._timed("build"), attempt.opened(settle=False) as installer:
            installer.install()

    def _proof(self, expected: Expected, position: int, way: Way) -> str | None:
        """None once the new process has reported what is expected; else why another way is needed."""
        began, looked = time.monotonic(), 0.0
        while True:
            lines = self.feed.since(position)
            seen = progress(lines, expected)
            if seen.proven:
                return None
            if self.overtaken():
                raise Overtaken
            waited = time.monotonic() - began
            if seen.cannot and way is not Way.BUILD:
                return seen.cannot
            if waited > looked + LOOK_EVERY:
                looked = waited
                self.look()
            if way is Way.LIVE and self.ended and not lines:
                return NOT_RUNNING
            self._give_up(seen, lines, waited)
            if way is Way.LIVE and waited > SILENT and not seen.up:
                return "the agent in the container does not answer"
            self.feed.wait(position + len(lines), 0.25)

    def _wait_for_build(self, expected: Expected, position: int) -> None:
        """Returns once a container without the agent has reported what was built, and lived for a moment."""
        began, looked = time.monotonic(), 0.0
        while True:
            lines = self.feed.since(position)
            seen = progress(lines, expected)
            if self.overtaken():
                raise Overtaken
            if seen.identity:
                time.sleep(MOMENT)
            waited = time.monotonic() - began
            if seen.identity or waited > looked + LOOK_EVERY:
                looked = waited
                self.look()
            if seen.identity and not self.ended:
                return
            self._give_up(seen, lines, waited)
            self.feed.wait(position + len(lines), 0.25)

    def look(self) -> None:
        """Asks whether the container still runs; a Supervisor that is not ready is asked again later."""
        way = self.supervisor
        at_once = way.at_once if isinstance(way, PatientSupervisor) else way
        with suppress(SupervisorError, NoAnswer):
            self.ended = at_once.info(slug_of(self.run)).state not in RUNNING

    def _give_up(self, seen: DeliveryProgress, lines: list[str], waited: float) -> None:
        """Raises NotVerified DEV_NOT_UP as soon as no proof can come any more."""
        why = seen.failed or seen.cannot or ("its container ended" if self.ended else "")
        if waited > UP_DEADLINE:
            why = why or "it did not report the digest of what was delivered"
        if why:
            self.look()
            tail = [line for line in lines if line][-_TAIL:]
            raise DEV_NOT_UP(f"{slug_of(self.run)}: {why}", details=tail)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps.append(PushStep(name, time.monotonic() - began))


def _stamped(wanted: AppRead, run: str) -> AppRead:
    return replace(wanted, stamp=replace(wanted.stamp, run=run))
