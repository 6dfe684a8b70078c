"""Finds the route to the Supervisor by asking each, once per run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.base.errors import Bb8Error, Refused, Unreachable
from bb8deploy.base.secret import Secret
from bb8deploy.catalogue.errors.supervisor import ROUTE_MISSING, ROUTE_ONLY_SERVICE, SUPERVISOR_DENIED
from bb8deploy.host.supervisor.rest_paths import PathSupervisor
from bb8deploy.host.supervisor.route_interface import STATE_AND_LOG, Look, LookExtras, Supervisor
from bb8deploy.host.supervisor.wait_for_startup import PatientSupervisor
from bb8deploy.settings.settings_type import Settings

if TYPE_CHECKING:
    from bb8deploy.host.open_host import Host

LOG_LINES = 600


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """A route that was tried: `answer` is what came back; `works` whether it can be used."""

    route: str
    works: bool
    answer: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which routes to the Supervisor there are, in the order in which they were asked.

    `service`: Core's restart service is left as a last fallback.
    """

    attempts: tuple[RouteAnswer, ...]
    chosen: str = ""
    service: bool = False

    def describe(self) -> tuple[str, ...]:
        """One line for each route, for diagnose."""
        lines = [f"{a.route}: {'works' if a.works else 'does not work'} ({a.answer})" for a in self.attempts]
        if self.service:
            lines.append("service: Core's restart service can be called; it can prove nothing")
        return (*lines, f"chosen: {self.chosen or 'none'}")


@dataclass(slots=True)
class Reached:
    """The Supervisor by the best route, its first answer about the app, and every route that was tried."""

    supervisor: Supervisor
    first: Look
    capabilities: Capabilities


class OnlyService(Refused):
    """No route reports the app's state, but Core can restart it; carries what a restart needs."""

    def __init__(self, capabilities: Capabilities, url: str, token: Secret) -> None:
        super().__init__(
            ROUTE_ONLY_SERVICE.code,
            "no route to the Supervisor reports what runs; only Core's restart service is left",
            "Use an administrator's HA_LLAT, or an SSH app with the manager role.",
            details=capabilities.describe(),
        )
        self.capabilities, self.url, self.token = capabilities, url, token


def reach(
    settings: Settings,
    addon: Path,
    host: Host | None,
    slug: str,
    extras: LookExtras = STATE_AND_LOG,
    *,
    note: Callable[[str], None] | None = None,
) -> Reached:
    """Asks each route for the app until one answers and may do what a deploy needs; later ones are not asked.

    The first look brings `extras`. A host that is not ready is waited for, here and in every later call;
    `note` shows the wait, by default where the host shows its notes.

    Raises UsageError ROUTE_MISSING if the settings name no route, OnlyService if only the restart service is
    left, else the last route's own error.
    """
    show = note or (host.note if host else lambda _text: None)
    attempts: list[RouteAnswer] = []
    last: Bb8Error | None = None
    for name, make in _routes(settings, addon, host, show):
        supervisor: Supervisor | None = None
        try:
            supervisor = PatientSupervisor(make(), show)
            if host:
                host.uses(supervisor)
            look = supervisor.look(slug, LOG_LINES, extras)
        except (Refused, Unreachable) as error:
            attempts.append(RouteAnswer(name, works=False, answer=error.cause))
            last = error
            if supervisor:
                supervisor.close()
            continue
        attempts.append(RouteAnswer(name, works=True, answer=_answer(look)))
        return Reached(supervisor, look, Capabilities(tuple(attempts), name))
    if last is None:
        raise ROUTE_MISSING(
            "no route to the Supervisor is set: neither ssh, nor HA_URL with a token, nor SUPERVISOR_TOKEN"
        )
    token = _token(settings, addon, host)
    if settings.ha_url and token and last.code == SUPERVISOR_DENIED.code:
        raise OnlyService(Capabilities(tuple(attempts), service=True), settings.ha_url, token)
    raise last


def _routes(
    settings: Settings, addon: Path, host: Host | None, note: Callable[[str], None]
) -> Iterator[tuple[str, Callable[[], Supervisor]]]:
    """The routes that the settings allow, best first; the token is looked for only when its turn comes."""
    transport = host.transport if host else None
    if transport:
        from bb8deploy.host.supervisor.ha_cli_route import HaCli

        yield "ha", lambda: HaCli(transport, sudo=settings.ssh.sudo)
    own = settings.supervisor_token
    if own:
        from bb8deploy.host.supervisor.rest_route import RestSupervisor

        yield "rest", lambda: RestSupervisor(settings.supervisor_url, own)
    url, ca_file = settings.ha_url, settings.ha_ca_file
    token = _token(settings, addon, host) if url else None
    if url and token:
        from bb8deploy.host.supervisor.websocket_route import WebSocketSupervisor

        yield "websocket", lambda: WebSocketSupervisor(url, token, ca_file, note=note)


def options_route(settings: Settings, addon: Path, host: Host | None) -> PathSupervisor:
    """A route that can set an app's options, as `ha` cannot. Raises UsageError ROUTE_MISSING."""
    for name, make in _routes(settings, addon, host, lambda _text: None):
        if name != "ha" and isinstance(route := make(), PathSupervisor):
            return route
    raise ROUTE_MISSING(
        "the `ha` command cannot set an app's options, and no other route is set",
        "Set HA_URL and an administrator's HA_LLAT, then run again.",
    )


def _token(settings: Settings, addon: Path, host: Host | None) -> Secret | None:
    from bb8deploy.host.long_lived_token import long_lived_token

    return long_lived_token(settings, addon, host)


def _answer(look: Look) -> str:
    if look.state is None:
        return "the app is not known there"
    if not look.state.installed:
        return f"the app is listed as {look.state.listed}, not installed"
    return f"{look.state.version} is installed, {look.state.state}"
