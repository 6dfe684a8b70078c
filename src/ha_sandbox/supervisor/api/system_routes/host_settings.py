"""Routes that set and show settings: of the Supervisor, Core, host, security, Docker, DNS and jobs."""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api import host_info
from ha_sandbox.supervisor.api.routing import Call, Routes
from ha_sandbox.supervisor.api_errors import ApiError

ROUTES = Routes()


@ROUTES.add("POST", "/(?P<area>supervisor|core|host|security|docker|dns|backups|jobs)/options")
def _options(call: Call) -> None:
    call.manager.system.settings.change(call.match["area"], call.request.json())


@ROUTES.add("POST", "/jobs/reset")
def _reset_jobs(call: Call) -> None:
    call.manager.system.settings.reset("jobs")


@ROUTES.add("GET", "/security/info")
def _security(call: Call) -> JsonObject:
    return call.manager.system.settings.of("security")


@ROUTES.add("GET", "/docker/info")
def _docker(call: Call) -> JsonObject:
    return {
        "version": host_info.DOCKER_VERSION,
        **call.manager.system.settings.of("docker"),
        "storage": "overlay2",
        "logging": "journald",
        "registries": _shown_registries(call),
    }


@ROUTES.add("GET", "/docker/registries")
def _registries(call: Call) -> JsonObject:
    return {"registries": _shown_registries(call)}


def _shown_registries(call: Call) -> JsonObject:
    with call.manager.system.guard:
        return {
            name: {"username": login["username"]} for name, login in call.manager.system.registries.items()
        }


@ROUTES.add("POST", "/docker/registries")
def _add_registry(call: Call) -> None:
    body = call.request.json()
    for name, login in body.items():
        if not isinstance(login, dict) or set(login) != {"username", "password"}:
            raise ApiError(f"expected a username and a password for dictionary value @ data['{name}']")
    with call.manager.system.guard:
        call.manager.system.registries |= body


@ROUTES.add("DELETE", "/docker/registries/(?P<name>[^/]+)")
def _remove_registry(call: Call) -> None:
    name = call.match["name"]
    with call.manager.system.guard:
        if call.manager.system.registries.pop(name, None) is None:
            raise ApiError(f"Hostname {name} does not exist in registries", status=404)
