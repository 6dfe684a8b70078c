"""Lane 3: installs or updates the app on the host, then verifies what the container reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.errors.host import HOST_DIFFERS
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.host_session import Access, held
from bb8deploy.lanes.sync.plan_from_workspace import (
    AppRead,
    Wanted,
    plan_delivery,
    read_wanted,
    require_possible,
    wanted_by,
)
from bb8deploy.lanes.verify.app_observer import TAIL
from bb8deploy.lanes.verify.proof.unchanged_since_sent import built_as_sent
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import Delivered, VerifyOptions, VerifyOutcome
from bb8deploy.plan.install_action import Action
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import Run
from bb8deploy.workspace.tree_digest import NO_RECORD


def verify_host(
    run: Run,
    access: Access | None = None,
    options: VerifyOptions | None = None,
    *,
    app: AppRead | None = None,
    opened: Callable[[Host], object] = lambda _host: None,
) -> VerifyOutcome:
    """Lane 3 as a command of its own, for the workspace's tree, which the host must hold.

    `app` is that tree if it was read before; `opened` receives the host. Raises what `verify` raises, and
    CheckFailed HOST_DIFFERS.
    """
    with held(run, "verify", access, opened=opened) as host:
        wanted = wanted_by(run, app) if app else read_wanted(run, run.addon)
        require_possible(wanted.level)
        delivered = delivered_on(run, host, wanted)
        return verify(run, host, delivered, options_for(run, wanted, delivered, options or VerifyOptions()))


def verify(run: Run, host: Host, delivered: Delivered, options: VerifyOptions | None = None) -> VerifyOutcome:
    """Carries out lane 3 for what was delivered to the host.

    Writes DEPLOY_OK, RUN_SH_PRESENT, PY_OK, VERIFY_OK and RUNTIME_TOPOLOGY_OK, each after it was observed.
    Raises NotVerified, CheckFailed, Refused or Unreachable; nothing is rolled back here.
    """
    return carry_out(Attempt(run, host, delivered, options or VerifyOptions()))


def carry_out(attempt: Attempt) -> VerifyOutcome:
    """Lane 3 for callers that need to know how far a failed attempt came. Raises as `verify` does."""
    run = attempt.run
    try:
        outcome = attempt.carry_out()
    except Bb8Error as error:
        run.findings.append(Finding(error.code, Level.ERROR, run.clean(error.cause), hint=error.remedy))
        attempt.write_contract(error)
        raise
    attempt.write_contract(None)
    _end_put_back(attempt, outcome)
    return outcome


def _end_put_back(attempt: Attempt, outcome: VerifyOutcome) -> None:
    """What an interrupted run had put back, and is verified now, needs no other rollback to complete it.

    A build has replaced that record.
    """
    was_back = attempt.delivered.tree.put_in.back is not None
    if was_back and outcome.proof and outcome.action in {Action.NONE, Action.START}:
        attempt.host.record_put_in(NO_RECORD)


def options_for(run: Run, wanted: Wanted, delivered: Delivered, options: VerifyOptions) -> VerifyOptions:
    """The options for an earlier delivery: its level, and whether it was written since it was sent."""
    seen = built_as_sent(run, delivered.tree, delivered.expected.run)
    return replace(options.at(wanted.level), built_as_sent=seen)


def delivered_on(run: Run, host: Host, wanted: Wanted) -> Delivered:
    """What the host holds, which must be the workspace's tree. Raises CheckFailed HOST_DIFFERS."""
    with run.step("hash the host's files", host.where):
        found = host.files.look()
    plan = plan_delivery(found, wanted).plan
    stamp = Stamp.parse(found.stamp)
    if not plan.nothing or stamp is None:
        raise HOST_DIFFERS(
            f"{host.files.where} does not hold the workspace's app {wanted.stamp.version}",
            details=plan.changes.paths[:TAIL],
        )
    return Delivered(Expected(stamp.version, stamp.tree, stamp.run), found)
