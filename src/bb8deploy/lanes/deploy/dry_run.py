"""Shows what lanes 2 and 3 would do, and which parts cannot be predicted."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import Reached
from bb8deploy.host.supervisor.route_interface import AddonState
from bb8deploy.lanes.host_session import Access, held
from bb8deploy.lanes.sync.hand_edits import hand_edits
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.plan_from_workspace import AppRead, read_wanted, wanted_by
from bb8deploy.lanes.verify.app_options import setting_changes
from bb8deploy.lanes.verify.verify import delivered_on, options_for
from bb8deploy.lanes.verify.verify_attempt import Attempt, undetected_by
from bb8deploy.lanes.verify.verify_types import Delivered, VerifyOptions
from bb8deploy.overlay.proof_level import ProofLevel
from bb8deploy.plan.app_settings import SettingChange
from bb8deploy.plan.install_action import Action, Decision
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import SyncPlan
from bb8deploy.runs.run import Run

_VERBS = (Action.INSTALL, Action.UPDATE, Action.REBUILD)


def foresee_sync(synced: SyncOutcome) -> str:
    """One line for lane 2."""
    if synced.nothing_to_do:
        return f"would send nothing: {synced.where} holds {synced.version} already"
    entries = synced.plan.entries
    size = sum(entry.size for entry in entries)
    return f"would send {len(entries)} file(s), {size} bytes, to {synced.where} and swap the folders"


def foresee_edits(run: Run, host: Host, plan: SyncPlan) -> Bb8Error | None:
    """The error with which a deploy would stop because of hand edits on the host."""
    return None if run.assume_yes else hand_edits(host, plan)


def refusal_lines(edited: Bb8Error | None) -> list[str]:
    """One line if a deploy would stop because of hand edits."""
    return [f"would refuse ({edited.code}) without --yes: {edited.cause}"] if edited else []


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What lane 3 would do: the Supervisor's `decision`, the settings of the installed app that would change,
    and the same in lines, with what cannot be known before; `refusal` is the error of a refusal."""

    decision: Decision
    settings: tuple[SettingChange, ...]
    lines: tuple[str, ...]
    refusal: Bb8Error | None = None


def foresee(
    run: Run, host: Host, delivered: Delivered, options: VerifyOptions, reached: Reached | None = None
) -> Foreseen:
    """What the Supervisor would be asked for; `reached` is the way to it if it was asked already."""
    attempt = Attempt(run, host, delivered, options, reached)
    with attempt.opened(settle=False) as installer:
        decision, slug = installer.foreseen(), installer.task.slug
        route, before = installer.watch.supervisor.route, installer.before.state
    unseen = undetected_by(attempt)
    actions = _actions(slug, decision, options, run.settings.bb8_settle_seconds)
    idle = decision.action in (Action.NONE, Action.REFUSE)
    settings = () if idle else setting_changes(run, before, options)
    lines = (
        f"{slug} by {route}: {_now(before)}",
        ProofLevel(options.proof, options.unproven).in_words,
        *([f"warning: {unseen}"] if unseen else []),
        *(f"would set {change}" for change in settings),
        *(f"would {action}" for action in actions),
        f"cannot be foreseen: {_unknown(decision)}",
    )
    refusal = decision.refusal(f"{slug}: {decision.why}") if decision.refusal else None
    return Foreseen(decision, settings, lines, refusal)


def foresee_verify(
    run: Run, access: Access, options: VerifyOptions, app: AppRead | None = None
) -> tuple[str, ...]:
    """What lane 3 would do with what is on the host; for a run that is a dry run.

    `app` is the workspace's app if it was read before.
    """
    with held(run, "verify", access) as host:
        wanted = wanted_by(run, app) if app else read_wanted(run, run.addon)
        delivered = delivered_on(run, host, wanted)
        return foresee(run, host, delivered, options_for(run, wanted, delivered, options)).lines


def _actions(slug: str, decision: Decision, options: VerifyOptions, settle: float) -> list[str]:
    action = decision.action
    if action is Action.NONE:
        return [f"do nothing to {slug}: {decision.why}", f"watch it for {settle:g} s"]
    if action is Action.REFUSE:
        return ["reload the store", f"refuse ({decision.code}): {decision.why}", "put the earlier tree back"]
    backup = ", with a backup first" if options.backup and action is Action.UPDATE else ""
    verb = [f"{action.value} {slug}{backup}: {decision.why}"] if action in _VERBS else []
    again = options.settings is not None and action is Action.START
    start = [f"start {slug} {'with these options' if again else 'unless it runs'}"] if decision.start else []
    waits = "wait until it runs" if options.proof is Proof.RUNNING else "wait for its identity"
    return ["reload the store", *verb, *start, f"{waits} and watch it for {settle:g} s"]


def _now(state: AddonState | None) -> str:
    if state is None or not state.installed:
        return "not installed"
    return f"{state.version} is {state.state}"


def _unknown(decision: Decision) -> str:
    if decision.action in _VERBS:
        return "whether it builds, how long that takes, what the app reports when it runs"
    if decision.action is Action.START:
        return "whether it starts, and what it reports then"
    return "whether it stays as it is until then"
