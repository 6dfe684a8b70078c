"""Checks the app's options against the new schema before the build, and sets those that were given."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from bb8deploy.catalogue.errors.app import OPTIONS_INVALID, OPTIONS_REFUSED
from bb8deploy.catalogue.errors.settings import OPTION_INVALID
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import options_route
from bb8deploy.host.supervisor.rest_paths import set_app
from bb8deploy.host.supervisor.route_interface import AddonState, RefusalKind, SupervisorError
from bb8deploy.lanes.options.options_file import read_options_file
from bb8deploy.lanes.verify.verify_types import VerifyOptions
from bb8deploy.plan.app_settings import (
    AppSettings,
    SettingChange,
    body_of,
    changes,
    merged,
    of_info,
    password_kinds,
    password_options,
)
from bb8deploy.runs.run import Run
from bb8deploy.workspace.app_config import AddonInfo, read_addon

Options = Mapping[str, object]
# Kinds of problems that only the host can see.
_HOST_KNOWS = ("secret", "device")


@dataclass(frozen=True, slots=True)
class OptionHooks:
    """What is done with the app's options: `check` before the build, `set` between build and start."""

    check: Callable[[AddonState], None] = lambda _state: None
    set: Callable[[AddonState], None] = lambda _state: None
    differ: Callable[[AddonState], bool] = lambda _state: False


def hooks_for(run: Run, host: Host, options: VerifyOptions) -> OptionHooks:
    """The hooks for the app of a run.

    With an options file, `differ` says whether the installed app has other settings than the file.
    """
    info, earlier, file = read_addon(run.addon), options.earlier, options.settings
    if earlier is not None:
        whole = body_of(AppSettings(), earlier)
        return OptionHooks(set=lambda state: set_settings(run, host, state.slug, whole))
    given = {**(file.options if file else {}), **options.app_options}
    if file is None:
        return OptionHooks(
            check=lambda state: require_options(info, state, given),
            set=lambda state: set_options(run, host, state.slug, effective_options(info, state, given)),
        )
    return OptionHooks(
        check=lambda state: require_options(info, state, given),
        set=lambda state: set_settings(run, host, state.slug, body_with(info, state, file, given)),
        differ=lambda state: bool(body_with(info, state, file, given)),
    )


def body_with(info: AddonInfo, state: AddonState, file: AppSettings, given: Options) -> dict[str, object]:
    """What makes the app's settings those of the file; empty if they are."""
    return body_of(of_info(state.raw), settings_with(info, state, file, given))


def settings_with(info: AddonInfo, state: AddonState, file: AppSettings, given: Options) -> AppSettings:
    """The settings of the installed app once those of the file are set.

    The Supervisor may store an option in another type than it was given, such as 3 for "3".
    """
    from bb8deploy.checks.schema.option_values import validate_options

    now, options = of_info(state.raw), effective_options(info, state, given)
    schema = info.raw.get("schema")
    if isinstance(schema, Mapping) and validate_options(schema, options).normalised == now.options:
        options = dict(now.options)
    return replace(merged(now, replace(file, options={})), options=options)


def setting_changes(run: Run, state: AddonState | None, options: VerifyOptions) -> tuple[SettingChange, ...]:
    """The settings of the installed app that the options file and the given options change, passwords
    masked; empty if the app is not installed."""
    if state is None or not state.installed or not (options.settings or options.app_options):
        return ()
    info, file = read_addon(run.addon), options.settings or AppSettings()
    given = {**file.options, **options.app_options}
    declared = password_kinds(info.raw.get("schema"))
    hidden = password_options(state.raw) | declared | file.secret_names
    return changes(of_info(state.raw), settings_with(info, state, file, given), hidden)


def file_of(run: Run) -> AppSettings | None:
    """The settings in the target's options file, None if the settings name none.

    Raises UsageError OPTIONS_FILE_INVALID.
    """
    path = run.settings.bb8_options
    return read_options_file(run.workspace / path, os.environ) if path else None


def set_settings(run: Run, host: Host, slug: str, body: Mapping[str, object]) -> None:
    """Sets options, ports, boot and the like; an empty body changes nothing. Raises as `set_options` does."""
    if not body:
        return
    route = options_route(run.settings, run.addon, host)
    with run.step("set the app's options", host.where), closing(route):
        try:
            set_app(route, slug, body)
        except SupervisorError as error:
            if error.problem is not RefusalKind.OPTIONS:
                raise
            # The Supervisor's message quotes all options, passwords included.
            raise OPTIONS_REFUSED(f"the Supervisor refuses the options of {slug}") from None


def parse_options(words: Sequence[str]) -> dict[str, object]:
    """`key=value` words as options; a value is JSON if it can be read so, else text.

    Raises UsageError OPTION_INVALID for a word without a name or `=`.
    """
    found: dict[str, object] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise OPTION_INVALID(f"`{name or word}` is not a key=value option of the app")
        found[name] = _value(text)
    return found


def require_options(info: AddonInfo, state: AddonState, given: Options) -> None:
    """Raises CheckFailed OPTIONS_INVALID if the new version could not start with the options that it has.

    The Supervisor checks options only at the start: by then the earlier version is gone. Options are named,
    never shown.
    """
    from bb8deploy.checks.schema.option_values import validate_options

    schema = info.raw.get("schema")
    if not isinstance(schema, Mapping):
        return
    verdict = validate_options(schema, effective_options(info, state, given), name=state.slug)
    names = [".".join(map(str, one.path)) for one in verdict.errors if one.kind in {"missing", "empty"}]
    if names:
        raise OPTIONS_INVALID(
            f"version {info.version} needs the option {', '.join(names)}, which is not set on the host",
            f"Deploy again with `--option {names[0]}=VALUE`.",
        )
    refused = [one for one in verdict.errors if one.kind not in _HOST_KNOWS]
    wrong = [one for one in refused if given and one.path and one.path[0] in given]
    if wrong:
        raise OPTIONS_INVALID(
            f"the schema of version {info.version} refuses the option {wrong[0].path[0]}",
            "Give it a value that fits `schema` in config.yaml.",
        )


def effective_options(info: AddonInfo, state: AddonState, given: Options) -> dict[str, object]:
    """The options that the new version will have: its defaults, the user's, those that are given."""
    defaults, schema = info.raw.get("options"), info.raw.get("schema")
    known = schema if isinstance(schema, Mapping) else {}
    users = state.raw.get("options")
    kept = {k: v for k, v in users.items() if k in known} if isinstance(users, Mapping) else {}
    own = defaults if isinstance(defaults, Mapping) else {}
    back = {name: own.get(name) for name, value in given.items() if value is None}
    found = {**own, **kept, **given, **back}
    return {name: value for name, value in found.items() if name not in back or value is not None}


def require_route(run: Run, host: Host) -> None:
    """Raises UsageError ROUTE_MISSING if no route that can set options is set. Connects to none."""
    options_route(run.settings, run.addon, host).close()


def set_options(run: Run, host: Host, slug: str, options: Options) -> None:
    """Sets the app's options. Raises Refused if no route that can do so is set, SupervisorError."""
    supervisor = options_route(run.settings, run.addon, host)
    with run.step("set the app's options", host.where), closing(supervisor):
        supervisor.set_options(slug, options)


def _value(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return text
    return value
