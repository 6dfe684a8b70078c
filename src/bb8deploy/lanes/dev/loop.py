"""The dev loop: waits for saves and keys, pushes the newest state, and comes back after a lost connection."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

from bb8deploy.base.errors import Bb8Error, Locked, Unreachable
from bb8deploy.catalogue.errors.dev import DEV_REPLACED
from bb8deploy.catalogue.errors.host import HOST_EDITED_LIVE, LOCK_LOST, WORKSPACE_MOVING
from bb8deploy.host.lock.lock_owner import HostLocked
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import reach
from bb8deploy.lanes.deploy.deploy import DeployOptions, deploy
from bb8deploy.lanes.dev.container_state import Container, attached, is_on
from bb8deploy.lanes.dev.file_watcher import Watcher
from bb8deploy.lanes.dev.foreign_starts import BUILT, ForeignStarts
from bb8deploy.lanes.dev.host_connection import NOT_RUNNING, Overtaken, Session
from bb8deploy.lanes.dev.log_follower import LogFeed
from bb8deploy.lanes.dev.outcome import DevOutcome, Pushed, View
from bb8deploy.lanes.dev.syntax_check import check_saved
from bb8deploy.lanes.host_session import Access, connected, held, slug_of
from bb8deploy.lanes.smoke.smoke_checks import smoke
from bb8deploy.overlay.live.choose_way import Way
from bb8deploy.overlay.live.dev_overlay import FOLDER
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.ignore_patterns import Ignore

CHANGED = "changed"
RESTART, BUILD, END, QUIT = "restart", "build", "end", "quit"
PING_EVERY = 20.0
AGAIN = (0.5, 1.0, 2.0, 5.0)
"""Seconds between two attempts to connect again; the last one repeats."""
_FORCED = {RESTART: Way.RESTART, BUILD: Way.BUILD}


@dataclass(frozen=True, slots=True)
class DevOptions:
    """`once` ends after the first proven push, which a failure ends too; `inbox` takes the words RESTART,
    BUILD, END and QUIT from the thread that reads keys.
    """

    access: Access = field(default_factory=Access)
    once: bool = False
    inbox: queue.Queue[str] = field(default_factory=queue.Queue)


def dev(run: Run, view: View, options: DevOptions) -> DevOutcome:
    """Runs the dev loop until the user ends it.

    Writes LIVE_OK for each push that was proven and not overtaken. Raises what opening the host raises, with
    `once` also NotVerified and CheckFailed of the push.
    """
    loop = _Loop(run, view, options)
    loop.watcher = Watcher(run.addon, Ignore.of_workspace(run.workspace), loop.changed)
    try:
        loop.watcher.wait_ready(5.0)
        ended = loop.run_until_told()
    except KeyboardInterrupt:
        if options.once:
            raise
        ended = QUIT
    finally:
        loop.watcher.close()
    proven = ended == END and end(run, options.access)
    return DevOutcome(tuple(loop.pushes), still_on=ended != END, proven=proven)


def end(run: Run, access: Access) -> bool:
    """Ends the dev loop of the app: deploys the workspace without anything of it.

    Returns whether VERIFY_OK was written for the built content. Raises as deploy does.
    """
    run.ledger.begin("deploy")
    verified = deploy(run, DeployOptions(access=access)).verified
    return verified is not None and verified.verified


def _unlock_own(run: Run, access: Access, error: Bb8Error) -> None:
    """Removes the lock of this run's lost connection, whose end the host may not notice for hours."""
    if not isinstance(error, HostLocked):
        return
    owner = error.held.owner
    if owner and owner.run == run.id:
        with suppress(Bb8Error), connected(run, access) as host:
            host.remove_lock(error.held)


def _keep(session: Session, view: View) -> None:
    """Renews the lock, and notices an app that ended by itself or that another program stopped."""
    if not session.files.ping():
        raise LOCK_LOST(f"the lock of {session.host.files.where} belongs to another run by now")
    known = session.ended
    session.look()
    if session.ended and not known:
        view.container_changed(f"{NOT_RUNNING}: its container ended; the next save starts it")


