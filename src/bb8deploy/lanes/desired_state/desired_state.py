"""Brings the app on one host to the state present, latest or absent, and reports what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bb8deploy.lanes.deploy.deploy import DeployOptions, DeployOutcome, deploy
from bb8deploy.lanes.host_session import Access, routed
from bb8deploy.lanes.options.options import apply_options
from bb8deploy.lanes.remove.remove import RemoveOptions, remove
from bb8deploy.lanes.verify.app_options import file_of
from bb8deploy.plan.app_settings import AppSettings, SettingChange
from bb8deploy.plan.install_action import Action
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.runs.run import Run


@dataclass(frozen=True, slots=True)
class StateRequest:
    """What is asked for besides the state.

    `settings` replace those of the target's options file, None for that file; `restart`: restart a running
    app whose settings change, so that they take effect; `discard_edits` and `with_config` are those of a
    removal; `with_diff`: unified diffs of the files too.
    """

    access: Access = field(default_factory=Access)
    settings: AppSettings | None = None
    restart: bool = True
    backup: bool = False
    validate: bool = True
    discard_edits: bool = False
    with_config: bool = False
    with_diff: bool = False


@dataclass(frozen=True, slots=True)
class StateOutcome:
    """What changed, or in a dry run would change.

    `before` and `after` describe the app on the host in lines; `diffs` are unified diffs of its files,
    `preview` is the plan of a dry run. `tree` is the digest of the workspace's tree, empty if it was not
    read; `proof` is the level at which this run verified it, empty if it did not.
    """

    changed: bool
    action: str
    version: str = ""
    tree: str = ""
    proof: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    diffs: tuple[str, ...] = ()
    preview: tuple[str, ...] = ()


def present(run: Run, request: StateRequest) -> StateOutcome:
    """Deploys the workspace's app if none is installed; an installed one keeps its version.

    Its settings become those of the request. Raises what `deploy` and `apply_options` raise.
    """
    with routed(run, request.access) as reached:
        state = reached.first.state
    if state is None or not state.installed:
        return latest(run, request)
    wanted = request.settings or file_of(run)
    if wanted is None:
        return StateOutcome(changed=False, action=Action.NONE.value, version=state.version)
    done = apply_options(run, wanted, access=request.access, restart=request.restart)
    action = "options" if done.changes else Action.NONE.value
    before, after = _both(done.changes)
    return StateOutcome(bool(done.changes), action, state.version, before=before, after=after)


def latest(run: Run, request: StateRequest) -> StateOutcome:
    """Deploys the workspace's app, with the settings of the request, unless exactly this runs already.

    Raises what `deploy` raises; a dry run raises the error with which the deploy would refuse.
    """
    options = DeployOptions(
        access=request.access,
        backup=request.backup,
        validate=request.validate,
        settings=request.settings,
        with_diff=request.with_diff,
    )
    outcome = deploy(run, options)
    if outcome.refusal:
        raise outcome.refusal
    return _deployed(run, outcome)


def absent(run: Run, request: StateRequest) -> StateOutcome:
    """Removes the app, its folder and earlier trees. Raises what `remove` raises."""
    options = RemoveOptions(request.access, request.with_config, request.discard_edits)
    found = remove(run, options, lambda _found: True)
    changed = not found.nothing
    return StateOutcome(
        changed,
        "remove" if changed else Action.NONE.value,
        found.state.version if found.state and found.installed else "",
        before=_clean(run, found.lines()),
        preview=_clean(run, (f"would go: {line}" for line in found.lines())) if run.dry_run else (),
    )


def _deployed(run: Run, outcome: DeployOutcome) -> StateOutcome:
    synced, verified, foreseen = outcome.synced, outcome.verified, outcome.foreseen
    action = verified.action if verified else foreseen.decision.action.value if foreseen else ""
    settings = verified.settings if verified else foreseen.settings if foreseen else ()
    changed = not synced.nothing_to_do or action != Action.NONE.value
    before, after = _both(settings)
    new = (f"version: {synced.version}", f"tree: {synced.digest}")
    return StateOutcome(
        changed,
        action,
        synced.version,
        synced.digest,
        verified.proof.value if verified and verified.proof else "",
        before=(*_deployed_before(synced.previous), *before),
        after=(*new, *after),
        diffs=_clean(run, synced.diffs),
        preview=_clean(run, outcome.preview),
    )


def _deployed_before(stamp: Stamp | None) -> tuple[str, ...]:
    return (f"version: {stamp.version}", f"tree: {stamp.tree}") if stamp else ()


def _both(found: Sequence[SettingChange]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(f"{one.path}: {one.old}" for one in found), tuple(f"{one.path}: {one.new}" for one in found)


def _clean(run: Run, lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(run.clean(line) for line in lines)
