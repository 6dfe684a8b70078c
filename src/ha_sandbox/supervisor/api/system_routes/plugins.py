"""Routes about the Supervisor's plugins: they have a version, statistics and no log, and nothing to update.

Source: supervisor/api/audio.py, cli.py, dns.py, multicast.py, observer.py (2026.08).
"""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api import host_info
from ha_sandbox.supervisor.api.log_responses import no_lines
from ha_sandbox.supervisor.api.routing import Call, Response, Routes
from ha_sandbox.supervisor.api_errors import ApiError

ROUTES = Routes()
VERSION = "2026.08.0"
_HOSTS = {"audio": "172.30.32.4", "dns": "172.30.32.3", "observer": "172.30.32.6"}
_LOUD = "audio|dns|multicast"  # those that refuse an update to their own version
_SOUND: JsonObject = {"card": [], "input": [], "output": [], "application": []}


@ROUTES.add("GET", "/(?P<plugin>audio|cli|dns|multicast|observer)/info")
def _info(call: Call) -> JsonObject:
    plugin = call.match["plugin"]
    common = {"version": VERSION, "version_latest": VERSION, "update_available": False}
    own: JsonObject = {"host": _HOSTS[plugin]} if plugin in _HOSTS else {}
    if plugin == "audio":
        own["audio"] = _SOUND
    if plugin == "dns":
        own |= {"locals": [], "mdns": True, "llmnr": True, **call.manager.system.settings.of("dns")}
    return {**common, **own}


@ROUTES.add("GET", "/(audio|cli|dns|multicast|observer|supervisor|core)/stats")
def _stats(_call: Call) -> JsonObject:
    return host_info.no_consumption()


@ROUTES.add("GET", "/(audio|dns|multicast|observer|core)/logs(/latest)?")
def _logs(call: Call) -> Response:
    return no_lines(call.request)


@ROUTES.add("POST", f"/(?P<plugin>{_LOUD})/update")
def _update(call: Call) -> None:
    wanted = call.only_keys("version").get("version", VERSION)
    if wanted == VERSION:
        raise ApiError(f"Version {VERSION} is already in use")
    raise unknown_version(wanted)


@ROUTES.add("POST", "/(?P<plugin>cli|observer)/update")
def _update_quietly(call: Call) -> None:
    wanted = call.only_keys("version").get("version", VERSION)
    if wanted != VERSION:
        raise unknown_version(wanted)


@ROUTES.add("POST", f"/(?P<plugin>{_LOUD})/restart")
def _restart(_call: Call) -> None:
    return None


@ROUTES.add("POST", "/(audio/reload|dns/reset)")
def _reload(_call: Call) -> None:
    return None


@ROUTES.add(
    "POST", "/audio/(volume|mute)/(?P<source>input|output)(/application)?|/audio/default/(input|output)"
)
def _no_stream(call: Call) -> None:
    call.request.json()
    raise ApiError("No audio stream with this index or name")


@ROUTES.add("POST", "/audio/profile")
def _no_card(call: Call) -> None:
    call.only_keys("card", "name")
    raise ApiError("Can't activate the profile of a card that does not exist")


def unknown_version(version: object) -> ApiError:
    """There is no such version to install."""
    return ApiError(f"Version {version} cannot be installed")
