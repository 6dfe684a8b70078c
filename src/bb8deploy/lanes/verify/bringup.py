"""Makes the Supervisor run a version and waits for the add-on's own word: what verify and rollback share."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

from bb8deploy.base.errors import Bb8Error, CheckFailed
from bb8deploy.catalogue.entries import ErrorCode
from bb8deploy.catalogue.errors.supervisor import SUPERVISOR_UNHEALTHY
from bb8deploy.host.supervisor.base import (
    RELOAD,
    AddonState,
    Look,
    NoAnswer,
    Problem,
    Supervisor,
    SupervisorError,
    Verb,
)
from bb8deploy.host.supervisor.route import LOG_LINES
from bb8deploy.lanes.verify import bringup_errors as errors
from bb8deploy.plan.identity import Expected, Identity, newer_lines, newest
from bb8deploy.plan.lifecycle import Action, Decision, Facts, decide
from bb8deploy.plan.logview import build_output
from bb8deploy.runs.run import Run

# Seconds between two looks: short at first, because most things are soon done.
FIRST_POLLS, POLL = (0.2, 0.4, 0.7), 1.0
# A container that was started and has not said who it is by then says nothing at all.
IDENTITY_DEADLINE = 60.0
START_DEADLINE = 180.0
STOPPED_GRACE = 15.0
LOOK_PATIENCE = 60.0
RUNNING = ("started", "startup")
_ALREADY = "this very content runs already"
TAIL, BUILD_TAIL = 20, 60
# How far a log is read back for the report of an add-on that says much.
MORE_LINES, DEEP_LINES = 5_000, 50_000


@dataclass(slots=True)
class Bringup:
    """One attempt to get `expected` to run. `sent`: this run changed the files on the host.

    `profile_changed` tells for the tree digest of what runs whether apparmor.txt is another one than its;
    `answered`: the Supervisor itself said that the action was done; `trusts_log`: the newest report in the
    log is that of what is installed, which it is not where a later container may have died without a word.
    `before` is the look before anything was done; `states`, `log`, `build_log`, `built_here` and `rode` (what
    the `rider` printed with the last look) fill as it goes.
    """

    run: Run
    supervisor: Supervisor
    slug: str
    expected: Expected
    before: Look
    where: str
    image_based: bool = False
    sent: bool = False
    profile_changed: Callable[[str], bool] = lambda _running: False
    start: bool = True
    backup: bool = False
    trusts_log: bool = True
    rider: str = ""
    answered: bool = True
    rode: bytes | None = None
    built_here: bool | None = None
    decision: Decision = field(default_factory=lambda: Decision(Action.NONE))
    states: list[str] = field(default_factory=list)
    log: tuple[str, ...] = ()
    build_log: tuple[str, ...] = ()
    observed: Identity | None = None

    # ------------------------------------------------------------------ putting it in

    def put_in(self) -> Decision:
        """Reloads, decides, and has the Supervisor carry it out; afterwards the version is installed.

        Raises CheckFailed where the plan refuses, NotVerified where the Supervisor could not do it.
        """
        if not self.sent:
            self._look_deeper()
        if not self.sent and self._runs_already():
            self.decision = Decision(Action.NONE, why=_ALREADY)
            self._saw("started")
            return self.decision
        with self.run.step("reload the store", self.where):
            state = self._reloaded()
        self.decision = decide(self._facts(state))
        if self.decision.refusal:
            raise self._refusal(self.decision.refusal)
        verb = _VERBS.get(self.decision.action)
        if verb:
            with self.run.step(f"{verb} {self.slug}", self.where) as facts:
                facts["why"] = self.decision.why
                state = self._carried_out(verb)
        if verb == "install" and not self.supervisor.log_is_current:
            self._leave_behind_what_was_said()
        if self.decision.start and state.state not in RUNNING:
            with self.run.step(f"start {self.slug}", self.where):
                self._started()
        return self.decision

    def _leave_behind_what_was_said(self) -> None:
        """The journal keeps the lines of an app that was uninstalled, and shows them once it is back."""
        self.before = replace(self.before, log=self.supervisor.logs(self.slug, LOG_LINES))

    def _start_or_rebuild(self) -> None:
        """Starts what was built; where its image is gone, which only the start shows, builds it again."""
        try:
            self._act_start()
        except SupervisorError as error:
            if self.decision.action is not Action.START or error.problem is not Problem.OTHER:
                raise
            why = "its image is gone"
            self.decision = replace(self.decision, action=Action.REBUILD, why=why)
            self._carried_out("rebuild")
            self._act_start()

    def _act_start(self) -> None:
        end = time.monotonic() + START_DEADLINE
        answered = self._patient(
            lambda: self.supervisor.act("start", self.slug, deadline=START_DEADLINE), end
        )
        if not answered:
            self._wait_idle(end)

    def _look_deeper(self) -> None:
        """Reads far back where what runs has said so much since its report that the newest lines do not hold
        it: it would be rebuilt for nothing."""
        state = self.before.state
        if state and state.state == "started" and not newest(self.before.log):
            log = self._container_log(DEEP_LINES)
            self.before = replace(self.before, log=log or self.before.log)

    def _runs_already(self) -> bool:
        state = self.before.state
        if state is None or state.detached or state.state != "started":
            return False
        same = state.version == state.listed == self.expected.version
        said = newest(self.before.log)
        return same and said is not None and said.is_(self.expected)

    def foreseen(self) -> Decision:
        """What `put_in` would do, as far as that can be told before the reload."""
        if not self.sent and self._runs_already():
            return Decision(Action.NONE, why=_ALREADY)
        state = self.before.state or replace(_GONE, slug=self.slug)
        return decide(self._facts(replace(state, listed=self.expected.version, detached=False)))

    def _facts(self, state: AddonState) -> Facts:
        said = newest(self.before.log) if self.trusts_log else None
        same = said is not None and said.is_(self.expected)
        other = state.version == self.expected.version and not same
        return Facts(
            wanted=self.expected.version,
            installed=state.version,
            listed=state.listed,
            state=state.state,
            detached=state.detached,
            image_based=self.image_based,
            same_content=same,
            profile_changed=other and self.profile_changed(said.tree if said else ""),
            start_wanted=self.start,
        )

    def _reloaded(self) -> AddonState:
        """The state after a reload; a reload without an answer is waited for by looking."""
        end = time.monotonic() + RELOAD
        lost = not self._patient(self.supervisor.reload_store, end)
        while True:
            state = self._info()
            if not lost or state.listed == self.expected.version or time.monotonic() > end:
                return state
            time.sleep(POLL)

    def _carried_out(self, verb: Verb) -> AddonState:
        """The state after the verb has come to its end, seen by looking, not by its answer alone."""
        deadline = self.run.settings.bb8_build_deadline
        end = time.monotonic() + deadline
        try:
            answered = self._patient(
                lambda: self.supervisor.act(
                    verb, self.slug, backup=self.backup, deadline=max(1.0, end - time.monotonic())
                ),
                end,
            )
        except SupervisorError as error:
            if not self._in_by_another_job(error):
                raise self._failure(verb, error) from error
            answered = False
        self.answered = answered
        if not answered:
            self._wait_idle(end)
        state = self._info()
        if state.version != self.expected.version:
            self.build_log = self._supervisor_log()
            raise errors.not_in(self._what, verb, state, self.build_log)
        return state

    def _in_by_another_job(self, error: SupervisorError) -> bool:
        """Whether one that was at work already, such as a killed run's, has put the version in meanwhile."""
        news = {Problem.NO_UPDATE, Problem.INSTALLED}
        return error.problem in news and self._info().version == self.expected.version

    def _started(self) -> None:
        try:
            self._start_or_rebuild()
        except SupervisorError as error:
            self.build_log = self._supervisor_log()
            raise self._start_refused(error) from error

    def _patient(self, call: Callable[[], None], end: float) -> bool:
        """Calls until `end` while another job is at work; False where the call ended without an answer."""
        while True:
            try:
                call()
            except SupervisorError as error:
                if error.problem is Problem.UNHEALTHY:
                    raise SUPERVISOR_UNHEALTHY(error.cause, error.remedy) from error
                if error.problem not in {Problem.BUSY, Problem.NOT_READY} or time.monotonic() > end:
                    raise
                self._note_once(f"waiting: {error.message}")
                time.sleep(POLL)
            except NoAnswer as error:
                self._note_once(f"{error.cause}; looking what became of it")
                return False
            else:
                return True

    def _wait_idle(self, end: float) -> None:
        """Waits until no job about the add-on is under way; a Supervisor that is silent is asked again.

        Raises Unreachable JOB_UNFINISHED at `end`: what will run in the end cannot be told yet.
        """
        while time.monotonic() < end:
            try:
                busy = [job for job in self.supervisor.jobs() if job.reference == self.slug and not job.done]
            except NoAnswer:
                busy = None
            if busy == []:
                return
            time.sleep(POLL)
        raise errors.unfinished(self._what)

    # ------------------------------------------------------------------ the add-on's own word

    def observe(self) -> Identity:
        """Waits for the identity of the container that runs now, and that it stays started.

        Raises NotVerified: it died, says nothing, says something else, or does not stay.
        """
        with self.run.step("wait for the add-on's own report", self.where) as facts:
            said = self._reported()
            facts.update(version=said.version, tree=said.tree, run=said.run)
        if not said.is_(self.expected):
            raise errors.other_identity(self._what, said, self.expected, self.last_words())
        settle = self.run.settings.bb8_settle_seconds
        with self.run.step(f"watch it for {settle:g} s", self.where):
            self._settle(settle, self.log)
        return said

    def _reported(self) -> Identity:
        """The newest report since the action began, once the state is `started`."""
        if self.decision.action is Action.NONE:
            self.log = self.before.log
            self.observed = newest(self.log)
            if self.observed:
                return self.observed
        began = time.monotonic()
        lines, pauses = LOG_LINES, chain(FIRST_POLLS, repeat(POLL))
        while True:
            state = self._look(lines)
            lines = MORE_LINES
            self.observed = newest(self._fresh(self.log))
            waited = time.monotonic() - began
            if state.state == "started" and self.observed:
                return self.observed
            if state.state == "error" or (state.state not in RUNNING and waited > STOPPED_GRACE):
                raise errors.died(self._what, state.state, self.last_words())
            if waited > (IDENTITY_DEADLINE if state.state == "started" else START_DEADLINE):
                raise self._silent(state)
            time.sleep(next(pauses))

    def _settle(self, seconds: float, seen: tuple[str, ...]) -> None:
        """Looks until `seconds` are over; a report among the lines that are not in `seen` is a new start."""
        end = time.monotonic() + seconds
        while True:
            if self.decision.action is Action.NONE and self.before.later:
                last, state = True, self._take(self.before.later)
            else:
                time.sleep(max(0.0, min(5.0, end - time.monotonic())))
                last = time.monotonic() >= end
                state = self._look_patiently(self.rider if last else "")
            again = newest(newer_lines(seen, self.log, window=LOG_LINES)) is not None
            if state.state != "started" or state.version != self.expected.version:
                raise errors.died(self._what, state.state, self.last_words())
            if again:
                raise errors.restarted(self._what, self.last_words())
            if last:
                return

    def _fresh(self, log: tuple[str, ...]) -> tuple[str, ...]:
        """The lines of the container that runs now: of a journal, those that came after the first look."""
        if self.supervisor.log_is_current or self.decision.action is Action.NONE:
            return log
        return newer_lines(self.before.log, log, window=LOG_LINES)

    # ------------------------------------------------------------------ looking

    def _look(self, lines: int) -> AddonState:
        try:
            look = self.supervisor.look(self.slug, lines)
        except NoAnswer:
            return AddonState(self.slug, True, self.expected.version, "", "startup", False, False)
        return self._take(look)

    def _look_patiently(self, rider: str) -> AddonState:
        """A look without an answer says nothing of the add-on: another one follows, for a minute."""
        end = time.monotonic() + LOOK_PATIENCE
        while True:
            try:
                return self._take(self.supervisor.look(self.slug, LOG_LINES, rider=rider))
            except NoAnswer:
                if time.monotonic() > end:
                    raise
            time.sleep(POLL)

    def _take(self, look: Look) -> AddonState:
        state = look.state or replace(_GONE, slug=self.slug)
        self.log, self.rode, self.built_here = look.log, look.rider, state.built_here
        self._saw(state.state)
        return state

    def _info(self) -> AddonState:
        try:
            state = self.supervisor.info(self.slug)
        except SupervisorError as error:
            if error.problem is not Problem.UNKNOWN_APP:
                raise
            state = replace(_GONE, slug=self.slug)
        self._saw(state.state)
        return state

    def _saw(self, state: str) -> None:
        if self.states[-1:] != [state]:
            self.states.append(state)

    def _note_once(self, text: str) -> None:
        if text not in self._noted:
            self._noted.append(text)
            self.run.progress.note(text)

    _noted: list[str] = field(default_factory=list)

    def _container_log(self, lines: int = LOG_LINES) -> tuple[str, ...]:
        try:
            return self.supervisor.logs(self.slug, lines)
        except Bb8Error:
            return ()

    def _supervisor_log(self) -> tuple[str, ...]:
        try:
            return build_output(self.supervisor.supervisor_logs(LOG_LINES), BUILD_TAIL)
        except Bb8Error:
            return ()

    # ------------------------------------------------------------------ what went wrong

    @property
    def _what(self) -> str:
        return f"{self.slug} {self.expected.version}"

    def last_words(self) -> tuple[str, ...]:
        """What the container that runs now, or ran last, said at the end."""
        return self._fresh(self.log)[-TAIL:]

    def _refusal(self, code: ErrorCode[CheckFailed]) -> Bb8Error:
        self.build_log = self._supervisor_log() if self.decision.code in errors.UNLISTED else ()
        name = self.slug.removeprefix("local_")
        told = [line for line in self.build_log if name in line or "config" in line]
        return code(f"{self.slug}: {self.decision.why}", details=told[-TAIL:])

    def _failure(self, verb: Verb, error: SupervisorError) -> Bb8Error:
        """The error for a verb that was refused or broke off, with what a look shows to be left."""
        self.build_log = self._supervisor_log()
        state = self._info()
        if verb != "rebuild" and state.version == self.expected.version:
            return self._start_refused(error)
        return errors.not_done(self._what, verb, state, error, self.build_log)

    def _start_refused(self, error: SupervisorError) -> Bb8Error:
        self.log = self._container_log()
        words = (*self.last_words(), *self.build_log[-TAIL:])
        return errors.start_refused(self._what, error, words)

    def _silent(self, state: AddonState) -> Bb8Error:
        if newest(self.before.log):
            return errors.stale(self._what, state.state, self.decision.action.value, self.last_words())
        return errors.silent(self._what, state.state, self.last_words())


_VERBS: dict[Action, Verb] = {
    Action.INSTALL: "install",
    Action.UPDATE: "update",
    Action.REBUILD: "rebuild",
}
_GONE = AddonState("", False, "", "", "unknown", False, False)
