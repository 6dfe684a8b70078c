"""Shows and sets an installed app's options, network ports, boot, watchdog and auto-update."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from bb8deploy.base.secret import redact
from bb8deploy.catalogue.errors.app import ADDON_NOT_INSTALLED, OPTIONS_NOT_SET, OPTIONS_REFUSED
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.find_route import options_route
from bb8deploy.host.supervisor.rest_paths import PathSupervisor, check_options, set_app
from bb8deploy.host.supervisor.route_interface import (
    AddonState,
    RefusalKind,
    SupervisorError,
    without_values,
)
from bb8deploy.lanes.host_session import Access, connected, held, names_host, slug_of
from bb8deploy.lanes.verify.app_observer import info_of
from bb8deploy.lanes.verify.supervisor_actions import START_DEADLINE
from bb8deploy.plan.app_settings import (
    AppSettings,
    SettingChange,
    body_of,
    changes,
    ignored_flag,
    is_hidden,
    is_stored,
    merged,
    of_info,
    password_options,
)
from bb8deploy.runs.run import Run
from bb8deploy.workspace.app_config import read_addon

_HOST_KNOWS = {"secret", "device"}


@dataclass(frozen=True, slots=True)
class OptionsOutcome:
    """What changed, or would change; `restarted` if the app runs with it, `running` if it ran before."""

    slug: str
    changes: tuple[SettingChange, ...]
    running: bool
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class AppLook:
    """The settings of an installed app, and the names of the options that must not be shown."""

    state: AddonState
    settings: AppSettings
    hidden: frozenset[str]


def get_options(run: Run, access: Access | None = None) -> AppLook:
    """The settings as they are. Raises CheckFailed ADDON_NOT_INSTALLED, and what a route raises."""
    from bb8deploy.host.supervisor.find_route import reach

    with contextlib.ExitStack() as stack:
        host = stack.enter_context(connected(run, access)) if names_host(run) else None
        reached = reach(run.settings, run.addon, host, slug_of(run), note=run.progress.note)
        with closing(reached.supervisor):
            return _look(run, reached.first.state)


def apply_options(
    run: Run,
    wanted: AppSettings,
    *,
    access: Access | None = None,
    restart: bool = False,
    show: Callable[[Sequence[SettingChange]], object] = lambda _changes: None,
) -> OptionsOutcome:
    """Checks the wanted settings, shows the changes, sets them and reads them back.

    Holds the host's lock if the settings name a host. A dry run sets nothing. Raises CheckFailed
    OPTIONS_REFUSED before anything is set if the app's schema refuses them, and OPTIONS_NOT_SET if the
    Supervisor reports other settings afterwards.
    """
    with _host(run, access) as host, closing(options_route(run.settings, run.addon, host)) as route:
        with run.step("read the app's settings", route_name(route)):
            look = _look(run, info_of(route, slug_of(run)))
        new = merged(look.settings, wanted, _defaults(run, look))
        _check(run, route, look, wanted, new)
        found = changes(look.settings, new, look.hidden | wanted.secret_names)
        show(found)
        running = look.state.state in {"started", "startup"}
        if run.dry_run or not found:
            return OptionsOutcome(look.state.slug, found, running)
        with run.step("set the app's options", route_name(route)):
            _set(run, route, look, wanted, new)
            _read_back(run, route, wanted)
        if restart and running:
            with run.step(f"restart {look.state.slug}", route_name(route)):
                route.act("restart", look.state.slug, deadline=START_DEADLINE)
        return OptionsOutcome(look.state.slug, found, running, restart and running)


def route_name(route: PathSupervisor) -> str:
    """The route's name for a step."""
    return str(getattr(route, "where", ""))


@contextmanager
def _host(run: Run, access: Access | None) -> Iterator[Host | None]:
    """The host with its lock, so that no deploy is under way; None if the settings name none."""
    if not names_host(run):
        yield None
        return
    with held(run, "options", access) as host:
        yield host


def _look(run: Run, state: AddonState | None) -> AppLook:
    slug = slug_of(run)
    if state is None or not state.installed:
        raise ADDON_NOT_INSTALLED(f"{slug} is not installed on {run.settings.target}, so it has no options")
    return AppLook(state, of_info(state.raw), password_options(state.raw))


