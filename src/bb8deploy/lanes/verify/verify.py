"""Lane 3: gets the wanted version to run and believes it only when the running add-on says so itself."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bb8deploy.base.errors import Bb8Error, NotVerified
from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.errors.host import HOST_DIFFERS, TOPOLOGY_WRONG
from bb8deploy.catalogue.errors.supervisor import ROUTE_ONLY_SERVICE
from bb8deploy.host import topology
from bb8deploy.host.connect import Host
from bb8deploy.host.supervisor.core_service import restart_by_service
from bb8deploy.host.supervisor.route import Capabilities, OnlyService, Reached, reach
from bb8deploy.lanes.sync.sync import read_wanted
from bb8deploy.lanes.verify.bringup import RUNNING, TAIL, Bringup
from bb8deploy.plan.identity import Expected, Identity
from bb8deploy.plan.lifecycle import Action
from bb8deploy.plan.sync import Stamp, plan_sync
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.addon import read_addon
from bb8deploy.workspace.tree import FoundTree

PROFILE = "apparmor.txt"
OF_CONTAINER = (Token.RUN_SH_PRESENT, Token.PY_OK, Token.VERIFY_OK)


@dataclass(frozen=True, slots=True)
class VerifyOutcome:
    """What lane 3 did and saw; `verified` only where VERIFY_OK was earned, else `reason` says why not."""

    slug: str
    version: str
    action: str
    route: str
    verified: bool
    observed: Identity | None
    states: tuple[str, ...]
    capabilities: Capabilities
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """`start`: start it where it does not run; `backup`: before an update; `sent`: this deploy, or the one
    that it goes on with, sent files; `profile_changed`: apparmor.txt among them; `trusts_log`: the newest
    report in the log is that of what is installed.
    """

    start: bool = True
    backup: bool = False
    sent: bool = False
    profile_changed: bool = False
    trusts_log: bool = True


def slug_of(run: Run) -> str:
    """The add-on's slug on the host: HA_REMOTE_SLUG, else `local_` and the slug of config.yaml."""
    return run.settings.ha_remote_slug or read_addon(run.addon).supervisor_slug


def verify(run: Run, host: Host, options: VerifyOptions | None = None) -> VerifyOutcome:
    """Carries lane 3 out for what sync left in `run.facts`, else for what lies on the host.

    Writes DEPLOY_OK, RUN_SH_PRESENT, PY_OK, VERIFY_OK and RUNTIME_TOPOLOGY_OK, each when it was observed.
    Raises NotVerified, CheckFailed, Refused or Unreachable; nothing is rolled back here.
    """
    options = options or VerifyOptions()
    told: dict[str, Any] = {"slug": slug_of(run)}
    try:
        expected = expected_on(run, host)
        outcome = _verify(run, host, expected, options, told)
    except Bb8Error as error:
        run.findings.append(Finding(error.code, Level.ERROR, run.clean(error.cause), hint=error.remedy))
        _write_contract(run, told, error)
        raise
    _write_contract(run, told, None)
    return outcome


def expected_on(run: Run, host: Host) -> Expected:
    """What must run: sync's facts; without them the host is looked at, and must hold the workspace's tree."""
    facts = run.facts
    if {"tree", "stamp_run", "version"} <= facts.keys():
        return Expected(str(facts["version"]), str(facts["tree"]), str(facts["stamp_run"]))
    with run.step("hash the host's files", host.where):
        found = host.files.look()
    wanted = read_wanted(run, run.addon)
    plan = plan_sync(found, wanted.manifest, wanted.ignore, wanted.stamp)
    stamp = Stamp.parse(found.stamp)
    if not plan.nothing or stamp is None:
        raise HOST_DIFFERS(
            f"{host.files.where} does not hold the workspace's add-on {wanted.stamp.version}",
            details=plan.changes.paths[:TAIL],
        )
    return Expected(stamp.version, stamp.tree, stamp.run)


