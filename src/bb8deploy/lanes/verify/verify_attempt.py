"""One attempt at lane 3: its parts in order, its tokens, and what its contract records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from bb8deploy.base.errors import Bb8Error, NotVerified
from bb8deploy.base.os_differences import user_and_machine
from bb8deploy.catalogue.errors.app import IDENTITY_MISSING
from bb8deploy.catalogue.errors.supervisor import ROUTE_ONLY_SERVICE
from bb8deploy.host.folder_rehash import RehashProgram, seen_beside
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.core_restart_service import restart_by_service
from bb8deploy.host.supervisor.find_route import Capabilities, OnlyService, Reached, reach
from bb8deploy.host.supervisor.route_interface import LookExtras
from bb8deploy.lanes.host_session import is_pulled, slug_of
from bb8deploy.lanes.verify.app_observer import RUNNING, Watch
from bb8deploy.lanes.verify.app_options import hooks_for, setting_changes
from bb8deploy.lanes.verify.contract import VerifyRecord, write_contract
from bb8deploy.lanes.verify.install import Installer
from bb8deploy.lanes.verify.proof.folder_check import AppFolder, require_alone, require_tidy
from bb8deploy.lanes.verify.proof.receipt_lines import VerifyLines, skip_all
from bb8deploy.lanes.verify.proof.undetected_edits import undetected_edits
from bb8deploy.lanes.verify.proof.wait_for_identity import Prover
from bb8deploy.lanes.verify.seen_running import record_ran
from bb8deploy.lanes.verify.supervisor_actions import Actions
from bb8deploy.lanes.verify.verify_types import (
    PROFILE,
    Delivered,
    Installed,
    Task,
    VerifyOptions,
    VerifyOutcome,
)
from bb8deploy.plan.app_settings import AppSettings, SettingChange, of_info
from bb8deploy.plan.install_action import Action
from bb8deploy.plan.logs.identity_line import Identity, Proof, newest
from bb8deploy.plan.sync_plan import Stamp, times_digest
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import PutIn


@dataclass(slots=True)
class Attempt:
    """An attempt to install and verify `delivered`; `reached` is the route, if it was asked before the sync.

    `first` is called before anything is done to the app; `installer` and `prover` are set as soon as the
    attempt reaches them, `reached_proof` once its token is written.
    """

    run: Run
    host: Host
    delivered: Delivered
    options: VerifyOptions
    reached: Reached | None = None
    first: Callable[[Installer], object] = lambda _installer: None
    capabilities: Capabilities | None = None
    installer: Installer | None = None
    prover: Prover | None = None
    topology: tuple[str, ...] = ()
    reached_proof: Proof | None = None

    @property
    def touched(self) -> bool:
        """True if the Supervisor may have changed the app's container in this attempt."""
        return self.installer is not None and self.installer.touched

    @property
    def ran(self) -> Identity | None:
        """What the app that ran before this attempt reported; None if none ran, or it reports nothing."""
        before = self.installer.before if self.installer else None
        runs = before is not None and before.state is not None and before.state.state in RUNNING
        return newest(before.log) if before and runs else None

    def carry_out(self) -> VerifyOutcome:
        """Installs and proves. Raises Bb8Error; what was reached by then stays in the attributes."""
        expected = self.delivered.expected
        with self.opened() as installer:
            self._require_alone(installer)
            if unseen := undetected_by(self):
                self.run.progress.warn(unseen)
            self.first(installer)
            installed, watch = installer.install(), installer.watch
            if installed.action in {Action.INSTALL, Action.UPDATE, Action.REBUILD} and installed.answered:
                self.record_put_in()
            lines = VerifyLines(self.run.ledger, expected.version, installed, watch.supervisor.route)
            lines.after_action()
            said, reason = self._verified(installed, lines)
            self._check_topology(watch, checked=said is not None)
        return VerifyOutcome(
            slug=watch.slug,
            version=expected.version,
            action=installed.action.value,
            route=watch.supervisor.route,
            verified=said is not None,
            observed=said,
            states=tuple(watch.states),
            capabilities=self.capabilities or Capabilities(()),
            reason=reason,
            running=self.reached_proof is not None,
            proof=self.reached_proof,
            settings=_settings_set(self, installer),
        )

    def record_put_in(self) -> None:
        """Records on the host that what runs was built from what was delivered."""
        times = times_digest(self.delivered.tree, Ignore.of_workspace(self.run.workspace))
        self.host.record_put_in(PutIn(self.delivered.expected.run, times))

    def _require_alone(self, installer: Installer) -> None:
        """Raises CheckFailed TOPOLOGY_WRONG before the Supervisor could act on another folder's app."""
        if self.reached:
            return  # it was looked at before the files were sent
        seen = seen_beside(self.host, installer.watch.rehash, installer.before.program_output)
        require_alone(self.run, self.host, seen)

    def prove(self, installed: Installed) -> Identity:
        """Verifies what runs after `opened`: its identity, and that the host still holds what was delivered.

        Raises NotVerified; writes no token.
        """
        prover = self._prover(installed)
        said = prover.identity()
        AppFolder(self.run, self.host, prover.watch, self.delivered).check_tree()
        return said

    def check_runs(self, installed: Installed) -> None:
        """Checks after `opened` that the app runs and stays started. Raises NotVerified; writes no token."""
        prover = self._prover(installed)
        prover.running()
        AppFolder(self.run, self.host, prover.watch, self.delivered).check_tree()

    def _prover(self, installed: Installed) -> Prover:
        installer = self.installer
        if installer is None:
            raise RuntimeError("the attempt was not opened")
        self.prover = Prover(self.run, installer.watch, installer.task, installed, installer.before)
        return self.prover

    @contextmanager
    def opened(self, *, settle: bool = True) -> Iterator[Installer]:
        """The installer, over the best route to the Supervisor.

        If nothing was sent, everything is most likely in place: then the first look watches the app over the
        settle time too, in one command, with `settle`.
        """
        run, rehash = self.run, RehashProgram.of(self.host)
        again = run.settings.bb8_settle_seconds if settle and not self.options.sent else 0.0
        try:
            with run.step("ask the Supervisor", self.host.where) as facts:
                reached = self.reached or self._reach(rehash, again)
                facts["route"] = reached.capabilities.chosen
        except OnlyService as only:
            raise self._restart_only(only) from only
        try:
            self.capabilities = reached.capabilities
            self.installer = self._installer(reached, rehash)
            yield self.installer
        finally:
            reached.supervisor.close()

    def write_contract(self, error: Bb8Error | None) -> None:
        """Writes verify_contract_v1 for as far as the attempt came."""
        installer, prover = self.installer, self.prover
        record = VerifyRecord(
            slug=slug_of(self.run),
            expected=self.delivered.expected,
            routes=self.capabilities.describe() if self.capabilities else (),
            route=installer.watch.supervisor.route if installer else "",
            decision=installer.decision if installer else None,
            states=tuple(installer.watch.states) if installer else (),
            observed=prover.observed if prover else None,
            topology=self.topology,
            log_tail=prover.last_words() if prover and error else (),
            build_log=installer.build_log if installer and error else (),
            error=error.code if error else "",
            proof=self.reached_proof,
            undetected_edits=undetected_by(self),
        )
        write_contract(self.run, record)

    def _reach(self, rehash: RehashProgram | None, again: float) -> Reached:
        run, extras = self.run, LookExtras(rehash.program if rehash else "", again)
        return reach(run.settings, run.addon, self.host, slug_of(run), extras)

    def _installer(self, reached: Reached, rehash: RehashProgram | None) -> Installer:
        run, slug = self.run, slug_of(self.run)
        expected = self.delivered.expected
        unchanged = not self.options.sent and self.delivered.tree.put_in.run == expected.run
        task = Task(slug, self.host.where, expected, self.options, is_pulled(run), unchanged)
        watch = Watch(reached.supervisor, slug, rehash)
        actions = Actions(watch, task, run.progress.note, run.settings.bb8_build_deadline)
        hooks = hooks_for(run, self.host, self.options)
        return Installer(run, watch, actions, task, reached.first, partial(_profile_changed, self), hooks)

    def _verified(self, installed: Installed, lines: VerifyLines) -> tuple[Identity | None, str]:
        """Writes the tokens of the running container; without an identity, the reason."""
        installer = self.installer
        if not self.options.start and installer and installer.watch.states[-1] not in RUNNING:
            lines.no_identity("--no-start")
            return None, "--no-start"
        if self.options.proof is Proof.RUNNING:
            self.check_runs(installed)
            lines.no_identity(self.options.unproven)
            lines.running()
            self.reached_proof = Proof.RUNNING
            return None, self.options.unproven
        try:
            said = self.prove(installed)
        except NotVerified as error:
            if error.code == IDENTITY_MISSING.code:
                lines.no_identity("the app reports no identity")
            raise
        lines.container(said, self.options.proof)
        record_ran(self.run, slug_of(self.run), self.delivered.expected)
        self.reached_proof = self.options.proof
        return said, ""

    def _check_topology(self, watch: Watch, *, checked: bool) -> None:
        """`checked`: the tree was hashed again after the build already."""
        folder = AppFolder(self.run, self.host, watch, self.delivered)
        with self.run.step("check the folders on the host", self.host.where):
            self.topology = folder.problems()
            require_tidy(self.host.where, self.topology)
        if not checked:
            folder.check_tree()
        place = self.host.files.runtime
        self.run.ledger.emit(Token.RUNTIME_TOPOLOGY_OK, folder=place, slug=watch.slug, by=user_and_machine())

    def _restart_only(self, only: OnlyService) -> NotVerified:
        """Restarts by Core's service, which proves nothing: the same image runs again, whatever it holds."""
        self.capabilities = only.capabilities
        run, slug = self.run, slug_of(self.run)
        with run.step(f"restart {slug} by Core's service", only.url):
            service = restart_by_service(
                only.url, only.token, slug, ca_file=run.settings.ha_ca_file, deadline=300.0
            )
        skip_all(run.ledger, f"only the service {service} can be called")
        return ROUTE_ONLY_SERVICE(
            f"{slug} was restarted by {service}, which installs no new files; nothing is proven",
            only.remedy,
            details=only.details,
        )


def undetected_by(attempt: Attempt) -> str:
    """Which undone edits an attempt cannot detect; empty if it detects all, or the host builds nothing."""
    pulled = is_pulled(attempt.run)
    return "" if pulled else undetected_edits(attempt.delivered.tree, attempt.options.proof)


def _settings_set(attempt: Attempt, installer: Installer) -> tuple[SettingChange, ...]:
    """The changed settings of an app that was installed before the attempt."""
    if not installer.options_set:
        return ()
    return setting_changes(attempt.run, installer.before.state, attempt.options)


def _profile_changed(attempt: Attempt, running: str) -> bool:
    """Whether apparmor.txt changed since what runs, by its tree digest, was put in."""
    if running == attempt.delivered.expected.tree:
        return False
    if attempt.options.profile_changed:
        return True
    back = attempt.host.files.look_back(PROFILE)
    earlier = Stamp.parse(back.stamp)
    return earlier is not None and earlier.tree == running and not back.same


def earlier_settings(attempt: Attempt) -> AppSettings | None:
    """The app's settings from before an attempt if it has set others; None if it has not."""
    installer = attempt.installer
    before = installer.before.state if installer and installer.options_set else None
    return of_info(before.raw) if before and before.installed else None
