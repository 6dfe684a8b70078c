"""Restarts the sandbox's Supervisor and Core, and stops and starts their listeners."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.situations import Faults, Situation


class Restartable(Protocol):
    """The part of Core that a restart touches."""

    def hang_up(self) -> None:
        """Closes every WebSocket with code 1000."""


class Power:
    """Restarts of one host's Supervisor and Core. Nothing happens to a part that is not attached yet."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.supervisor_updated = False
        self._guard = threading.Condition()
        self._restarts = 0
        self._load_store: Callable[[], None] = lambda: None
        self._supervisor: LoopbackServer | None = None
        self._core: LoopbackServer | None = None
        self._sockets: Restartable | None = None
        faults.watch(self._follow)

    def attach_store(self, load: Callable[[], None]) -> None:
        """Sets what a starting Supervisor does to load the store."""
        self._load_store = load

    def attach_supervisor(self, server: LoopbackServer) -> None:
        """Sets the Supervisor's listener."""
        self._supervisor = server

    def attach_core(self, server: LoopbackServer, sockets: Restartable) -> None:
        """Sets Core's listener and its WebSockets."""
        self._core, self._sockets = server, sockets

    @property
    def restarts(self) -> int:
        """How often the Supervisor has been restarted; a call that spans a restart is lost."""
        with self._guard:
            return self._restarts

    def restart_supervisor(self, seconds: float | None = None) -> None:
        """Breaks every connection, loads the store again, and is not ready for `seconds`.

        Jobs go on, as those of Docker do. An unhealthy setup is cleared unless the store fails again.
        """
        lasting = self.faults.restart_seconds if seconds is None else seconds
        self.faults.begin(Situation.NOT_READY, lasting)
        with self._guard:
            self._restarts += 1
        if self._supervisor is not None:
            self._supervisor.break_connections()
        self.faults.end(Situation.UNHEALTHY_SETUP)
        self._load_store()

    def update_supervisor(self) -> None:
        """Installs the pending update, which restarts the Supervisor."""
        self.faults.end(Situation.UPDATE_PENDING)
        self.supervisor_updated = True
        self.restart_supervisor()

    def restart_core(self, seconds: float | None = None) -> None:
        """Closes every WebSocket with code 1000; Core is booting for `seconds`."""
        lasting = self.faults.restart_seconds if seconds is None else seconds
        self.faults.begin(Situation.CORE_BOOTING, lasting)
        if self._sockets is not None:
            self._sockets.hang_up()

    def _follow(self, situation: Situation, on: bool) -> None:
        servers = {Situation.SUPERVISOR_STOPPED: self._supervisor, Situation.CORE_STOPPED: self._core}
        server = servers.get(situation)
        if server is not None:
            (server.pause if on else server.resume)()
