"""Collects what the checks observed, for the table of known problems."""

from __future__ import annotations

from dataclasses import replace

from bb8deploy.host.supervisor.route_interface import AddonState, Look
from bb8deploy.lanes.diagnose.areas.app_folder import DOCKERFILE, FolderSeen, Here
from bb8deploy.lanes.diagnose.areas.core import CoreSeen
from bb8deploy.lanes.diagnose.areas.ssh import HostSeen
from bb8deploy.lanes.diagnose.areas.supervisor import SupervisorSeen
from bb8deploy.plan.known_problems import Observed
from bb8deploy.plan.logs.identity_line import newest
from bb8deploy.runs.run import Run

RUN_SH = "run.sh"


def gather(
    run: Run, here: Here, around: HostSeen, folder: FolderSeen, supervisor: SupervisorSeen, core: CoreSeen
) -> Observed:
    """All that was seen, as plain values; what was not seen keeps its default."""
    seen = _workspace(run, here, core)
    seen = _with_folder(seen, run, folder)
    seen = _with_host(seen, around)
    seen = replace(
        seen,
        slug=supervisor.slug,
        asked=supervisor.asked,
        denied=supervisor.denied,
        supervisor_log=supervisor.log,
    )
    return _with_look(seen, supervisor.look) if supervisor.look else seen


def _workspace(run: Run, here: Here, core: CoreSeen) -> Observed:
    dockerfile = run.addon / DOCKERFILE
    files = here.wanted.manifest.by_path if here.wanted else {}
    return Observed(
        version_here=here.wanted.stamp.version if here.wanted else "",
        dockerfile_here=dockerfile.read_text(errors="replace") if dockerfile.is_file() else "",
        run_sh_here=RUN_SH in files,
        builds_here=bool(here.config) and not here.config.get("image"),
        ha_url=run.settings.ha_url or "",
        token_set=bool(run.settings.ha_llat),
        token_missing=core.missing,
    )


def _with_folder(seen: Observed, run: Run, folder: FolderSeen) -> Observed:
    plan = folder.plan
    return replace(
        seen,
        folder=run.settings.ha_remote_runtime or folder.where,
        folder_seen=folder.seen,
        folder_present=folder.present and plan is not None,
        config_there=folder.has_config,
        version_there=str(folder.config.get("version") or ""),
        image_there=str(folder.config.get("image") or ""),
        slug_there=str(folder.config.get("slug") or ""),
        dockerfile_there=folder.dockerfile,
        run_sh_there=bool(plan and RUN_SH in plan.have.by_path),
        stamp_tree=plan.earlier.tree if plan and plan.earlier else "",
        git=folder.git,
        caches=folder.caches,
    )


def _with_host(seen: Observed, host: HostSeen) -> Observed:
    around = host.around
    if around is None:
        return seen
    return replace(
        seen,
        writable=around.place.writable if around.place.parent else None,
        user=around.facts.user,
        user_has_token=around.facts.token_in_environment,
    )


def _with_look(seen: Observed, look: Look) -> Observed:
    said = newest(look.log)
    seen = replace(
        seen,
        addon_log=look.log,
        reported=said is not None,
        tree_reported=said.tree if said else "",
        # The launcher of a sealed image looks in two places only: it may be in a third one.
        run_sh_reported=bool(said and (said.run_sh or said.seal)),
    )
    return _with_state(seen, look.state) if look.state else seen


def _with_state(seen: Observed, state: AddonState) -> Observed:
    return replace(
        seen,
        known=state.installed or bool(state.listed),
        installed=state.installed,
        version_installed=state.version,
        version_listed=state.listed,
        state=state.state,
        detached=state.detached,
        built_by_supervisor=state.built_here if state.installed else None,
    )
