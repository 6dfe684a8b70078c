"""The app: its version in every place, what runs, its options, its rating, its last crash; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING

from bb8deploy.base.secret import Secret
from bb8deploy.catalogue.errors.app import (
    ADDON_DIED,
    ADDON_NOT_IN_STORE,
    ADDON_NOT_INSTALLED,
    ADDON_STOPPED,
    IDENTITY_DIFFERS,
    IDENTITY_MISSING,
    SEAL_DIFFERS,
)
from bb8deploy.catalogue.errors.supervisor import PROFILE_SAME_VERSION
from bb8deploy.lanes.diagnose.check_result import Check, Sheet
from bb8deploy.plan.app_settings import password_values
from bb8deploy.plan.logs.crash_cause import last_crash, of_installed
from bb8deploy.plan.logs.identity_line import UNKNOWN, newest

if TYPE_CHECKING:
    from bb8deploy.host.supervisor.route_interface import AddonState
    from bb8deploy.lanes.diagnose.areas.app_folder import FolderSeen, Here
    from bb8deploy.lanes.diagnose.areas.supervisor import SupervisorSeen

SUBJECT = "app"
DEPLOY = "Run `bb8deploy deploy`."
LOGS = "See `bb8deploy logs` for what came before."


def checks(here: Here, folder: FolderSeen, supervisor: SupervisorSeen) -> list[Check]:
    """Checks the app, from what the other areas observed."""
    sheet = Sheet(SUBJECT)
    if not supervisor.asked or supervisor.look is None:
        sheet.skip("installed", "the Supervisor was not asked")
        return sheet.checks
    state = supervisor.look.state
    if state is None or (not state.installed and not state.listed):
        seen = f"the Supervisor does not know {supervisor.slug}"
        sheet.fail("installed", seen, DEPLOY, ADDON_NOT_IN_STORE.code)
        return sheet.checks
    _installed(sheet, state)
    _versions(sheet, state, here, folder)
    if state.installed:
        _running(sheet, state, of_installed(supervisor.look.log, state.version))
        _identity(sheet, state, folder, supervisor.look.log, here)
        _options(sheet, here.config, state)
        _rating(sheet, here.config, state)
    return sheet.checks


def passwords(config: Mapping[str, object], state: AddonState | None) -> Iterator[Secret]:
    """Each option of type password in the schema once, nested or not, of the Supervisor's answer and of
    config.yaml: an earlier run's log may show one when the host does not answer now.
    """
    set_there = state.raw.get("options") if state else None
    values = (password_values(config.get("schema"), one) for one in (set_there, config.get("options")))
    return map(Secret, dict.fromkeys(chain.from_iterable(values)))


def _installed(sheet: Sheet, state: AddonState) -> None:
    if not state.installed:
        seen = f"{state.slug} {state.listed} is listed, but not installed"
        sheet.warn("installed", seen, "Run `bb8deploy deploy`, which installs it.", ADDON_NOT_INSTALLED.code)
    elif state.detached:
        seen = f"{state.slug} {state.version} is installed, but gone from the store"
        sheet.fail(
            "installed", seen, "Run `bb8deploy validate`, then `bb8deploy deploy`.", ADDON_NOT_IN_STORE.code
        )
    else:
        kind = "built on the host" if state.built_here else "pulled as an image"
        sheet.ok("installed", f"{state.slug} {state.version}, {kind}")


def _versions(sheet: Sheet, state: AddonState, here: Here, folder: FolderSeen) -> None:
    """One line for all places; any two that differ deserve attention."""
    places = {
        "here": here.wanted.stamp.version if here.wanted else "",
        "on the host": str(folder.config.get("version") or ""),
        "in the store": state.listed,
        "installed": state.version,
    }
    seen = ", ".join(f"{version or '-'} {place}" for place, version in places.items())
    known = {version for version in places.values() if version}
    if len(known) < 2 and all(places.values()):
        sheet.ok("versions", f"{state.listed} {', '.join(places)}")
    elif len(known) < 2:
        sheet.ok("versions", seen)
    else:
        sheet.warn("versions", seen, DEPLOY, "VERSION_DIFFERS")


def _running(sheet: Sheet, state: AddonState, log: tuple[str, ...]) -> None:
    crash = last_crash(log)
    cause = crash.cause if crash else (log[-1].strip() if log else "its log is empty")
    if state.state in {"started", "startup"}:
        sheet.ok("state", state.state)
        if crash and not crash.recovered:
            sheet.warn(
                "crash", f"its log shows that it ended since its start: {cause}", LOGS, ADDON_DIED.code
            )
        elif crash:
            sheet.warn("crash", f"it died earlier and came back: {cause}", LOGS, ADDON_DIED.code)
        else:
            sheet.ok("crash", "none in its log")
    elif state.state == "stopped":
        sheet.warn(
            "state",
            f"stopped; its last log line: {cause}",
            f"Start it in Home Assistant, or: {DEPLOY}",
            ADDON_STOPPED.code,
        )
    else:
        sheet.fail("state", f"{state.state}: {cause}", LOGS, ADDON_DIED.code)


def _identity(sheet: Sheet, state: AddonState, folder: FolderSeen, log: tuple[str, ...], here: Here) -> None:
    """Whether the running app reports that it was built from the files on the host."""
    said = newest(log)
    stamp = folder.plan.earlier if folder.plan else None
    if said is None:
        remedy = f"{DEPLOY} It shows how an app reports itself."
        sheet.warn("identity", "its log does not show which content runs", remedy, IDENTITY_MISSING.code)
    elif said.tree == UNKNOWN:
        sheet.warn("identity", f"{said.version} without a stamp", DEPLOY, IDENTITY_MISSING.code)
    elif said.version != state.version or (
        stamp and (said.version, said.tree) != (stamp.version, stamp.tree)
    ):
        seen = f"reports {said.version} {said.tree[:19]}, the host's stamp has "
        seen += f"{stamp.version} {stamp.tree[:19]}" if stamp else f"nothing, installed is {state.version}"
        sheet.warn("identity", seen, DEPLOY, IDENTITY_DIFFERS.code)
    elif said.seal and said.proof(_ignored(here)) is None:
        seen = f"the build of {said.version} was given {said.seal.differ + said.seal.extra} other file(s)"
        sheet.warn("identity", seen, DEPLOY, SEAL_DIFFERS.code)
    else:
        proof = "equal to the host's stamp" if stamp else "not compared"
        sheet.ok("identity", f"reports {said.version} {said.tree[:19]}, {proof}")


def _ignored(here: Here) -> Callable[[str], bool]:
    """Whether the workspace ignores a path; without a readable workspace it ignores none."""
    ignore = here.wanted.ignore if here.wanted else None
    return lambda path: ignore is not None and ignore.ignores_file(path)


def _options(sheet: Sheet, config: Mapping[str, object], state: AddonState) -> None:
    """The options of the host against the schema of here: it refuses them at the next start, not before."""
    from bb8deploy.checks.schema import validate_options

    options, schema = state.raw.get("options"), config.get("schema")
    if not isinstance(options, Mapping) or not isinstance(schema, Mapping):
        sheet.skip("options", "the app has no schema for options, or the Supervisor did not show them")
        return
    plain = {name: value for name, value in options.items() if not str(value).startswith("!secret ")}
    verdict = validate_options(schema, plain, name=state.name or state.slug)
    remedy = "Correct them in the app's Configuration tab."
    refused = [f"{'.'.join(map(str, p.path))}: {p.message}" for p in verdict.errors]
    unknown = [".".join(map(str, p.path)) for p in verdict.warnings]
    if refused:
        sheet.fail("options", f"the schema refuses {'; '.join(refused)}", remedy, "OPTIONS_INVALID")
    elif unknown:
        sheet.warn("options", f"the schema does not know {', '.join(unknown)}", remedy, "OPTION_UNKNOWN")
    else:
        sheet.ok("options", f"{len(options)}, all as the schema wants them")


def _rating(sheet: Sheet, config: Mapping[str, object], state: AddonState) -> None:
    from bb8deploy.checks.schema import validate_config

    seen = state.raw.get("rating")
    if not isinstance(seen, int):
        sheet.skip("rating", "the Supervisor does not report it")
        return
    verdict = validate_config(dict(config))
    possible = verdict.rating_with_profile if state.raw.get("apparmor") == "profile" else verdict.rating
    if possible is not None and seen < possible:
        remedy = f"{DEPLOY} A profile and new rights count from the next install or update on."
        sheet.warn(
            "rating",
            f"{seen} of 8; this config.yaml would have {possible}",
            remedy,
            PROFILE_SAME_VERSION.code,
        )
    else:
        sheet.ok("rating", f"{seen} of 8")