@dataclass(slots=True)
class _Loop:
    """The loop over all its connections."""

    run: Run
    view: View
    options: DevOptions
    starts: ForeignStarts = field(init=False)
    pushes: list[Pushed] = field(default_factory=list)
    number: int = 0
    container: Container | None = None
    bad: set[str] = field(default_factory=set)
    watcher: Watcher | None = None
    _served: bool = False
    _feed: LogFeed | None = None
    _withheld: Pushed | None = None
    _undelivered: float | None = None

    def __post_init__(self) -> None:
        self.starts = ForeignStarts(self.run.id, self.view, self.options.inbox)

    def changed(self) -> None:
        """A save was noticed: wakes the wait for the proof of an earlier one."""
        self.options.inbox.put(CHANGED)
        if self._feed:
            self._feed.wake()

    def run_until_told(self) -> str:
        """END or QUIT, or QUIT after the push with `once`."""
        lost = 0
        while True:
            try:
                with held(self.run, "dev", self.options.access) as host:
                    lost = 0
                    return self._serve(host)
            except (Unreachable, Locked) as error:
                if not self._served or self.options.once:
                    raise
                why = error.cause
                _unlock_own(self.run, self.options.access, error)
            except Bb8Error as error:
                if error.code != HOST_EDITED_LIVE.code or self.options.once:
                    raise
                why = error.cause
            self.view.note(f"{why}; connecting again")
            if self._told_while(AGAIN[min(lost, len(AGAIN) - 1)]):
                return QUIT
            lost += 1

    def _told_while(self, seconds: float) -> bool:
        """Waits; True if the user wants to quit meanwhile."""
        end_of_wait = time.monotonic() + seconds
        while (left := end_of_wait - time.monotonic()) > 0:
            try:
                word = self.options.inbox.get(timeout=left)
            except queue.Empty:
                return False
            if word in {END, QUIT}:
                return True
        return False

    def _serve(self, host: Host) -> str:
        run, slug = self.run, slug_of(self.run)
        with ExitStack() as stack:
            reached = reach(run.settings, run.addon, host, slug)
            stack.callback(reached.supervisor.close)
            files = host.live(run.id)
            stack.callback(files.close)
            self._feed = feed = LogFeed(reached.supervisor, slug, self.starts.read)
            stack.callback(feed.close)
            session = Session(run, host, reached.supervisor, feed, files, self._is_overtaken, self.container)
            self._attach(session)
            self._served = True
            self._push(session, first=True)
            if self.options.once:
                return QUIT
            return self._listen(session)

    def _attach(self, session: Session) -> None:
        """Takes over a container of an earlier session, if the files on the host describe one."""
        stamp = Stamp.parse(session.files.tree.stamp)
        ours = stamp is not None and stamp.run.startswith(self.run.id)
        if self._served and not ours:
            raise DEV_REPLACED(f"{session.host.files.where} has other files than the dev loop delivered")
        if session.container is None and is_on(session.files.tree):
            names = [f"{FOLDER}/{name}" for name in ("stamp", "built", "began", "seen")]
            found = session.host.files.fetch(names)
            stamped, *trees = (found.get(name, b"").decode(errors="replace") for name in names)
            words = stamped.split()
            session.container = attached(words[1] if len(words) > 1 else "", *trees)

    def _listen(self, session: Session) -> str:
        pinged = time.monotonic()
        while True:
            try:
                word = self.options.inbox.get(timeout=max(0.1, pinged + PING_EVERY - time.monotonic()))
            except queue.Empty:
                word = ""
            if word in {END, QUIT}:
                return word
            if word in _FORCED:
                self._push(session, forced=_FORCED[word])
            elif run := self.starts.started(word):
                self._container_started(session, run)
            elif word == CHANGED and self.watcher and self.watcher.pending:
                self._push(session)
            if time.monotonic() > pinged + PING_EVERY:
                pinged = time.monotonic()
                _keep(session, self.view)

    def _container_started(self, session: Session, run: str) -> None:
        """A new container that this loop did not ask for; its log reports what it runs."""
        container, session.ended = session.container, False
        if container is None:
            return
        self.container = session.container = None if run == BUILT else container.restarted_by_others()
        if session.container is None:
            self._push(session, first=True)

    def _is_overtaken(self) -> bool:
        return bool(self.watcher and self.watcher.pending and not self.options.once)

    def _push(self, session: Session, *, first: bool = False, forced: Way | None = None) -> None:
        """One push of the newest state; a failure is shown, and the loop continues."""
        assert self.watcher is not None  # noqa: S101 - set before anything is served
        noticed, paths = self.watcher.take()
        since, self._undelivered = self._undelivered or (noticed if paths else None), None
        if paths:
            self.view.saved(paths)
        try:
            if not self._refused(paths):
                self._carry_out(session, since or noticed, first=first, forced=forced)
        except Overtaken:
            self.view.overtaken(self.number)
        except (Unreachable, Locked):
            self._undelivered = since
            raise
        except Bb8Error as error:
            if self.options.once or error.code in {HOST_EDITED_LIVE.code, LOCK_LOST.code}:
                raise
            if error.code == WORKSPACE_MOVING.code:
                self.view.overtaken(self.number)
                return
            self.starts.forget()  # a container that this push started is not another program's
            self.view.failed(self.run.clean(error.cause), [self.run.clean(line) for line in error.details])
        finally:
            self.container = session.container

    def _refused(self, paths: Sequence[str]) -> bool:
        """Whether errors in the saved files, or in files that had some before, keep the push back."""
        found = check_saved(self.run, sorted(self.bad | set(paths)))
        self.bad = {one.path for one in found}
        if found:
            self.view.refused(found)
        if found and self.options.once:
            from bb8deploy.catalogue.errors.workspace import VALIDATE_FAILED

            raise VALIDATE_FAILED(f"{found[0].path}: {found[0].message}")
        return bool(found)

    def _carry_out(self, session: Session, began: float, *, first: bool, forced: Way | None) -> None:
        session.steps.clear()
        self.number += 1
        wanted = session.read(self.number)
        container, tree = session.container, wanted.app.tree
        if container and container.has(tree) and not (forced or first):
            if self._withheld and self._withheld.tree == tree.digest:
                self._report(session, began, self._withheld)
            else:
                self.view.unchanged(tree.digest)
            return
        choice = session.push(wanted, session.way(wanted, forced))
        if choice.way is not Way.LIVE:
            self.starts.forget()
        steps = tuple(session.steps)
        push = Pushed(self.number, tree.digest, choice.way, choice.reason, 0.0, steps, len(tree.entries))
        if self._is_overtaken():
            self._withheld = push
            raise Overtaken
        self._report(session, began, push)

    def _report(self, session: Session, began: float, push: Pushed) -> None:
        """Reports a proven push. `began` is when its newest save was noticed.

        A push that was proven after a newer save is withheld. It is reported once that save turns out to have
        changed nothing more: it was part of the push already, or only touched a file.
        """
        self._withheld = None
        push = replace(push, number=self.number, seconds=time.monotonic() - began)
        ms = round(push.seconds * 1000)
        facts = {"tree": push.tree, "way": push.way.value, "ms": ms, "push": push.number}
        self.run.ledger.emit(Token.LIVE_OK, **facts, proof=Proof.STAMP)
        self.pushes.append(push)
        self.view.pushed(push)
        if not self._is_overtaken():
            smoke(self.run, session.host)