def _check(run: Run, route: PathSupervisor, look: AppLook, wanted: AppSettings, new: AppSettings) -> None:
    """Raises CheckFailed OPTIONS_REFUSED unless schema, ports and kind of the installed version allow it."""
    strange = sorted(set(wanted.network) - set(look.settings.network))
    if strange:
        known = ", ".join(look.settings.network) or "none"
        raise OPTIONS_REFUSED(f"the app has no port {strange[0]} (its ports: {known})")
    if ignored := ignored_flag(wanted, look.state.raw):
        name = ignored.partition(":")[0]
        raise OPTIONS_REFUSED(f"the Supervisor would ignore {ignored}", f"Leave {name} out.")
    if not wanted.options:
        return
    _check_here(run, look, wanted, new)
    verdict = check_options(route, look.state.slug, new.options)
    if verdict.get("valid") is False:
        said = without_values(str(verdict.get("message") or ""))
        raise OPTIONS_REFUSED(
            f"the schema of {look.state.slug} refuses the options: {_clean(run, wanted, said)}"
        )


def _set(run: Run, route: PathSupervisor, look: AppLook, wanted: AppSettings, new: AppSettings) -> None:
    """Sets what changes. Raises CheckFailed OPTIONS_REFUSED if the Supervisor refuses the options."""
    try:
        set_app(route, look.state.slug, body_of(look.settings, new))
    except SupervisorError as error:
        if error.problem is not RefusalKind.OPTIONS:
            raise
        said = _clean(run, wanted, error.message)
        raise OPTIONS_REFUSED(f"the Supervisor refuses the options: {said}") from None


def _defaults(run: Run, look: AppLook) -> Mapping[str, object]:
    """The defaults of the installed version, if the workspace has that version."""
    info = read_addon(run.addon)
    defaults = info.raw.get("options")
    return defaults if info.version == look.state.version and isinstance(defaults, Mapping) else {}


def _check_here(run: Run, look: AppLook, wanted: AppSettings, new: AppSettings) -> None:
    """The same by the workspace's config, if it is that of the installed version: it names the option."""
    from bb8deploy.checks.schema.option_values import validate_options

    info = read_addon(run.addon)
    schema = info.raw.get("schema")
    if info.version != look.state.version or not isinstance(schema, Mapping):
        return
    for name in wanted.options:
        if name not in schema:
            near = next(iter(difflib.get_close_matches(name, map(str, schema), n=1)), "")
            raise OPTIONS_REFUSED(
                f"the app has no option `{name}`" + (f"; did you mean `{near}`?" if near else ""),
                "Name an option of `schema` in config.yaml.",
            )
    verdict = validate_options(schema, dict(new.options), name=look.state.slug)
    wrong = next((one for one in verdict.errors if one.kind not in _HOST_KNOWS), None)
    if wrong:
        path = ".".join(map(str, wrong.path))
        hidden = is_hidden(wrong.path, look.hidden | wanted.secret_names)
        said = "the value does not fit" if hidden else _clean(run, wanted, wrong.message)
        raise OPTIONS_REFUSED(f"the schema of {look.state.slug} refuses the option {path}: {said}")


def _read_back(run: Run, route: PathSupervisor, wanted: AppSettings) -> None:
    """Raises CheckFailed OPTIONS_NOT_SET unless the Supervisor now reports what was wanted."""
    now = _look(run, info_of(route, slug_of(run))).settings
    pairs = [
        *((f"options.{key}", value, now.options.get(key)) for key, value in wanted.options.items()),
        *((f"network.{key}", value, now.network.get(key)) for key, value in wanted.network.items()),
        *((key, value, now.flags.get(key)) for key, value in wanted.flags.items()),
    ]
    other = [name for name, value, is_now in pairs if not is_stored(value, is_now)]
    if other:
        raise OPTIONS_NOT_SET(f"the Supervisor reports other values for {', '.join(other)} than were set")


def _clean(run: Run, wanted: AppSettings, text: str) -> str:
    return redact(run.clean(text), list(wanted.secrets))
