"""The settings: which files they come from, what is missing, what is misspelt, who else can read them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bb8deploy.catalogue.errors.host import HOST_MISSING
from bb8deploy.catalogue.errors.settings import ENV_READABLE, SETTING_MISSING, SETTING_UNKNOWN, SETTINGS_EMPTY
from bb8deploy.lanes.diagnose.check_result import Check, Sheet
from bb8deploy.runs.run import Run
from bb8deploy.settings.settings_table import KEYS, suggestion
from bb8deploy.settings.settings_type import Settings

SUBJECT = "settings"
INIT = "Run `bb8deploy init`, which asks for what is needed and checks each answer."


def check(run: Run) -> list[Check]:
    """Every check of the settings; looks at files of the workspace only."""
    sheet = Sheet(SUBJECT)
    settings = run.settings
    origins = origins_of(settings)
    if origins:
        sheet.ok("origins", ", ".join(f"{count} from {origin}" for origin, count in origins.items()))
    else:
        sheet.fail("origins", "nothing is set: no .env, no environment", INIT, SETTINGS_EMPTY.code)
    if origins:
        _way(sheet, settings)
    for name, origin in settings.unknown:
        near = suggestion(name)
        remedy = f"Did you mean {near}?" if near else "Remove it, or see `bb8deploy config` for the names."
        sheet.warn("unknown", f"{origin} sets {name}, which is not a setting", remedy, SETTING_UNKNOWN.code)
    for file in _files(run.workspace, settings.target):
        _readers(sheet, file)
    return sheet.checks


def origins_of(settings: Settings) -> dict[str, int]:
    """How many settings come from each origin; defaults do not count."""
    counts: dict[str, int] = {}
    for key in KEYS:
        origin = settings.origin_of(key)
        if origin != "default":
            counts[origin] = counts.get(origin, 0) + 1
    return counts


def _way(sheet: Sheet, settings: Settings) -> None:
    """Whether anything leads to a host's files, and whether their place is known."""
    ssh, mount = settings.ssh.host_alias, settings.ha_mount
    if not ssh and not mount:
        seen = "neither HA_SSH_HOST_ALIAS nor HA_MOUNT is set, so there is no host to send to"
        sheet.fail("host", seen, INIT, HOST_MISSING.code)
    elif ssh and not settings.ha_remote_runtime:
        seen = "HA_REMOTE_RUNTIME is not set, so the app's folder on the host is not known"
        remedy = "Set it in .env, for example to /addons/beep_boop_bb8."
        sheet.fail("host", seen, remedy, SETTING_MISSING.code)
    else:
        ways = [name for name, there in (("ssh", ssh), ("the mounted folder", mount)) if there]
        sheet.ok("host", f"reached by {' or '.join(ways)}")


def _files(workspace: Path, target: str) -> list[Path]:
    names = [".env"] if target == "default" else [".env", f".env.{target}"]
    return [path for name in names if (path := workspace / name).is_file()]


def _readers(sheet: Sheet, file: Path) -> None:
    """The file has tokens that other users of this machine must not read."""
    if os.name != "posix":
        return
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        seen = f"{file.name} may be read by other users of this machine (mode {mode:04o})"
        sheet.warn("readers", seen, f"Run `chmod 600 {file.name}`.", ENV_READABLE.code)
