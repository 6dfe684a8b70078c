"""Makes the run for one host of another tool's inventory."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from bb8deploy.base.secret import Secret
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.report_files import save
from bb8deploy.runs.run import Progress, Run, new_run_id
from bb8deploy.runs.tokens import Ledger
from bb8deploy.settings.app_instance import Instance
from bb8deploy.settings.instance_settings import for_instance
from bb8deploy.settings.load_settings import from_inventory
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.project import find_project

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]|^\.+")


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A host: its name in the inventory, and its settings by their names in `.env`."""

    name: str
    settings: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """The app in `workspace`, or in the folder `addon`; `dry_run` changes nothing on the host, `overwrite`
    replaces edits that were made there; `hidden` are secrets besides those of the settings; `instance` is the
    copy of the app that is meant, None for the app itself."""

    workspace: Path
    addon: Path | None = None
    dry_run: bool = False
    overwrite: bool = False
    hidden: tuple[Secret, ...] = ()
    instance: Instance | None = None


def open_host_run(command: str, request: RunRequest, host: InventoryHost, progress: Progress) -> Run:
    """The run of `command`: its receipts are in `reports/targets/NAME/`, as those of a rollout.

    A dry run writes to `reports/dry-run/targets/NAME/`. Raises UsageError for a workspace or a setting that
    cannot be read.
    """
    project = find_project(request.workspace, addon=request.addon)
    settings = from_inventory(
        project.root, host.name, host.settings, slug=lambda: read_addon(project.addon).slug
    )
    if request.instance:
        settings = for_instance(settings, request.instance, read_addon(project.addon).slug)
    reports = _reports(project.root, host.name, dry_run=request.dry_run)
    run_id = f"{new_run_id()}-{reports.name}"
    ledger = Ledger(run_id, reports)
    if not request.dry_run:
        ledger.begin(command)
    return Run(
        id=run_id,
        command=command,
        workspace=project.root,
        addon=project.addon,
        settings=settings,
        reports=reports,
        ledger=ledger,
        journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
        progress=progress,
        dry_run=request.dry_run,
        assume_yes=request.overwrite,
        hidden=request.hidden,
    )


def _reports(root: Path, name: str, *, dry_run: bool) -> Path:
    """The host's folder of reports, which git ignores; what an earlier dry run left there is removed."""
    if not (root / "reports").exists():
        save(root / "reports" / ".gitignore", "*\n")
    parent = root / "reports" / "dry-run" if dry_run else root / "reports"
    reports = parent / "targets" / _folder_name(name)
    if dry_run:
        shutil.rmtree(reports, ignore_errors=True)
    return reports


def _folder_name(name: str) -> str:
    """The name for a folder; a name that is changed gets a hash, since `a b` and `a_b` are two hosts."""
    safe = _UNSAFE.sub("_", name)
    return safe if safe == name and name else f"{safe}-{sha256(name.encode()).hexdigest()[:8]}"
