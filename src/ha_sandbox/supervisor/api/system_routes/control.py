"""Routes that start, stop, check, update or reload Core and the Supervisor, and routes of the auth API."""

from __future__ import annotations

import base64
import binascii

from ha_sandbox.json_types import JsonObject
from ha_sandbox.situations import Situation
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api import host_info
from ha_sandbox.supervisor.api.routing import Call, Routes
from ha_sandbox.supervisor.api_errors import ApiError

ROUTES = Routes()


@ROUTES.add("POST", "/core/start")
def _start(call: Call) -> None:
    if Situation.CORE_STOPPED in call.manager.faults:
        call.manager.faults.end(Situation.CORE_STOPPED)
    else:
        call.manager.journal.log("WARNING", "homeassistant.core", "Home Assistant is already running!")


@ROUTES.add("POST", "/core/stop")
def _stop(call: Call) -> None:
    call.only_keys("force")
    call.manager.faults.begin(Situation.CORE_STOPPED)


@ROUTES.add("POST", "/core/rebuild")
def _rebuild(call: Call) -> None:
    call.only_keys("safe_mode", "force")
    call.manager.power.restart_core()


@ROUTES.add("POST", "/core/check")
def _check(_call: Call) -> None:
    return None


@ROUTES.add("POST", "/core/update")
def _update(call: Call) -> None:
    wanted = call.only_keys("version", "backup", "background").get("version", host_info.CORE_VERSION)
    if wanted == host_info.CORE_VERSION:
        raise ApiError(f"Version {wanted} is already installed")
    raise ApiError("Updating Home Assistant failed")


@ROUTES.add("POST", "/(supervisor/(reload|repair)|reload_updates)")
def _reload(_call: Call) -> None:
    return None


@ROUTES.add("POST", "/refresh_updates")
def _refresh(call: Call) -> None:
    call.manager.reload()


@ROUTES.add("POST", "/auth")
def _login(call: Call) -> None:
    """Checks a login of Core. Source: supervisor/api/auth.py, which reads `Authorization` first."""
    app = call.manager.installed.get(call.caller.slug)
    if app is None or not app.config.get("auth_api"):
        raise ApiError("Can't use Home Assistant auth!", status=403)
    if _credentials(call) != (call.mqtt.username, call.mqtt.password):
        raise api_errors.unauthorized()


def _credentials(call: Call) -> tuple[object, object]:
    header = call.request.headers.get("authorization", "")
    if header:
        kind, _, text = header.partition(" ")
        try:
            name, _, word = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise api_errors.unauthorized() from error
        return (name, word) if kind.lower() == "basic" else ("", "")
    body = call.request.form() if call.request.is_form else call.request.json()
    return body.get("username") or body.get("user"), body.get("password")


@ROUTES.add("GET", "/auth/list")
def _users(call: Call) -> JsonObject:
    user = {
        "username": call.mqtt.username,
        "name": call.mqtt.username,
        "is_owner": True,
        "is_active": True,
        "local_only": False,
        "group_ids": ["system-admin"],
    }
    return {"users": [user]}


@ROUTES.add("POST", "/auth/reset")
def _reset_password(call: Call) -> None:
    body = call.only_keys("username", "password")
    name = body.get("username")
    if name != call.mqtt.username:
        raise ApiError(
            f"Username '{name}' does not exist. Check list of users using 'ha authentication list'."
        )


@ROUTES.add("DELETE", "/auth/cache")
def _forget(_call: Call) -> None:
    return None
