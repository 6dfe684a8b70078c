"""The Supervisor of the simulated host, behind the product's own protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tests.sim.engine.faults import Fault
from tests.sim.engine.wire import Wire
from tests.sim.hosts.files import Connection
from tests.sim.hosts.world import Host, Installed

from bb8deploy.base.errors import Unreachable
from bb8deploy.host.supervisor.route_interface import (
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
)

T = TypeVar("T")
SUPERVISOR = "2026.08.2"
BUILD, STOP_START = 20.0, 2.0
"""Seconds of the simulated clock."""


@dataclass(slots=True)
class SimSupervisor:
    """`Supervisor` over the simulated host. A job continues after its caller is gone."""

    host: Host
    wire: Wire
    connection: Connection | None = None

    @property
    def route(self) -> str:
        """`ha` over an ssh connection, else Core's WebSocket."""
        return "ha" if self.connection else "websocket"

    log_is_current: bool = False

    def _ask(self, what: str, effect: Callable[[], T], *, also: Sequence[Fault] = ()) -> T:
        def ready() -> T:
            if self.wire.tasks.now < self.host.ready_at:
                raise SupervisorError(RefusalKind.NOT_READY, what, "System is not ready with state: setup")
            return effect()

        gone = NoAnswer(what, "sim", "the connection was lost")
        if self.connection is None:
            return self.wire.call(what, ready, lambda: gone, also=also)
        try:
            return self.connection.ask(what, ready, also=also)
        except Unreachable as error:
            raise gone from error

    def _state(self) -> AddonState:
        app, listed = self.host.installed, self.host.listed.get(self.host.slug, "")
        return AddonState(
            slug=self.host.slug,
            installed=app is not None,
            version=app.version if app else "",
            listed=listed,
            state=app.state if app else "unknown",
            detached=app is not None and not listed,
            built_here=True,
            raw={"options": dict(app.options), "schema": []} if app else {},
        )

    def look(self, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        """State, log and documents in one go."""

        def effect() -> Look:
            documents = self._documents(extras.documents)
            return Look(self._state(), tuple(self.host.log[-lines:]), documents=documents)

        first = self._ask("look at the app", effect)
        if not extras.again_after:
            return first
        self.wire.tasks.sleep(extras.again_after)
        later = self._ask("look again", lambda: Look(self._state(), tuple(self.host.log[-lines:])))
        return replace(first, later=later)

    def info(self, slug: str) -> AddonState:
        """The state alone."""
        return self._ask("info", self._known)

    def _known(self) -> AddonState:
        state = self._state()
        if not state.installed and not state.listed:
            raise SupervisorError(RefusalKind.UNKNOWN_APP, "info", f"App {self.host.slug} does not exist")
        return state

    def reload_store(self) -> None:
        """Reads the folders."""
        self._ask("reload", self.host.reload, also=(Fault.DOUBLED, Fault.REORDERED))

    def act(self, verb: Verb, slug: str, *, backup: bool = False, deadline: float) -> None:
        """Starts a job and waits for it."""
        outcome: list[Exception | None] = []
        job = self._ask(verb, lambda: self._begin(verb, outcome), also=(Fault.DOUBLED, Fault.REORDERED))
        boots = self.host.boots
        while not outcome and self.host.job == job and self.host.boots == boots:
            self.wire.tasks.sleep(0.5)
        if not outcome:
            raise NoAnswer(verb, "sim", "the connection was lost")
        self._ask(f"answer of {verb}", lambda: None)
        if outcome[0]:
            raise outcome[0]

    def uninstall(self, slug: str, *, with_config: bool, deadline: float) -> None:
        """The app goes, with its options."""
        self.act("uninstall", slug, deadline=deadline)

    def set_options(self, doing: str, options: Mapping[str, object]) -> None:
        """Replaces the app's options."""

        def effect() -> None:
            self._refuse("options")
            self.host.installed = replace(self._installed(), options=dict(options))

        self._ask(doing, effect, also=(Fault.DOUBLED, Fault.REORDERED))

    def _installed(self) -> Installed:
        if self.host.installed is None:
            raise SupervisorError(RefusalKind.NOT_INSTALLED, "options", "App is not installed")
        return self.host.installed

    def check(self, doing: str) -> None:
        """One question that the Supervisor answers."""
        self._ask(doing, lambda: None)

    def _begin(self, verb: Verb, outcome: list[Exception | None]) -> str:
        if self.host.job:
            raise SupervisorError(RefusalKind.BUSY, verb, "Another job is running for job group app")
        self._refuse(verb)
        tasks = self.wire.tasks
        self.host.job = name = f"{verb} {tasks.calls}"
        tasks.spawn(f"job {verb}", lambda: self._job(verb, name, outcome))
        return name

    def _refuse(self, verb: Verb) -> None:
        app, listed = self.host.installed, self.host.listed.get(self.host.slug, "")
        if verb in {"install", "update", "rebuild"} and not listed:
            raise SupervisorError(RefusalKind.NOT_IN_STORE, verb, "is not available inside store")
        if verb != "install" and app is None:
            raise SupervisorError(RefusalKind.NOT_INSTALLED, verb, "App is not installed")
        if verb == "install" and app:
            raise SupervisorError(RefusalKind.INSTALLED, verb, "is already installed")
        if verb == "update" and app and app.version == listed:
            raise SupervisorError(RefusalKind.NO_UPDATE, verb, "No update available")
        if verb == "rebuild" and app and app.version != listed:
            raise SupervisorError(RefusalKind.VERSION_CHANGED, verb, "use Update instead of Rebuild")

    def _job(self, verb: Verb, name: str, outcome: list[Exception | None]) -> None:
        """The job itself: it ends early if the host or the Supervisor restarts in between."""
        try:
            for _ in self._steps(verb):
                self.wire.tasks.sleep(STOP_START)
                if self.host.job != name:
                    return
        except ValueError:
            key = RefusalKind.BUILD_FAILED
            outcome.append(SupervisorError(key, verb, "can't build the image"))
        except SupervisorError as error:
            outcome.append(error)
        else:
            outcome.append(None)
        self.host.job = ""

    def _steps(self, verb: Verb) -> Iterator[None]:
        steps = {
            "install": self._install,
            "update": self._update,
            "rebuild": self._rebuild,
            "start": self._start,
            "stop": self._stop,
            "restart": self._restart,
            "uninstall": self._uninstall,
        }
        yield from steps[verb]()

    def _building(self) -> Iterator[None]:
        self.wire.tasks.sleep(BUILD / 2)
        yield

    def _install(self) -> Iterator[None]:
        yield from self._building()
        built = self.host.build()
        self.host.installed = Installed(built.version, built)
        yield

    def _update(self) -> Iterator[None]:
        app = self.host.installed
        yield from self._building()
        built, running = self.host.build(), app is not None and app.state == "started"
        yield
        self.host.installed = Installed(built.version, built, options=app.options if app else {})
        if running:
            self.host.start()

    def _rebuild(self) -> Iterator[None]:
        app = self.host.installed
        if app is None:
            return
        running = app.state == "started"
        app.container, app.state = None, "error" if running else "stopped"
        yield from self._building()
        app.container = self.host.build()
        app.state = "stopped"
        yield
        if running:
            self.host.start()

    def _start(self) -> Iterator[None]:
        yield
        app = self.host.installed
        if app is None or app.container is None:
            raise SupervisorError(RefusalKind.OTHER, "start", "No such image")
        if app.state != "started":
            self.host.start()

    def _restart(self) -> Iterator[None]:
        yield from self._stop()
        yield from self._start()

    def _uninstall(self) -> Iterator[None]:
        yield from self._stop()
        self.host.installed = None

    def _stop(self) -> Iterator[None]:
        yield
        if self.host.installed:
            self.host.installed.state = "stopped"

    def logs(self, slug: str, lines: int) -> tuple[str, ...]:
        """The journal of all containers."""
        return self._ask("logs", lambda: tuple(self.host.log[-lines:]))

    def supervisor_logs(self, lines: int) -> tuple[str, ...]:
        """The build output."""
        return self._ask("supervisor logs", lambda: tuple(self.host.build_log[-lines:]))

    def jobs(self) -> tuple[Job, ...]:
        """The job that runs."""
        job = self.host.job
        return self._ask("jobs", lambda: (Job(job, self.host.slug, 0.0, done=False),) if job else ())

    def health(self) -> Health:
        """Healthy."""
        return self._ask("health", lambda: Health(SUPERVISOR, healthy=True, supported=True))

    def documents(self, *names: str) -> dict[str, dict[str, Any]]:
        """The documents with these names, as the Supervisor gives them."""
        return self._ask("documents", lambda: self._documents(names))

    def _documents(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """A disk that is full has no room to build; a job of another task is listed."""
        if not names:
            return {}
        job = self.host.job
        row = {"name": job, "reference": self.host.slug, "progress": 0, "done": False, "child_jobs": []}
        known: dict[str, dict[str, Any]] = {
            "supervisor/info": {
                "version": SUPERVISOR,
                "version_latest": SUPERVISOR,
                "update_available": False,
                "healthy": True,
                "supported": True,
            },
            "resolution/info": {"unhealthy": [], "unsupported": [], "issues": [], "suggestions": []},
            "host/info": {"disk_free": 20.0 if self.host.has_space else 0.0, "disk_total": 64.0},
            "network/info": {"host_internet": True, "supervisor_internet": True},
            "jobs/info": {"ignore_conditions": [], "jobs": [row] if job else []},
        }
        return {name: known[name] for name in names if name in known}

    def follow(self, slug: str) -> Iterator[str]:
        """Nothing."""
        return iter(())

    def close(self) -> None:
        """Nothing to end."""


@dataclass(slots=True)
class SimWay:
    """The part of `PathSupervisor` that sets options, over Core's WebSocket."""

    supervisor: SimSupervisor
    where: str = "sim"

    def call(
        self, _method: str, path: str, body: Mapping[str, Any], *, doing: str, deadline: float
    ) -> dict[str, Any]:
        """Sets options, or finds them valid."""
        if path.endswith("/validate"):
            self.supervisor.check(doing)
            return {"valid": True}
        self.supervisor.set_options(doing, body["options"])
        return {}

    def info(self, slug: str) -> AddonState:
        """The state alone."""
        return self.supervisor.info(slug)

    def act(self, verb: Verb, slug: str, *, deadline: float) -> None:
        """Starts a job and waits for it."""
        self.supervisor.act(verb, slug, deadline=deadline)

    def close(self) -> None:
        """Nothing to end."""
