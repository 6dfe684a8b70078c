"""Compares the app folder on the host with the workspace: differences, edits, what does not belong there."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.short_lists import first_few
from bb8deploy.catalogue.errors.dev import DEV_ON
from bb8deploy.catalogue.errors.host import (
    HAND_EDITED,
    HOST_DIFFERS,
    RUNTIME_FOLDER_MISSING,
    RUNTIME_HAS_GIT,
    STAMP_MISSING,
    TOPOLOGY_WRONG,
)
from bb8deploy.host.slug_folders import Topology, look_mounted
from bb8deploy.lanes.dev.container_state import is_on
from bb8deploy.lanes.diagnose.check_result import Check, Sheet
from bb8deploy.lanes.sync.plan_from_workspace import Wanted, plan_look, read_wanted
from bb8deploy.plan.sync_plan import Stamp, SyncPlan
from bb8deploy.runs.run import Run
from bb8deploy.workspace.app_config import CONFIG_NAMES, parse_config, read_addon
from bb8deploy.workspace.tree_digest import FoundTree, Manifest

if TYPE_CHECKING:
    from bb8deploy.host.open_host import Host

SUBJECT = "runtime folder"
SHOWN = 3
DOCKERFILE = "Dockerfile"
CACHES = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "htmlcov")
DEPLOY = "Run `bb8deploy deploy`."
DEV_END = "Run `bb8deploy dev --end`, or go on with `bb8deploy dev`."
SHOW = "`bb8deploy deploy --dry-run --diff` shows the differences."


@dataclass(frozen=True, slots=True)
class Here:
    """The workspace's app; `wanted` is None if it cannot be read, which is a failed check."""

    checks: tuple[Check, ...]
    wanted: Wanted | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    config_name: str = CONFIG_NAMES[0]


