"""Puts together what the looks saw, for the table of known troubles."""

from __future__ import annotations

from typing import Any

from bb8deploy.lanes.diagnose.areas.core import CoreSeen
from bb8deploy.lanes.diagnose.areas.runtime import DOCKERFILE, FolderSeen, Here
from bb8deploy.lanes.diagnose.areas.ssh import HostSeen
from bb8deploy.lanes.diagnose.areas.supervisor import SupervisorSeen
from bb8deploy.plan.logs.identity import newest
from bb8deploy.plan.troubles import Observed
from bb8deploy.runs.run import Run

RUN_SH = "run.sh"


def gather(
    run: Run, here: Here, around: HostSeen, folder: FolderSeen, supervisor: SupervisorSeen, core: CoreSeen
) -> Observed:
    """All that was seen, as plain values."""
    return Observed(
        **_workspace(run, here),
        **_folder(run, folder),
        **_host(around),
        **_supervisor(supervisor),
        ha_url=run.settings.ha_url or "",
        token_set=bool(run.settings.ha_llat),
        token_missing=core.missing,
    )


def _workspace(run: Run, here: Here) -> dict[str, Any]:
    dockerfile = run.addon / DOCKERFILE
    files = here.wanted.manifest.by_path if here.wanted else {}
    return {
        "version_here": here.wanted.stamp.version if here.wanted else "",
        "dockerfile_here": dockerfile.read_text(errors="replace") if dockerfile.is_file() else "",
        "run_sh_here": RUN_SH in files,
        "builds_here": bool(here.config) and not here.config.get("image"),
    }


def _folder(run: Run, folder: FolderSeen) -> dict[str, Any]:
    plan = folder.plan
    return {
        "folder": run.settings.ha_remote_runtime or folder.where,
        "folder_seen": folder.seen,
        "folder_present": folder.present and plan is not None,
        "config_there": folder.has_config,
        "version_there": str(folder.config.get("version") or ""),
        "image_there": str(folder.config.get("image") or ""),
        "slug_there": str(folder.config.get("slug") or ""),
        "dockerfile_there": folder.dockerfile,
        "run_sh_there": bool(plan and RUN_SH in plan.have.by_path),
        "stamp_tree": plan.earlier.tree if plan and plan.earlier else "",
        "git": folder.git,
        "caches": folder.caches,
    }


def _host(around: HostSeen) -> dict[str, Any]:
    seen = around.around
    if seen is None:
        return {}
    return {
        "writable": seen.place.writable if seen.place.parent else None,
        "user": seen.facts.user,
        "user_has_token": seen.facts.token_in_environment,
    }


def _supervisor(supervisor: SupervisorSeen) -> dict[str, Any]:
    found: dict[str, Any] = {
        "slug": supervisor.slug,
        "asked": supervisor.asked,
        "denied": supervisor.denied,
        "supervisor_log": supervisor.log,
    }
    look = supervisor.look
    if look is None:
        return found
    said = newest(look.log)
    found |= {
        "addon_log": look.log,
        "reported": said is not None,
        "tree_reported": said.tree if said else "",
        "run_sh_reported": bool(said and said.run_sh),
    }
    state = look.state
    if state is not None:
        found |= {
            "known": state.installed or bool(state.listed),
            "installed": state.installed,
            "version_installed": state.version,
            "version_listed": state.listed,
            "state": state.state,
            "detached": state.detached,
            "built_by_supervisor": state.built_here if state.installed else None,
        }
    return found
