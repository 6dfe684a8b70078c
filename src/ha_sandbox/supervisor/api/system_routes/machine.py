"""Routes about the machine: power, hardware, disks, network, operating system, and resolution.

The sandbox is a supervised host without Home Assistant OS: what needs the OS is refused as there.
Source: supervisor/api/host.py, hardware.py, network.py, os.py, resolution.py (2026.08).
"""

from __future__ import annotations

import shutil

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api import host_info
from ha_sandbox.supervisor.api.log_responses import log_response
from ha_sandbox.supervisor.api.routing import Call, Response, Routes
from ha_sandbox.supervisor.api_errors import ApiError

ROUTES = Routes()
_NO_OS = {
    "update": "OSManager.update",
    "config/sync": "OSManager.config_sync",
    "datadisk/move": "DataDisk.migrate_disk",
    "datadisk/wipe": "DataDisk.wipe_disk",
    "boot-slot": "OSManager.set_boot_slot",
}
_NETWORK_KEYS = ("ipv4", "ipv6", "wifi", "enabled", "mdns", "llmnr")


@ROUTES.add("GET", "/host/logs(/(?P<kind>follow))?")
def _logs(call: Call) -> Response:
    return log_response(call.manager.journal, call.request, f"/{call.match['kind'] or ''}")


@ROUTES.add("POST", "/host/reload")
def _reload(_call: Call) -> None:
    return None


@ROUTES.add("POST", "/host/(?P<how>reboot|shutdown)")
def _power(call: Call) -> None:
    """A reboot restarts the Supervisor and Core; a sandbox is not shut down by its own API."""
    how = call.match["how"]
    call.only_keys("force")
    call.manager.journal.log("INFO", "host.control", f"Initialize host {how}")
    if how == "reboot":
        call.manager.power.restart_core()
        call.manager.power.restart_supervisor()


@ROUTES.add("GET", "/host/services")
def _services(_call: Call) -> JsonObject:
    return {"services": []}


@ROUTES.add("GET", "/host/disks/(?P<disk>[^/]+)/usage")
def _disk_usage(call: Call) -> JsonObject:
    if (disk := call.match["disk"]) != "default":
        raise ApiError(f"No mount exists with name {disk}", status=404)
    usage = shutil.disk_usage(call.manager.root)
    used = usage.total - usage.free
    rows = [{"id": "system", "label": "System", "used_bytes": used}]
    return {
        "id": "root",
        "label": "Root",
        "total_bytes": usage.total,
        "used_bytes": used,
        "children": rows,
    }


@ROUTES.add("GET", "/hardware/info")
def _hardware(_call: Call) -> JsonObject:
    return {"devices": [], "drives": []}


@ROUTES.add("GET", "/hardware/audio")
def _sound(_call: Call) -> JsonObject:
    return {"audio": {"input": {}, "output": {}}}


@ROUTES.add("POST", "/network/reload")
def _reload_network(_call: Call) -> None:
    return None


@ROUTES.add("GET", "/network/interface/(?P<name>[^/]+)/info")
def _interface(call: Call) -> JsonObject:
    with call.manager.system.guard:
        return dict(_named(call))


@ROUTES.add("POST", "/network/interface/(?P<name>[^/]+)/update")
def _update_interface(call: Call) -> None:
    body = call.only_keys(*_NETWORK_KEYS)
    with call.manager.system.guard:
        interface = _named(call)
        if not body:
            raise ApiError("You need to supply at least one option to update")
        for key, value in body.items():
            both = isinstance(value, dict) and isinstance(interface[key], dict)
            interface[key] = {**interface[key], **value} if both else value


def _named(call: Call) -> JsonObject:
    interface = call.manager.system.interface
    name = call.match["name"]
    if name.lower() not in {"default", interface["interface"]}:
        raise ApiError(f"Interface {name} does not exist", status=404)
    return interface


@ROUTES.add("POST", f"/os/(?P<what>{'|'.join(_NO_OS)})")
def _needs_os(call: Call) -> None:
    raise ApiError(f"'{_NO_OS[call.match['what']]}' blocked from execution, no Home Assistant OS available")


@ROUTES.add("GET", "/os/datadisk/list")
def _disks(_call: Call) -> JsonObject:
    return {"devices": [], "disks": []}


@ROUTES.add("GET", "/os/config/swap")
@ROUTES.add("POST", "/os/config/swap")
def _swap(_call: Call) -> None:
    raise ApiError("Home Assistant OS 15.0 or newer required for swap settings", status=404)


@ROUTES.add("GET", "/os/boards/(?P<board>[^/]+)")
@ROUTES.add("POST", "/os/boards/(?P<board>green|yellow)")
def _board(call: Call) -> None:
    board = call.match["board"]
    name = board.capitalize() if board in {"green", "yellow", "supervised"} else board
    raise ApiError(f"{name} board is not in use")


@ROUTES.add("POST", "/resolution/healthcheck")
def _healthcheck(_call: Call) -> None:
    return None


@ROUTES.add("POST", "/resolution/check/(?P<check>[^/]+)/(run|options)")
def _check(call: Call) -> None:
    if call.match["check"] not in host_info.CHECKS:
        raise ApiError(f"Check '{call.match['check']}' does not exist", status=404)


@ROUTES.add("POST", "/resolution/(?P<kind>suggestion)/(?P<uuid>[^/]+)")
@ROUTES.add("DELETE", "/resolution/(?P<kind>suggestion|issue)/(?P<uuid>[^/]+)")
def _not_found(call: Call) -> None:
    raise ApiError(f"{call.match['kind'].capitalize()} {call.match['uuid']} does not exist", status=404)
