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
DOCKER_VERSION = "28.5.2"
LOW_DISK_GB = 1.1
_SAMPLE = 0.25  # seconds between two looks at the CPU time; the real one takes about one
_FEATURES = ["reboot", "shutdown", "services", "hostname", "journal", "disk"]

CHECKS = ("addon_pwned", "backups", "docker_config", "free_space", "network_interface_ipv4")
"""Some of the checks of resolution. All of them pass."""

REPOSITORIES: list[JsonObject] = [
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
    settings = manager.system.settings.of("supervisor")
    return {
        "supervisor": version(manager),
        "homeassistant": CORE_VERSION,
        "hassos": None,
        "docker": DOCKER_VERSION,
        **manager.system.settings.of("host"),
        "operating_system": f"bb8deploy sandbox ({manager.runtime.way})",
        "features": _FEATURES,
        "machine": "generic-x86-64" if manager.arch == "amd64" else "generic-aarch64",
        "machine_id": None,
        "arch": manager.arch,
        "state": "running",
        "supported_arch": [manager.arch],
        "supported": True,
        **{key: settings[key] for key in ("channel", "logging", "timezone")},
    }


def _supervisor(manager: Manager) -> JsonObject:
    pending = Situation.UPDATE_PENDING in manager.faults
    settings = manager.system.settings.of("supervisor")
    settings["detect_blocking_io"] = settings["detect_blocking_io"] != "off"
    return {
        "version": version(manager),
        "version_latest": NEXT_VERSION if pending else version(manager),
        "update_available": pending,
        "arch": manager.arch,
        "supported": True,
        "healthy": Situation.UNHEALTHY_SETUP not in manager.faults,
        "ip_address": "127.0.0.1",
        **settings,
        "feature_flags": {"supervisor_v2_api": True},
        "addons": [_short(app, manager) for app in manager.installed.values()],
        "addons_repositories": [{"name": row["name"], "slug": row["slug"]} for row in REPOSITORIES],
    }


def _short(app: Installed, manager: Manager) -> JsonObject:
    store = manager.store.apps.get(app.slug)
    return {
        "name": app.name,
        "slug": app.slug,
        "version": app.version,
        "version_latest": store.version if store else app.version,
        "update_available": app_json.update_available(app, store),
        "state": str(app.state),
        "repository": "local",
        "icon": bool(store and store.has("icon.png")),
    }


def _host(manager: Manager) -> JsonObject:
    usage = shutil.disk_usage(manager.root)
    gigabyte = 1024**3
    free = LOW_DISK_GB if Situation.LOW_DISK_SPACE in manager.faults else usage.free / gigabyte
    return {
        "agent_version": None,
        "apparmor_version": None,
        "chassis": "embedded",
        "virtualization": "",
        "cpe": None,
        "deployment": "development",
        "disk_free": round(free, 1),
        "disk_total": round(usage.total / gigabyte, 1),
        "disk_used": round(usage.used / gigabyte, 1),
        "disk_life_time": None,
        "features": _FEATURES,
        **manager.system.settings.of("host"),
        "llmnr_hostname": None,
        "kernel": platform.release(),
        "operating_system": "bb8deploy sandbox",
        "timezone": "Etc/UTC",
        "dt_utc": datetime.now(UTC).isoformat(),
        "dt_synchronized": True,
        "use_ntp": True,
        "startup_time": None,
        "boot_timestamp": None,
        "broadcast_llmnr": None,
        "broadcast_mdns": None,
    }


def _core(manager: Manager) -> JsonObject:
    return {
        "version": CORE_VERSION,
        "version_latest": CORE_VERSION,
        "update_available": False,
        "machine": "generic-x86-64",
        "ip_address": "127.0.0.1",
        "arch": manager.arch,
        **manager.system.settings.of("core"),
    }


def _os(_manager: Manager) -> JsonObject:
    absent = ("version", "version_latest", "version_pending", "board", "boot", "data_disk")
    return {**dict.fromkeys(absent), "update_available": False, "boot_slots": {}}


def _network(manager: Manager) -> JsonObject:
    internet = Situation.NO_INTERNET not in manager.faults
    docker = {
        "interface": "hassio",
        "address": "172.30.32.0/23",
        "gateway": "172.30.32.1",
        "dns": "172.30.32.3",
    }
    with manager.system.guard:
        interfaces = [dict(manager.system.interface)]
    return {
        "interfaces": interfaces,
        "docker": docker,
        "host_internet": internet,
        "supervisor_internet": internet,
    }


def _resolution(manager: Manager) -> JsonObject:
    checks = [{"enabled": True, "slug": slug} for slug in CHECKS]
    unhealthy = ["setup"] if Situation.UNHEALTHY_SETUP in manager.faults else []
    return {"unsupported": [], "unhealthy": unhealthy, "suggestions": [], "issues": [], "checks": checks}


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


def no_consumption() -> JsonObject:
    """The statistics of a container that does not exist in the sandbox."""
    zeros = (
        "cpu_percent",
        "memory_usage",
        "memory_percent",
        "network_rx",
        "network_tx",
        "blk_read",
        "blk_write",
    )
    return {**dict.fromkeys(zeros, 0), "memory_limit": _memory_limit()}


def _memory_limit() -> int:
    import os

    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
