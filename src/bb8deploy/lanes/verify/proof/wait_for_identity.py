"""Waits until the running container reports its identity and stays started."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, repeat

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.supervisor.find_route import LOG_LINES
from bb8deploy.host.supervisor.route_interface import AddonState, Look
from bb8deploy.lanes.verify import failure_errors
from bb8deploy.lanes.verify.app_observer import POLL, RUNNING, TAIL, Watch
from bb8deploy.lanes.verify.supervisor_actions import START_DEADLINE
from bb8deploy.lanes.verify.verify_types import Installed, Task
from bb8deploy.plan.install_action import Action
from bb8deploy.plan.logs.crash_cause import crash_count, last_crash
from bb8deploy.plan.logs.identity_line import Identity, Proof, identities, newer_lines, newest, since_newest
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore

# Seconds between two looks: short at first, because most things are soon done.
FIRST_POLLS = (0.2, 0.4, 0.7)
# A container that was started and has not reported an identity by then reports none.
IDENTITY_DEADLINE = 60.0
STOPPED_GRACE = 15.0
# How long an app that most likely reports itself may take for it after its launcher has reported.
OWN_DEADLINE = 20.0
# A program that died and whose log has been quiet for so long does not come back.
CRASH_QUIET = 20.0
# How many lines of the log are read for the identity of an app that logs much.
MORE_LINES = 5_000


@dataclass(slots=True)
class Prover:
    """Observes the container that runs after `installed`; `first` is the look from before the action."""

    run: Run
    watch: Watch
    task: Task
    installed: Installed
    first: Look
    observed: Identity | None = None
    _newest: tuple[str, ...] = ()
    _quiet_since: float = 0.0

    def identity(self) -> Identity:
        """Waits for the identity of the container that runs now, and that it stays started.

        Raises NotVerified: it died, reports nothing or something else, or does not stay.
        """
        with self.run.step("wait for the identity that the app reports", self.task.where) as facts:
            said = self._reported()
            facts.update(version=said.version, tree=said.tree, run=said.run)
        self._require_expected(said)
        settle = self.run.settings.bb8_settle_seconds
        with self.run.step(f"watch it for {settle:g} s", self.task.where):
            self._settle(settle, self.watch.log)
        if said.seal and crash_count(since_newest(self._fresh(self.watch.log)) or ()) > 1:
            raise self._crashed()
        return self.observed or said

    def running(self) -> None:
        """Waits until the app runs, and that it stays started. Raises NotVerified.

        Proves nothing about its content.
        """
        if self.installed.action is Action.REBUILD and not self.installed.answered:
            raise failure_errors.unconfirmed(self.task.what)
        with self.run.step("wait until the app runs", self.task.where):
            self._started()
        settle = self.run.settings.bb8_settle_seconds
        with self.run.step(f"watch it for {settle:g} s", self.task.where):
            self._settle(settle, self.watch.log)
        if crash_count(self._fresh(self.watch.log)) > 1 and not self._nothing_was_done:
            raise self._crashed()

    def last_words(self) -> tuple[str, ...]:
        """The last log lines of the container that runs now, or ran last."""
        return self._fresh(self.watch.log)[-TAIL:]

    def of_container(self, log: tuple[str, ...]) -> tuple[str, ...]:
        """The lines of a log that the present container wrote, which may have run before the action too."""
        if self._nothing_was_done and not self.watch.supervisor.log_is_current:
            return since_newest(log) or ()
        return self._fresh(log)

    def _require_expected(self, said: Identity) -> None:
        """Raises NotVerified if another content runs, or, of a sealed build, another one was built."""
        what, words = self.task.what, self.last_words()
        if not said.is_(self.task.expected):
            raise failure_errors.other_identity(what, said, self.task.expected, words)
        if self.task.options.proof is not Proof.SEALED:
            return
        if said.seal is None or not said.seal.compared:
            raise failure_errors.not_sealed(what, words)
        ignore = Ignore.of_workspace(self.run.workspace)
        if problems := said.seal.problems(ignore.ignores_file):
            raise failure_errors.built_otherwise(what, problems)

    def _reported(self) -> Identity:
        """The newest identity since the action began, once the state is `started`.

        An app that reports itself, behind the launcher of its sealed image, gets some time to do so.
        """
        if self._nothing_was_done:
            self.watch.log = self.installed.before
            self.observed = newest(self.watch.log)
            if self.observed:
                return self.observed
        began = time.monotonic()
        lines, pauses = LOG_LINES, chain(FIRST_POLLS, repeat(POLL))
        while True:
            state = self.watch.look(lines)
            lines = MORE_LINES
            self.observed = newest(self._fresh(self.watch.log))
            if state.state == "started" and self.observed and self._complete(time.monotonic() - began):
                return self.observed
            self._give_up(state, time.monotonic() - began)
            self._give_up_on_crash(time.monotonic() - began)
            time.sleep(next(pauses))

    def _complete(self, waited: float) -> bool:
        """Whether no further report is expected after the observed one."""
        said, options = self.observed, self.task.options
        if said is None or said.own or not options.reports or not said.is_(self.task.expected):
            return True
        return waited > OWN_DEADLINE

    def _started(self) -> None:
        """Waits for the state `started`."""
        if self._nothing_was_done:
            self.watch.log = self.installed.before
            return
        began, pauses = time.monotonic(), chain(FIRST_POLLS, repeat(POLL))
        while (state := self.watch.look(LOG_LINES)).state != "started":
            self._give_up(state, time.monotonic() - began)
            time.sleep(next(pauses))

    def _give_up_on_crash(self, waited: float) -> None:
        """Raises NotVerified if the log shows that the program dies, although its container lives on.

        One crash may be the end of the old container, or be followed by a slow start.
        """
        fresh = self._fresh(self.watch.log)
        if fresh != self._newest:
            self._newest, self._quiet_since = fresh, waited
        crashes = crash_count(fresh)
        if crashes > 1 or (crashes and waited - self._quiet_since > CRASH_QUIET):
            raise self._crashed()

    def _crashed(self) -> Bb8Error:
        crash = last_crash(self._fresh(self.watch.log))
        return failure_errors.crashed(
            self.task.what, crash.cause if crash else "see its log", self.last_words()
        )

    def _give_up(self, state: AddonState, waited: float) -> None:
        """Raises NotVerified as soon as no identity can be expected any more."""
        if state.state == "error" or (state.state not in RUNNING and waited > STOPPED_GRACE):
            raise failure_errors.died(self.task.what, state.state, self.last_words())
        if waited > (IDENTITY_DEADLINE if state.state == "started" else START_DEADLINE):
            raise self._silent(state)

    def _settle(self, seconds: float, seen: tuple[str, ...]) -> None:
        """Looks until `seconds` are over; an identity among the lines that are not in `seen` is a restart."""
        end = time.monotonic() + seconds
        while True:
            if self._nothing_was_done and self.first.later:
                last, state = True, self.watch.take(self.first.later)
            else:
                time.sleep(max(0.0, min(5.0, end - time.monotonic())))
                last = time.monotonic() >= end
                state = self.watch.look_patiently(last=last)
            newer = newer_lines(seen, self.watch.log, window=LOG_LINES)
            again = self.observed and len(identities((*seen, *newer))) > len(identities(seen))
            if state.state != "started" or state.version != self.task.expected.version:
                raise failure_errors.died(self.task.what, state.state, self.last_words())
            if again:
                raise failure_errors.restarted(self.task.what, self.last_words())
            if last:
                return

    @property
    def _nothing_was_done(self) -> bool:
        return self.installed.action is Action.NONE

    def _fresh(self, log: tuple[str, ...]) -> tuple[str, ...]:
        """The lines of the container that runs now: of a journal, those that came after the first look."""
        if self.watch.supervisor.log_is_current or self._nothing_was_done:
            return log
        return newer_lines(self.installed.before, log, window=LOG_LINES)

    def _silent(self, state: AddonState) -> Bb8Error:
        if newest(self.installed.before):
            action = self.installed.action.value
            return failure_errors.stale(self.task.what, state.state, action, self.last_words())
        return failure_errors.silent(self.task.what, state.state, self.last_words())
