"""Checks the app's options against the new schema before the build, and sets those that were given."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from bb8deploy.catalogue.errors.app import OPTIONS_INVALID
from bb8deploy.catalogue.errors.settings import OPTION_INVALID
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import options_route
from bb8deploy.host.supervisor.route_interface import AddonState
from bb8deploy.runs.run import Run
from bb8deploy.workspace.app_config import AddonInfo, read_addon

Options = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class OptionHooks:
    """What is done with the app's options: `check` before the build, `set` between build and start."""

    check: Callable[[AddonState], None] = lambda _state: None
    set: Callable[[AddonState], None] = lambda _state: None


def hooks_for(run: Run, host: Host, given: Options) -> OptionHooks:
    """The hooks for the app of a run."""
    info = read_addon(run.addon)
    return OptionHooks(
        check=lambda state: require_options(info, state, given),
        set=lambda state: set_options(run, host, state.slug, effective_options(info, state, given)),
    )


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
    wrong = [one for one in verdict.errors if given and one.path and one.path[0] in given]
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
    return {**(defaults if isinstance(defaults, Mapping) else {}), **kept, **given}


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
