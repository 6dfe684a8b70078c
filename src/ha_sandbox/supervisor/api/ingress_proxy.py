"""Ingress: sessions, and the way of a page's request to an app on its `ingress_port`.

Source: supervisor/api/ingress_proxy.py. The sandbox reaches apps that share this machine's network.
"""

from __future__ import annotations

import http.client
import secrets
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api.routing import PLAIN, Call, Response, Routes

ROUTES = Routes()
COOKIE = "ingress_session"
_DEADLINE = 10.0


@ROUTES.add("POST", "/ingress/session")
def _session(call: Call) -> JsonObject:
    call.need_core()
    token = secrets.token_hex(64)
    call.manager.ingress_sessions.add(token)
    return {"session": token}


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
    if call.only_keys("session").get("session") not in call.manager.ingress_sessions:
        raise api_errors.unauthorized()


@ROUTES.add("GET", "/ingress/{s}(?P<path>/.*)?")
def _page(call: Call) -> Response:
    cookie = SimpleCookie(call.request.headers.get("cookie", "")).get(COOKIE)
    if cookie is None or cookie.value not in call.manager.ingress_sessions:
        return Response(401, PLAIN, b"401: Unauthorized")
    app = call.manager.app(call.slug)
    query = f"?{urlencode(call.request.query)}" if call.request.query else ""
    return _fetched(int(app.config.get("ingress_port", 8099)), f"{call.match['path'] or '/'}{query}")


def _fetched(port: int, path: str) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_DEADLINE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return Response(answer.status, answer.headers.get("Content-Type", PLAIN), answer.read())
    except (OSError, http.client.HTTPException):
        return Response(502, PLAIN, b"502: Bad Gateway")
    finally:
        connection.close()
