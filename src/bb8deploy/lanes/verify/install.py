"""Makes the Supervisor install a version: reload, decide, carry out, start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bb8deploy.base.errors import Bb8Error, CheckFailed
from bb8deploy.catalogue.error_code import ErrorCode
from bb8deploy.host.supervisor.find_route import LOG_LINES
from bb8deploy.host.supervisor.route_interface import AddonState, Look, RefusalKind, SupervisorError, Verb
from bb8deploy.lanes.verify import failure_errors
from bb8deploy.lanes.verify.app_observer import BUILD_TAIL, RUNNING, TAIL, Watch, gone
from bb8deploy.lanes.verify.app_options import OptionHooks
from bb8deploy.lanes.verify.supervisor_actions import Actions
from bb8deploy.lanes.verify.verify_types import Installed, Task
from bb8deploy.plan.install_action import Action, Decision, Facts, decide
from bb8deploy.plan.logs.build_log import BuildFailure, read_build, unreadable_config
from bb8deploy.plan.logs.identity_line import Identity, Proof, newest
from bb8deploy.runs.run import Run
from bb8deploy.workspace.ignore_patterns import Ignore

_ALREADY = "this very content runs already"
# How far a log is read back for the identity of an app that logs much.
DEEP_LINES = 50_000


@dataclass(slots=True)
class Installer:
    """One attempt to get a version installed.

    `before` is the look from before anything was done; `profile_changed` returns for the tree digest of
    what runs whether its apparmor.txt was another one. The fields after `hooks` change during the attempt:
    `answered`: the Supervisor itself reported the end of the action; `touched`: the container may have
    changed.
    """

    run: Run
    watch: Watch
    actions: Actions
    task: Task
    before: Look
    profile_changed: Callable[[str], bool] = lambda _running: False
    hooks: OptionHooks = field(default_factory=OptionHooks)
    decision: Decision = field(default_factory=lambda: Decision(Action.NONE))
    build_log: tuple[str, ...] = ()
    answered: bool = True
    touched: bool = False
    options_set: bool = False

    def install(self) -> Installed:
        """Reloads the store, decides, and has the Supervisor carry out the decision.

        Raises CheckFailed if the plan refuses, NotVerified if the Supervisor could not do it.
        """
        sent, where, slug = self.task.options.sent, self.task.where, self.task.slug
        if not sent:
            self._look_deeper()
        if not sent and self._runs_already() and not _options_differ(self):
            self.decision = Decision(Action.NONE, why=_ALREADY)
            self.watch.saw("started")
            return Installed(self.decision, self.before.log)
        with self.run.step("reload the store", where):
            state = self.actions.reload()
        self.decision = decide(self._facts(state))
        if self.decision.refusal:
            raise _refusal(self, self.decision.refusal)
        self.decision = _with_options(self, self.decision)
        verb = _VERBS.get(self.decision.action)
        if state.installed and self.decision.start:
            self.hooks.check(state)
        if verb:
            with self.run.step(f"{verb} {slug}", where) as facts:
                facts["why"] = self.decision.why
                state = self._carry_out(verb, state)
        if verb == "install" and not self.watch.supervisor.log_is_current:
            # The journal keeps the lines of an app that was uninstalled, and shows them once it is back.
            self.before = replace(self.before, log=self.watch.supervisor.logs(slug, LOG_LINES))
        if self.task.options.sets_options and self.decision.action is not Action.NONE:
            state = self._set_options(state)
        if self.decision.start and state.state not in RUNNING:
            with self.run.step(f"start {slug}", where):
                self._start()
        return Installed(self.decision, self.before.log, self.answered)

    def reload_only(self) -> Installed | None:
        """Reloads the store for files that were put back; the app as installed if the log proves that it runs
        from them, else None."""
        self._look_deeper()
        with self.run.step("reload the store", self.task.where):
            state = self.actions.reload()
        said = newest(self.before.log)
        if state.state != "started" or said is None or not said.is_(self.task.expected):
            return None
        self.decision = Decision(Action.NONE, why="the app was not touched")
        return Installed(self.decision, self.before.log)

    def foreseen(self) -> Decision:
        """What `install` would do, as far as that can be known before the reload."""
        decision = Decision(Action.NONE, why=_ALREADY)
        if self.task.options.sent or not self._runs_already():
            state = self.before.state or gone(self.task.slug)
            decision = decide(self._facts(replace(state, listed=self.task.expected.version, detached=False)))
        return _with_options(self, decision)

    def _look_deeper(self) -> None:
        """Reads further back if the newest log lines do not have the identity of what runs, which would
        otherwise be rebuilt for nothing."""
        state = self.before.state
        if state and state.state == "started" and not newest(self.before.log):
            log = self.watch.container_log(DEEP_LINES)
            self.before = replace(self.before, log=log or self.before.log)

    def _runs_already(self) -> bool:
        state = self.before.state
        if state is None or state.detached or state.state != "started":
            return False
        if not state.version == state.listed == self.task.expected.version:
            return False
        if self.task.options.proof is Proof.RUNNING and self.task.unchanged:
            return True
        return _proves(self, newest(self.before.log))

    def _facts(self, state: AddonState) -> Facts:
        options, expected = self.task.options, self.task.expected
        said = newest(self.before.log) if options.trusts_log else None
        same = _proves(self, said)
        other = state.version == expected.version and not same
        return Facts(
            wanted=expected.version,
            installed=state.version,
            listed=state.listed,
            state=state.state,
            detached=state.detached,
            image_based=self.task.image_based,
            same_content=same,
            profile_changed=other and self.profile_changed(said.tree if said else ""),
            start_wanted=options.start,
            unchanged=options.proof is Proof.RUNNING and self.task.unchanged,
            built_as_sent=options.built_as_sent,
        )

    def _carry_out(self, verb: Verb, before: AddonState) -> AddonState:
        """Has the Supervisor carry out the verb; returns the state that a look shows afterwards."""
        self.touched = True
        try:
            self.answered = self.actions.act(verb)
        except SupervisorError as error:
            # A rebuild removes the container first; one that is refused at once does not.
            began = verb == "rebuild" and error.problem in failure_errors.BUILDING
            self.touched = began or self._differs(before)
            if self._waits_for_options(error):
                return self.watch.info()
            if not self._in_by_another_job(error):
                raise self._failure(verb, error) from error
            self.answered = False
            self.actions.wait_idle()
            if verb != "rebuild" and not self.task.options.built_as_sent:
                why = "another job built it, maybe from an edit"
                self.decision = replace(self.decision, action=Action.REBUILD, why=why)
                return self._carry_out("rebuild", before)
        state = self.watch.info()
        if state.version != self.task.expected.version:
            raise failure_errors.not_installed(self.task.what, verb, state, self._read_build())
        return state

    def _set_options(self, state: AddonState) -> AddonState:
        """Sets the app's options. They take effect at the next start, so a running app is stopped first."""
        self.touched = self.options_set = True
        if state.state in RUNNING:
            self.actions.stop()
        self.hooks.set(state)
        return self.watch.info()

    def _differs(self, before: AddonState) -> bool:
        """Whether the app's version or state changed, after an action that was refused."""
        now = self.watch.info()
        return (now.version, now.state) != (before.version, before.state)

    def _waits_for_options(self, error: SupervisorError) -> bool:
        """Whether the version is installed, and its start was refused for options that are not set yet."""
        asked = self.task.options.sets_options and error.problem is RefusalKind.OPTIONS
        return asked and self.watch.info().version == self.task.expected.version

    def _in_by_another_job(self, error: SupervisorError) -> bool:
        """Whether a job that was already at work, such as a killed run's, has installed the version."""
        news = {RefusalKind.NO_UPDATE, RefusalKind.INSTALLED}
        return error.problem in news and self.watch.info().version == self.task.expected.version

    def _start(self) -> None:
        self.touched = True
        try:
            self._start_or_rebuild()
        except SupervisorError as error:
            self._read_build()
            raise self._start_refused(error) from error

    def _start_or_rebuild(self) -> None:
        """Starts what was built; if its image is gone, which only the start shows, builds it again."""
        try:
            self.actions.start()
        except SupervisorError as error:
            if self.decision.action is not Action.START or error.problem is not RefusalKind.OTHER:
                raise
            self.decision = replace(self.decision, action=Action.REBUILD, why="its image is gone")
            self._carry_out("rebuild", self.watch.info())
            self.actions.start()

    def _read_build(self) -> BuildFailure:
        build = read_build(self.watch.supervisor_log(), BUILD_TAIL, self.task.slug.removeprefix("local_"))
        self.build_log = build.lines
        return build

    def _failure(self, verb: Verb, error: SupervisorError) -> Bb8Error:
        """The error for a verb that was refused or broke off, with what a look shows to be left."""
        build = self._read_build()
        state = self.watch.info()
        if verb != "rebuild" and state.version == self.task.expected.version:
            return self._start_refused(error)
        return failure_errors.action_failed(self.task.what, verb, state, error, build)

    def _start_refused(self, error: SupervisorError) -> Bb8Error:
        words = (*self.watch.container_log()[-TAIL:], *self.build_log[:TAIL])
        return failure_errors.start_refused(self.task.what, error, words)


