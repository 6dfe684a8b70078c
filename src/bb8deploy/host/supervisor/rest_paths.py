"""The Supervisor's REST paths, once, for every route that can call a path."""

from __future__ import annotations

import contextlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace

from bb8deploy.base.errors import Refused
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.host.supervisor.route_interface import (
    QUICK,
    RELOAD,
    STATE_AND_LOG,
    AddonState,
    Health,
    Job,
    Look,
    LookExtras,
    NoAnswer,
    RefusalKind,
    SupervisorError,
    Verb,
    parse_health,
    parse_jobs,
)

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# v1 paths: every Supervisor in use answers them, the newest ones' own CLI included.
_PATHS: dict[str, str] = {
    "install": "/store/addons/{slug}/install",
    "update": "/store/addons/{slug}/update",
    "rebuild": "/addons/{slug}/rebuild",
    "start": "/addons/{slug}/start",
    "stop": "/addons/{slug}/stop",
    "restart": "/addons/{slug}/restart",
}


def plain_lines(text: str) -> tuple[str, ...]:
    """The lines of a log without colours."""
    return tuple(_COLOUR.sub("", text).splitlines())


class PathSupervisor(ABC):
    """The Supervisor Protocol over `call` (JSON) and `text` (logs)."""

    @abstractmethod
    def call(
        self, method: str, path: str, body: Mapping[str, object] | None, *, doing: str, deadline: float
    ) -> JsonObject:
        """One call; returns the envelope's data."""

    @abstractmethod
    def text(self, path: str, lines: int, *, doing: str) -> str:
        """One text document."""

    @abstractmethod
    def stream(self, path: str) -> Iterator[str]:
        """Lines as they come."""

    @abstractmethod
    def log_path(self, slug: str) -> str:
        """Where this route finds the log of an app's container."""

    @abstractmethod
    def close(self) -> None:
        """Ends the connection."""

    def look(self, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        """State, log and documents. No shell runs a program, and a second look would save no time."""
        look = self._look(slug, lines)
        return replace(look, documents=self.documents(*extras.documents)) if extras.documents else look

    def _look(self, slug: str, lines: int) -> Look:
        try:
            state = self.info(slug)
        except SupervisorError as error:
            if error.problem is RefusalKind.UNKNOWN_APP:
                self._check_role()
                return Look(None, ())
            raise
        if state.installed:
            return Look(state, self.logs(slug, lines))
        self._check_role()
        return Look(state, ())

    def _check_role(self) -> None:
        """Raises Refused for a role that may read an app's state, and neither logs nor reload the store.

        Reading the log of an installed app shows the same.
        """
        with contextlib.suppress(SupervisorError, NoAnswer):
            self.text("/supervisor/logs", 2, doing="show its own log")

    def info(self, slug: str) -> AddonState:
        """GET /addons/{slug}/info."""
        data = self.call("get", f"/addons/{slug}/info", None, doing=f"describe {slug}", deadline=QUICK)
        return AddonState.parse(slug, data)

    def reload_store(self) -> None:
        """POST /store/reload."""
        self.call("post", "/store/reload", None, doing="reload the store", deadline=RELOAD)

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """POST the verb's path."""
        body = {"backup": True} if backup and verb == "update" else None
        path = _PATHS[verb].format(slug=slug)
        self.call("post", path, body, doing=f"{verb} {slug}", deadline=deadline)

    def uninstall(self, slug: str, *, with_config: bool, deadline: float) -> None:
        """POST /addons/{slug}/uninstall; the app's data folder always goes with it."""
        body = {"remove_config": with_config}
        path = f"/addons/{slug}/uninstall"
        self.call("post", path, body, doing=f"uninstall {slug}", deadline=deadline)

    def set_options(self, slug: str, options: Mapping[str, object]) -> None:
        """POST /addons/{slug}/options: replaces the user's options; they count from the next start on."""
        body = {"options": dict(options)}
        self.call("post", f"/addons/{slug}/options", body, doing=f"set options of {slug}", deadline=QUICK)

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """The container's log."""
        return plain_lines(self.text(self.log_path(slug), lines, doing=f"show the log of {slug}"))

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """GET /supervisor/logs."""
        return plain_lines(self.text("/supervisor/logs", lines, doing="show its own log"))

    def jobs(self) -> tuple[Job, ...]:
        """GET /jobs/info."""
        return parse_jobs(self.call("get", "/jobs/info", None, doing="list its jobs", deadline=QUICK))

    def health(self) -> Health:
        """GET /supervisor/info and /resolution/info."""
        info = self.call("get", "/supervisor/info", None, doing="describe itself", deadline=QUICK)
        resolution = self.call("get", "/resolution/info", None, doing="report its health", deadline=QUICK)
        return parse_health(info, resolution)

    def documents(self, *names: str) -> dict[str, JsonObject]:
        """GET of each."""
        found: dict[str, JsonObject] = {}
        for name in names:
            with contextlib.suppress(SupervisorError, Refused):
                found[name] = self.call("get", f"/{name}", None, doing=f"show {name}", deadline=QUICK)
        return found

    def follow(self, slug: str) -> Iterator[str]:
        """GET /addons/{slug}/logs/follow."""
        for line in self.stream(f"/addons/{slug}/logs/follow"):
            yield _COLOUR.sub("", line)


def set_app(route: PathSupervisor, slug: str, body: Mapping[str, object]) -> None:
    """POST /addons/{slug}/options with more than options: network, boot, watchdog, auto_update."""
    route.call("post", f"/addons/{slug}/options", body, doing=f"set options of {slug}", deadline=QUICK)


def check_options(route: PathSupervisor, slug: str, options: Mapping[str, object]) -> JsonObject:
    """POST /addons/{slug}/options/validate: `valid` and, for options that are refused, `message`."""
    path = f"/addons/{slug}/options/validate"
    return route.call("post", path, options, doing=f"check options of {slug}", deadline=QUICK)
