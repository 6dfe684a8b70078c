"""What the Supervisor stores about an installed app."""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ha_sandbox.json_types import Config, JsonObject
from ha_sandbox.runtime.runtime_interface import Container


class State(StrEnum):
    """The state of an app as `info` shows it."""

    STARTED = "started"
    STARTUP = "startup"
    STOPPED = "stopped"
    ERROR = "error"
    UNKNOWN = "unknown"


RUNNING = (State.STARTED, State.STARTUP)
_DYNAMIC_PORTS = range(62000, 65501)  # supervisor/const.py, INGRESS_DYNAMIC_PORT_MIN and _MAX


@dataclass(slots=True)
class Installed:
    """An installed app; `config` is the validated config.yaml of the version that was built."""

    slug: str
    config: Config
    profile: bool = False
    state: State = State.STOPPED
    user_options: JsonObject = field(default_factory=dict)
    boot: str = ""
    watchdog: bool = False
    auto_update: bool = False
    protected: bool = True
    network: JsonObject | None = None
    ingress_panel: bool | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    container: Container | None = None
    ingress_token: str = field(default_factory=secrets.token_urlsafe)
    _dynamic_port: int = field(default_factory=lambda: random.choice(_DYNAMIC_PORTS))  # noqa: S311

    @property
    def name(self) -> str:
        """Its display name."""
        return str(self.config["name"])

    @property
    def version(self) -> str:
        """The installed version."""
        return str(self.config["version"])

    @property
    def running(self) -> bool:
        """True if its container should be running."""
        return self.state in RUNNING

    def options(self) -> JsonObject:
        """The defaults of config.yaml, overridden by the user's options."""
        return {**(self.config.get("options") or {}), **self.user_options}

    def ports(self) -> JsonObject:
        """Host ports by container port, those of the user over those of config.yaml; None: not published."""
        network = self.network or {}
        return {port: network.get(port, host) for port, host in (self.config.get("ports") or {}).items()}

    def tcp_ports(self) -> dict[int, int | None]:
        """The same for TCP, by number."""
        return tcp_ports(self.ports())

    def udp_ports(self) -> dict[int, int | None]:
        """The same for UDP."""
        return _numbered(self.ports(), {"udp"})

    def host_ports(self) -> set[tuple[int, str]]:
        """The host ports that it publishes, each with `tcp` or `udp`, which have numbers of their own."""
        kinds = {"tcp": self.tcp_ports(), "udp": self.udp_ports()}
        return {(host, kind) for kind, ports in kinds.items() for host in ports.values() if host}

    @property
    def ingress_port(self) -> int:
        """The port of its page, 0 without ingress; a random one if config.yaml asks for that with 0."""
        if not self.config.get("ingress"):
            return 0
        return int(self.config.get("ingress_port", 8099)) or self._dynamic_port

    @property
    def ingress_entry(self) -> str:
        """The path of its page at Core, without a slash at the end; the real token is random too."""
        return f"/api/hassio_ingress/{self.ingress_token}"


def tcp_ports(ports: Mapping[str, int | None]) -> dict[int, int | None]:
    """The TCP ports of a mapping such as `ports` in config.yaml, by number."""
    return _numbered(ports, {"", "tcp"})


def _numbered(ports: Mapping[str, int | None], kinds: set[str]) -> dict[int, int | None]:
    named = {port.partition("/"): host for port, host in ports.items()}
    return {int(number): host for (number, _, kind), host in named.items() if kind in kinds}
