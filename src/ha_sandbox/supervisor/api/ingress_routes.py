"""Routes of ingress: sessions and panels. Pages themselves are carried by supervisor/ingress.

Source: supervisor/api/ingress.py (2026.08).
"""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api.routing import Call, Routes

ROUTES = Routes()
USER_ID = "0"
"""The only user of the sandbox's Core."""


@ROUTES.add("POST", "/ingress/session")
def _session(call: Call) -> JsonObject:
    """Of a known user if Core names one: its identity then reaches the app in three headers."""
    call.need_core()
    known = call.only_keys("user_id").get("user_id") == USER_ID
    name = call.mqtt.username
    headers = {"X-Remote-User-Id": USER_ID, "X-Remote-User-Name": name, "X-Remote-User-Display-Name": name}
    return {"session": call.manager.ingress_sessions.create(headers if known else {})}


@ROUTES.add("GET", "/ingress/panels")
def _panels(call: Call) -> JsonObject:
    rows = {
        app.slug: {
            "title": app.config.get("panel_title") or app.name,
            "icon": app.config.get("panel_icon", "mdi:puzzle"),
            "admin": bool(app.config.get("panel_admin", True)),
            "enable": bool(app.ingress_panel),
        }
        for app in call.manager.installed.values()
        if app.config.get("ingress")
    }
    return {"panels": rows}


@ROUTES.add("POST", "/ingress/validate_session")
def _validate(call: Call) -> None:
    call.need_core()
    if call.manager.ingress_sessions.validate(str(call.only_keys("session").get("session"))) is None:
        raise api_errors.unauthorized()
