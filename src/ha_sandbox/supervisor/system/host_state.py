"""Everything that the Supervisor stores apart from the apps themselves."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.system.backups import Backups
from ha_sandbox.supervisor.system.settings import HostSettings


@dataclass(frozen=True, slots=True)
class Message:
    """A discovery message of an app."""

    app: str
    service: str
    config: JsonObject
    uuid: str = field(default_factory=lambda: uuid.uuid4().hex)

    def view(self) -> JsonObject:
        """The message as /discovery shows it."""
        return {"addon": self.app, "service": self.service, "uuid": self.uuid, "config": self.config}


def _interface() -> JsonObject:
    """The only network interface: the sandbox uses loopback and nothing else."""
    common: JsonObject = {"nameservers": [], "gateway": None, "route_metric": None, "ready": True}
    return {
        "interface": "lo0",
        "type": "ethernet",
        "enabled": True,
        "connected": True,
        "primary": True,
        "mac": "00:00:00:00:00:00",
        "ipv4": {"method": "auto", "address": ["127.0.0.1/8"], **common},
        "ipv6": {
            "method": "disabled",
            "addr_gen_mode": "default",
            "ip6_privacy": "default",
            "address": [],
            **common,
        },
        "wifi": None,
        "vlan": None,
        "mdns": "announce",
        "llmnr": "announce",
    }


class HostState:
    """The host's settings, backups, mounts and registries, and the services and messages of apps.

    `guard` protects the dictionaries.
    """

    def __init__(self, root: Path, data_of: Callable[[str], Path]) -> None:
        self.guard = threading.Lock()
        self.settings = HostSettings()
        self.backups = Backups(root / "backups", data_of)
        self.mounts: dict[str, JsonObject] = {}
        self.default_backup_mount: str | None = None
        self.registries: dict[str, JsonObject] = {}
        self.messages: dict[str, Message] = {}
        self.services: dict[str, JsonObject] = {}
        self.interface = _interface()