_VERBS: dict[Action, Verb] = {
    Action.INSTALL: "install",
    Action.UPDATE: "update",
    Action.REBUILD: "rebuild",
}


def _proves(installer: Installer, said: Identity | None) -> bool:
    """Whether what runs is the wanted content. An image whose builder took other files is built again."""
    task = installer.task
    if said is None or not (task.options.built_as_sent and said.proves(task.expected, task.options.proof)):
        return False
    if said.seal is None or task.options.proof is not Proof.SEALED:
        return True
    ignore = Ignore.of_workspace(installer.run.workspace)
    return not said.seal.problems(ignore.ignores_file)


def _refusal(installer: Installer, code: ErrorCode[CheckFailed]) -> Bb8Error:
    slug, decision = installer.task.slug, installer.decision
    told: tuple[str, ...] = ()
    if decision.code in failure_errors.UNLISTED:
        told = unreadable_config(installer.watch.supervisor_log(), slug.removeprefix("local_"))[:TAIL]
    return code(f"{slug}: {decision.why}", details=told)


def _with_options(installer: Installer, decision: Decision) -> Decision:
    """Options take effect at the next start, so an app that gets others is started again."""
    if decision.action is Action.NONE and _options_differ(installer):
        return Decision(Action.START, why="its options change", start=True)
    return decision


def _options_differ(installer: Installer) -> bool:
    """Whether the installed app has other settings than the options file; it is then started again."""
    state = installer.before.state
    return (
        installer.task.options.start
        and state is not None
        and state.installed
        and installer.hooks.differ(state)
    )