def bring_up(run: Run, host: Host, reached: Reached, expected: Expected, options: VerifyOptions) -> Bringup:
    """A Bringup for the add-on of this run."""
    return Bringup(
        run,
        reached.supervisor,
        slug_of(run),
        expected,
        reached.first,
        host.where,
        image_based=bool(read_addon(run.addon).image),
        sent=options.sent,
        profile_changed=lambda running: options.profile_changed or _profile_differs(host, running),
        start=options.start,
        backup=options.backup,
        trusts_log=options.trusts_log,
        rider=_rider(host),
    )


def _profile_differs(host: Host, running: str) -> bool:
    """Whether apparmor.txt was changed by a sync after which nothing was put in yet: what runs, by its tree
    digest, is then the earlier tree."""
    back = host.files.look_back(PROFILE)
    earlier = Stamp.parse(back.stamp)
    return earlier is not None and earlier.tree == running and not back.same


def _verify(
    run: Run, host: Host, expected: Expected, options: VerifyOptions, told: dict[str, Any]
) -> VerifyOutcome:
    with ExitStack() as stack:
        try:
            with run.step("ask the Supervisor", host.where) as facts:
                reached = _reached(run, host, options)
                facts["route"] = reached.capabilities.chosen
        except OnlyService as only:
            raise _restart_only(run, only, told) from only
        stack.enter_context(closing(reached.supervisor))
        run.facts["capabilities"] = reached.capabilities
        work = bring_up(run, host, reached, expected, options)
        told.update(work=work, capabilities=reached.capabilities)
        _put_in(run, work)
        reason = _observed(run, work)
        _topology(run, host, work, told)
    return VerifyOutcome(
        slug=work.slug,
        version=expected.version,
        action=work.decision.action.value,
        route=work.supervisor.route,
        verified=not reason,
        observed=work.observed,
        states=tuple(work.states),
        capabilities=reached.capabilities,
        reason=reason,
    )


def _reached(run: Run, host: Host, options: VerifyOptions) -> Reached:
    """The way to the Supervisor. Where nothing was sent, most likely all is in place: then the first look
    watches the add-on over the settle time too, in one command."""
    settle = 0.0 if options.sent else run.settings.bb8_settle_seconds
    return reach(run.settings, run.addon, host, slug_of(run), rider=_rider(host), again_after=settle)


def _rider(host: Host) -> str:
    return topology.program(host.files.runtime) if host.files.route == "ssh" else ""


def _put_in(run: Run, work: Bringup) -> None:
    """Puts it in. A rebuild changes no version that could be looked at: its token waits for the report."""
    action = work.put_in().action
    if action in {Action.INSTALL, Action.UPDATE}:
        _deployed(run, work)
    elif action is not Action.REBUILD:
        run.ledger.skip(Token.DEPLOY_OK, f"nothing was put in: {work.decision.why}")


def _deployed(run: Run, work: Bringup) -> None:
    run.ledger.emit(
        Token.DEPLOY_OK,
        version=work.expected.version,
        action=work.decision.action.value,
        route=work.supervisor.route,
    )


def _observed(run: Run, work: Bringup) -> str:
    """Writes the tokens of the running container; gives the reason where they are skipped."""
    rebuilt = work.decision.action is Action.REBUILD
    if not work.start and work.states[-1] not in RUNNING:
        if rebuilt and work.answered:
            _deployed(run, work)
        for token in OF_CONTAINER:
            run.ledger.skip(token, "--no-start")
        return "--no-start"
    try:
        said = work.observe()
    except NotVerified as error:
        if error.code == "IDENTITY_MISSING":
            if rebuilt and work.answered:
                _deployed(run, work)
            for token in OF_CONTAINER:
                run.ledger.skip(token, "the add-on reports no identity")
        raise
    if rebuilt:
        _deployed(run, work)
    if said.run_sh:
        run.ledger.emit(Token.RUN_SH_PRESENT, seen="identity")
    else:
        run.ledger.skip(Token.RUN_SH_PRESENT, "the add-on did not report it")
    run.ledger.emit(Token.PY_OK, python=said.python)
    run.ledger.emit(
        Token.VERIFY_OK,
        version=said.version,
        tree=said.tree,
        stamp_run=said.run,
        route=work.supervisor.route,
    )
    return ""