@dataclass(frozen=True, slots=True)
class FolderSeen:
    """The content of the app folder. `seen`: it could be read; `git` is the path of a repository
    in it; `config` is the host's own config.yaml; `topology` is that of a mounted share."""

    checks: tuple[Check, ...]
    where: str = ""
    seen: bool = False
    present: bool = False
    plan: SyncPlan | None = None
    git: str = ""
    caches: tuple[str, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    has_config: bool = False
    dockerfile: str = ""
    topology: Topology | None = None


def read_here(run: Run) -> Here:
    """Reads and hashes the workspace's app."""
    sheet = Sheet("workspace")
    try:
        wanted = read_wanted(run, run.addon)
        info = read_addon(run.addon)
    except Bb8Error as error:
        sheet.error("app", error)
        return Here(tuple(sheet.checks))
    stamp = wanted.stamp
    files = len(wanted.manifest.entries)
    sheet.ok("app", f"version {stamp.version}, {files} files, commit {stamp.commit[:12]}")
    return Here(tuple(sheet.checks), wanted, info.raw, info.config.name)


def look(host: Host, here: Here) -> FolderSeen:
    """Hashes the host's files and compares; fetches what it needs to judge of them, and nothing else."""
    sheet = Sheet(SUBJECT)
    where = host.files.where
    try:
        found = host.files.look()
    except Bb8Error as error:
        sheet.error("files", error)
        return FolderSeen(tuple(sheet.checks), where)
    if not found.present:
        sheet.warn("files", f"{where} does not exist yet", DEPLOY, RUNTIME_FOLDER_MISSING.code)
        return FolderSeen(tuple(sheet.checks), where, seen=True)
    git = _repository(sheet, found)
    caches = _caches(found)
    seen = FolderSeen(
        (), where, seen=True, present=True, git=git, caches=caches, topology=_on_the_share(host)
    )
    if here.wanted is None:
        sheet.skip("files", "the workspace's app cannot be read, so there is nothing to compare with")
        return replace(seen, checks=tuple(sheet.checks))
    try:
        wanted = here.wanted
        plan = plan_look(_without_git(found), wanted).plan
        own = _fetch(host, plan, wanted, (here.config_name, DOCKERFILE))
    except Bb8Error as error:
        sheet.error("files", error)
        return replace(seen, checks=tuple(sheet.checks))
    _compare(sheet, plan)
    if is_on(found):
        sheet.warn(
            "dev loop",
            "it is on: the container may run files that are not part of its image",
            DEV_END,
            DEV_ON.code,
        )
    return replace(
        seen,
        checks=tuple(sheet.checks),
        plan=plan,
        config=_config(sheet, own.get(here.config_name), here.config_name),
        has_config=here.config_name in own,
        dockerfile=own.get(DOCKERFILE, b"").decode(errors="replace"),
    )


def topology_checks(seen: FolderSeen, over_ssh: Topology | None, slug: str) -> list[Check]:
    """Whether other folders or files claim to be this app."""
    sheet = Sheet(SUBJECT)
    topology = over_ssh or seen.topology
    if topology is None or not seen.present:
        sheet.skip("claims", "the folders of the local root could not be read")
        return sheet.checks
    wrong = [line for line in topology.problems(slug) if ".git/" not in line]
    if wrong:
        remedy = "Remove what does not belong there: the Supervisor takes any config file for an app."
        sheet.fail("claims", "; ".join(wrong[:SHOWN]), remedy, TOPOLOGY_WRONG.code)
    else:
        sheet.ok("claims", f"one folder has the slug {slug}, and it has nothing of the workspace in it")
    return sheet.checks


def _on_the_share(host: Host) -> Topology | None:
    with contextlib.suppress(OSError, Bb8Error):
        return look_mounted(Path(host.files.runtime)) if host.transport is None else None
    return None


def _repository(sheet: Sheet, found: FoundTree) -> str:
    paths = (*found.folders, *found.manifest.by_path, *found.others)
    git = min((path for path in paths if ".git" in path.split("/")), key=len, default="")
    if git:
        remedy = "Move the repository out of the app folder (keep it if it holds work)."
        sheet.fail("repository", f"there is a repository at {git}", remedy, RUNTIME_HAS_GIT.code)
    else:
        sheet.ok("repository", "none, as it should be")
    return git


def _without_git(found: FoundTree) -> FoundTree:
    def outside(path: str) -> bool:
        return ".git" not in path.split("/")

    return replace(
        found,
        manifest=Manifest(tuple(entry for entry in found.manifest.entries if outside(entry.path))),
        folders=tuple(filter(outside, found.folders)),
        others=tuple(filter(outside, found.others)),
    )


def _caches(found: FoundTree) -> tuple[str, ...]:
    return tuple(sorted(path for path in found.folders if path.rpartition("/")[2] in CACHES))


def _fetch(host: Host, plan: SyncPlan, wanted: Wanted, wish: tuple[str, ...]) -> dict[str, bytes]:
    """These files as the host has them; those that are the same are read here."""
    names = [name for name in wish if name in plan.have.by_path]
    differ = [name for name in names if name in {*plan.changes.changed, *plan.changes.removed}]
    own = host.files.fetch(differ) if differ else {}
    same = {name: (wanted.source / name).read_bytes() for name in names if name not in differ}
    return {**same, **own}


def _config(sheet: Sheet, data: bytes | None, name: str) -> Mapping[str, object]:
    if data is None:
        seen = f"there is no {name}: the Supervisor sees no app"
        sheet.fail("config", seen, DEPLOY, "CONFIG_MISSING")
        return {}
    try:
        return parse_config(data, name)
    except Bb8Error as error:
        sheet.fail("config", f"on the host, {error.cause}", DEPLOY, error.code)
        return {}


def _compare(sheet: Sheet, plan: SyncPlan) -> None:
    paths = plan.differing
    stamp = plan.earlier
    if not paths:
        sheet.ok("files", f"{len(plan.have.by_path.keys() - plan.generated)} files, the same as here")
    else:
        seen = f"{len(paths)} differ from here: {first_few(paths, SHOWN)}"
        sheet.warn("files", seen, f"{DEPLOY} {SHOW}", HOST_DIFFERS.code)
    _edits(sheet, plan, stamp)


def _edits(sheet: Sheet, plan: SyncPlan, stamp: Stamp | None) -> None:
    """The stamp names the tree that was sent: another digest means that the folder was changed since."""
    if stamp is None:
        remedy = f"{DEPLOY} It leaves a stamp, by which later edits show."
        sheet.warn("edits", "no stamp: the folder was not made by bb8deploy", remedy, STAMP_MISSING.code)
    elif not plan.found_as(stamp):
        remedy = f"Copy the edits that you want to keep, then run `bb8deploy deploy --yes`. {SHOW}"
        seen = f"files were edited by hand since {stamp.version} was sent (run {stamp.run})"
        sheet.warn("edits", seen, remedy, HAND_EDITED.code)
    else:
        sheet.ok("edits", f"none since {stamp.version} was sent (run {stamp.run})")
