"""What a rollout does on each host: deploy, verify or rollback, as the command for one host does it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from bb8deploy.base.errors import UsageError
from bb8deploy.catalogue.errors.ship.release import RESUME_NOTHING
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.deploy.deploy import DeployOptions, DeployOutcome, deploy
from bb8deploy.lanes.deploy.dry_run import foresee_verify
from bb8deploy.lanes.deploy.rollback import roll_back_host
from bb8deploy.lanes.deploy.static_rules_check import require_valid
from bb8deploy.lanes.host_session import Access
from bb8deploy.lanes.rollout.host_result import HostWork
from bb8deploy.lanes.rollout.one_copy import one_copy
from bb8deploy.lanes.sync.plan_from_workspace import AppRead
from bb8deploy.lanes.verify.verify import verify_host
from bb8deploy.lanes.verify.verify_types import VerifyOptions
from bb8deploy.runs.run import Run, resume_command

Opened = Callable[[Host], object]


class HostCommand(Protocol):
    """A command for one host; every host gets the same."""

    @property
    def content(self) -> str:
        """What a host has once the command is done: a host that is done with another content is not done."""

    def resume(self, asked: Sequence[str] = ()) -> str:
        """The command that continues a rollout to these targets that stopped; empty if none does."""

    def carry_out(self, own: Run, opened: Opened) -> HostWork:
        """Carries it out for the host of `own`; `opened` receives the connection. Raises Bb8Error."""


@dataclass(frozen=True, slots=True)
class DeployHost:
    """A deploy of the app that was read once for all hosts."""

    options: DeployOptions
    content: str = ""

    def resume(self, asked: Sequence[str] = ()) -> str:
        """The resume of a deploy."""
        return resume_command("deploy", asked)

    def carry_out(self, own: Run, opened: Opened) -> HostWork:
        """Deploys. Raises what `deploy` raises."""
        outcome = self._deployed(own, opened)
        verified, synced = outcome.verified, outcome.synced
        if verified is None:
            return HostWork(synced.version, self.content, planned=True, preview=outcome.preview)
        return HostWork(synced.version, self.content, verified.action)

    def _deployed(self, own: Run, opened: Opened) -> DeployOutcome:
        """Of several hosts that are resumed, some had reached their end or never begun."""
        try:
            return deploy(own, self.options, opened=opened)
        except UsageError as error:
            if error.code != RESUME_NOTHING.code:
                raise
        return deploy(own, replace(self.options, resume=False), opened=opened)


@dataclass(frozen=True, slots=True)
class VerifyHost:
    """Lane 3 for the app that was read once for all hosts."""

    app: AppRead
    access: Access
    options: VerifyOptions

    @property
    def content(self) -> str:
        """The tree digest."""
        return self.app.app.tree.digest

    def resume(self, asked: Sequence[str] = ()) -> str:  # noqa: ARG002 - as the protocol has it
        """None: a verification begins with the first host."""
        return ""

    def carry_out(self, own: Run, opened: Opened) -> HostWork:
        """Verifies. Raises what `verify_host` raises."""
        if own.dry_run:
            lines = foresee_verify(own, self.access, self.options, self.app)
            return HostWork(self.app.app.version, self.content, planned=True, preview=lines)
        outcome = verify_host(own, self.access, self.options, app=self.app, opened=opened)
        return HostWork(outcome.version, self.content, outcome.action)


@dataclass(frozen=True, slots=True)
class RollbackHost:
    """A rollback to each host's own earlier tree, or to one tagged `version` on all of them."""

    access: Access
    version: str = ""

    @property
    def content(self) -> str:
        """The version that was asked for, so that a resume with another one begins again."""
        return self.version or "the earlier tree"

    def resume(self, asked: Sequence[str] = ()) -> str:
        """With the version: without it, the hosts would go back to their earlier trees."""
        words = ["bb8deploy", "rollback", *([shlex.quote(self.version)] if self.version else [])]
        return " ".join([*words, *(f"--target {shlex.quote(name)}" for name in asked), "--resume"])

    def carry_out(self, own: Run, opened: Opened) -> HostWork:
        """Rolls back. Raises what `roll_back_host` raises."""
        outcome = roll_back_host(own, self.access, self.version, opened=opened)
        if own.dry_run:
            return HostWork(outcome.version, planned=True, preview=outcome.preview)
        return HostWork(outcome.version, outcome.tree, outcome.action)


@contextmanager
def deploying(run: Run, options: DeployOptions) -> Iterator[DeployHost]:
    """The deploy of one app to several hosts: it is checked, copied and read once.

    Raises CheckFailed VALIDATE_FAILED before any host is contacted.
    """
    if options.validate:
        require_valid(run)
    with one_copy(run) as app:
        yield DeployHost(replace(options, validate=False, app=app), app.app.tree.digest)


@contextmanager
def verifying(run: Run, access: Access, options: VerifyOptions) -> Iterator[VerifyHost]:
    """The verification of one app on several hosts: it is copied and read once."""
    with one_copy(run) as app:
        yield VerifyHost(app, access, options)