def _topology(run: Run, host: Host, work: Bringup, told: dict[str, Any]) -> None:
    info = read_addon(run.addon)
    runtime = host.files.runtime
    with run.step("look how it lies on the host", host.where):
        if work.rode is not None:
            seen = topology.read(work.rode, runtime)
        elif host.files.route == "ssh" and host.transport:
            seen = topology.look_over(host.transport, runtime, sudo=run.settings.ssh.sudo)
        else:
            seen = topology.look_mounted(Path(runtime))
        problems = seen.problems(info.slug)
        here = work.built_here
        built_here = work.supervisor.info(work.slug).built_here if here is None else here
    if built_here == bool(info.image):
        kind = "builds it here" if built_here else "pulls an image"
        problems = (*problems, f"the Supervisor {kind}, config.yaml says otherwise")
    told["topology"] = problems
    if problems:
        raise TOPOLOGY_WRONG(
            f"the add-on does not lie on {host.where} as it should: {problems[0]}", details=problems
        )
    run.ledger.emit(Token.RUNTIME_TOPOLOGY_OK, folder=runtime, slug=work.slug)


def _restart_only(run: Run, only: OnlyService, told: dict[str, Any]) -> NotVerified:
    """Restarts by Core's service, which proves nothing: the present image runs again, whatever it holds."""
    told["capabilities"] = only.capabilities
    slug = slug_of(run)
    with run.step(f"restart {slug} by Core's service", only.url):
        service = restart_by_service(
            only.url, only.token, slug, ca_file=run.settings.ha_ca_file, deadline=300.0
        )
    for token in (Token.DEPLOY_OK, *OF_CONTAINER, Token.RUNTIME_TOPOLOGY_OK):
        run.ledger.skip(token, f"only the service {service} can be called")
    return ROUTE_ONLY_SERVICE(
        f"{slug} was restarted by {service}, which puts no new files in; nothing is proven",
        only.remedy,
        details=only.details,
    )


def is_as_sent(run: Run, found: FoundTree, stamp: Stamp) -> bool:
    """Whether what lies on the host, ignored files and the stamp left out, is the tree that `stamp` names."""
    wanted = read_wanted(run, run.addon)
    return plan_sync(found, found.manifest, wanted.ignore, wanted.stamp).found_as(stamp)


def _write_contract(run: Run, told: dict[str, Any], error: Bb8Error | None) -> None:
    from bb8deploy.runs.contracts.verify import IdentityModel, VerifyContract

    work: Bringup | None = told.get("work")
    capabilities: Capabilities | None = told.get("capabilities")
    own: dict[str, Any] = {}
    if work:
        want, seen = work.expected, work.observed
        own = {
            "route": work.supervisor.route,
            "action": work.decision.action.value,
            "why": work.decision.why,
            "states": tuple(work.states),
            "expected": IdentityModel(version=want.version, tree=want.tree, run=want.run),
            "observed": seen
            and IdentityModel(
                version=seen.version, tree=seen.tree, run=seen.run, commit=seen.commit, python=seen.python
            ),
            "log_tail": work.last_words() if error else (),
            "build_log": work.build_log if error else (),
        }
    base = run.contract_base(
        "verify_contract_v1", version=work.expected.version if work else "", passed=error is None
    )
    run.write_contract(
        VerifyContract(
            **base,
            slug=told["slug"],
            routes=capabilities.describe() if capabilities else (),
            topology=told.get("topology", ()),
            error=error.code if error else "",
            **own,
        )
    )
