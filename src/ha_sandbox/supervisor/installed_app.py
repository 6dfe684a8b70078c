"""What the Supervisor stores about an installed app."""

from __future__ import annotations

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
        """Host ports by container port; None for a port that is not published."""
        return dict(self.network if self.network is not None else self.config.get("ports") or {})
