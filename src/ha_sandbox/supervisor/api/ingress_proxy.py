"""Ingress: sessions, and the way of a page's request to an app on its `ingress_port`.

Source: supervisor/api/ingress.py (2026.08). The sandbox reaches apps that share this machine's network.
"""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api.routing import PLAIN, Call, Request, Response, Routes

ROUTES = Routes()
COOKIE = "ingress_session"
USER_ID = "0"
"""The only user of the sandbox's Core."""
_DEADLINE = 10.0
_NOT_PASSED = frozenset(
    {
        *("content-length", "content-encoding", "transfer-encoding", "connection"),
        *("sec-websocket-extensions", "sec-websocket-protocol", "sec-websocket-version", "sec-websocket-key"),
        *("x-supervisor-token", "x-hassio-key"),
        *("x-remote-user-id", "x-remote-user-name", "x-remote-user-display-name"),
    }
)
_NOT_RETURNED = frozenset({"transfer-encoding", "content-length", "content-type", "connection"})


@ROUTES.add("POST", "/ingress/session")
def _session(call: Call) -> JsonObject:
    """Of a known user if Core names one: its identity then reaches the app in three headers."""
    call.need_core()
    known = call.only_keys("user_id").get("user_id") == USER_ID
    token, name = secrets.token_hex(64), call.mqtt.username
    headers = {"x-remote-user-id": USER_ID, "x-remote-user-name": name, "x-remote-user-display-name": name}
    call.manager.ingress_sessions[token] = headers if known else {}
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


def _page(call: Call) -> Response:
    cookie = SimpleCookie(call.request.headers.get("cookie", "")).get(COOKIE)
    if cookie is None or cookie.value not in call.manager.ingress_sessions:
        return Response(401, PLAIN, b"401: Unauthorized")
    app = call.manager.app(call.slug)
    query = f"?{urlencode(call.request.query)}" if call.request.query else ""
    headers = {**_passed(call.request.headers), **call.manager.ingress_sessions[cookie.value]}
    port = int(app.config.get("ingress_port", 8099))
    return _fetched(port, f"{call.match['path'] or '/'}{query}", call.request, headers)


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    ROUTES.add(_method, "/ingress/{s}(?P<path>/.*)?")(_page)


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers for the app: no token, no identity made up by a client; the Supervisor as last proxy."""
    forwarded = f"{headers.get('x-forwarded-for')}, 127.0.0.1"
    kept = {name: value for name, value in headers.items() if name not in _NOT_PASSED}
    return {**kept, "x-forwarded-for": forwarded}


def _fetched(port: int, path: str, request: Request, headers: Mapping[str, str]) -> Response:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_DEADLINE)
    try:
        connection.request(request.method, path, request.body or None, dict(headers))
        answer = connection.getresponse()
        rest = tuple(
            (name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_RETURNED
        )
        return Response(answer.status, answer.headers.get("Content-Type", PLAIN), answer.read(), headers=rest)
    except (OSError, http.client.HTTPException):
        return Response(502, PLAIN, b"502: Bad Gateway")
    finally:
        connection.close()
