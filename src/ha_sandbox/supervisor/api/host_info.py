"""What the Supervisor reports about itself, the host and a container's consumption."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ha_sandbox.json_types import JsonObject
from ha_sandbox.situations import Situation
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api import app_json
from ha_sandbox.supervisor.app_lifecycle import Manager
from ha_sandbox.supervisor.installed_app import Installed

VERSION, NEXT_VERSION = "2026.08.3", "2026.08.4"
CORE_VERSION = "2026.11.0"
LOW_DISK_GB = 1.1
CORE_PORT = 80  # of a new install; Core redirects from 8123 until its onboarding is done
_SAMPLE = 0.25  # seconds between two looks at the CPU time; the real one takes about one
_FEATURES = ["reboot", "shutdown", "services", "hostname", "journal", "disk"]

REPOSITORIES = [
    {
        "slug": "local",
        "name": "Local apps",
        "source": "local",
        "url": "https://home-assistant.io/hassio",
        "maintainer": "you",
    }
]


def version(manager: Manager) -> str:
    """The version of the Supervisor."""
    return NEXT_VERSION if manager.power.supervisor_updated else VERSION


def _info(manager: Manager) -> JsonObject:
    return {
        "supervisor": version(manager),
        "homeassistant": CORE_VERSION,
        "hassos": None,
        "docker": "28.5.2",
        "hostname": "sandbox",
        "operating_system": f"bb8deploy sandbox ({manager.runtime.way})",
        "features": _FEATURES,
        "machine": "generic-x86-64" if manager.arch == "amd64" else "generic-aarch64",
        "machine_id": None,
        "arch": manager.arch,
        "state": "running",
        "supported_arch": [manager.arch],
        "supported": True,
        "channel": "stable",
        "logging": "info",
        "timezone": "UTC",
    }


def _supervisor(manager: Manager) -> JsonObject:
    pending = Situation.UPDATE_PENDING in manager.faults
    rows = [
        {"name": a.name, "slug": a.slug, "version": a.version, "state": str(a.state)}
        for a in manager.installed.values()
    ]
    return {
        "version": version(manager),
        "version_latest": NEXT_VERSION if pending else version(manager),
        "update_available": pending,
        "channel": "stable",
        "arch": manager.arch,
        "supported": True,
        "healthy": Situation.UNHEALTHY_SETUP not in manager.faults,
        "ip_address": "127.0.0.1",
        "timezone": "UTC",
        "logging": "info",
        "debug": False,
        "feature_flags": {"supervisor_v2_api": True},
        "addons": rows,
        "addons_repositories": [],
    }


def _host(manager: Manager) -> JsonObject:
    usage = shutil.disk_usage(manager.root)
    gigabyte = 1024**3
    free = LOW_DISK_GB if Situation.LOW_DISK_SPACE in manager.faults else usage.free / gigabyte
    return {
        "agent_version": None,
        "apparmor_version": None,
        "chassis": "embedded",
        "deployment": "development",
        "disk_free": round(free, 1),
        "disk_total": round(usage.total / gigabyte, 1),
        "disk_used": round(usage.used / gigabyte, 1),
        "disk_life_time": None,
        "features": _FEATURES,
        "hostname": "sandbox",
        "kernel": platform.release(),
        "operating_system": "bb8deploy sandbox",
        "timezone": "Etc/UTC",
        "dt_utc": datetime.now(UTC).isoformat(),
        "dt_synchronized": True,
        "use_ntp": True,
    }


def _core(manager: Manager) -> JsonObject:
    return {
        "version": CORE_VERSION,
        "version_latest": CORE_VERSION,
        "update_available": False,
        "machine": "generic-x86-64",
        "ip_address": "127.0.0.1",
        "arch": manager.arch,
        "boot": True,
        "port": CORE_PORT,
        "ssl": False,
        "watchdog": True,
    }


def _os(_manager: Manager) -> JsonObject:
    return {"version": None, "version_latest": None, "update_available": False, "board": None, "boot": None}


def _network(manager: Manager) -> JsonObject:
    internet = Situation.NO_INTERNET not in manager.faults
    docker = {
        "interface": "hassio",
        "address": "172.30.32.0/23",
        "gateway": "172.30.32.1",
        "dns": "172.30.32.3",
    }
    return {"interfaces": [], "docker": docker, "host_internet": internet, "supervisor_internet": internet}


def _resolution(manager: Manager) -> JsonObject:
    unhealthy = ["setup"] if Situation.UNHEALTHY_SETUP in manager.faults else []
    return {"unsupported": [], "unhealthy": unhealthy, "suggestions": [], "issues": [], "checks": []}


INFO: dict[str, Callable[[Manager], JsonObject]] = {
    "info": _info,
    "supervisor/info": _supervisor,
    "host/info": _host,
    "core/info": _core,
    "os/info": _os,
    "network/info": _network,
    "resolution/info": _resolution,
}


def available_updates(manager: Manager) -> list[JsonObject]:
    """Apps whose version on disk differs from the installed one."""
    rows = []
    for app in manager.installed.values():
        store = manager.store.apps.get(app.slug)
        if store is not None and app_json.update_available(app, store):
            rows.append(
                {
                    "update_type": "addon",
                    "name": app.name,
                    "icon": None,
                    "panel_path": f"/update-available/{app.slug}",
                    "version_latest": store.version,
                }
            )
    return rows


def stats(app: Installed) -> JsonObject:
    """CPU in percent of one core over a short sample, memory in bytes. Raises ApiError if it is stopped."""
    container = app.container
    if container is None or not app.running:
        raise api_errors.not_running(app.slug)
    first, begin = container.usage(), time.monotonic()
    time.sleep(_SAMPLE)
    last, end = container.usage(), time.monotonic()
    percent = 100 * (last.cpu_seconds - first.cpu_seconds) / (end - begin)
    limit = _memory_limit()
    return {
        "cpu_percent": round(max(0.0, percent), 2),
        "memory_usage": last.memory,
        "memory_limit": limit,
        "memory_percent": round(100 * last.memory / limit, 2),
        "network_rx": 0,
        "network_tx": 0,
        "blk_read": 0,
        "blk_write": 0,
    }


def _memory_limit() -> int:
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
