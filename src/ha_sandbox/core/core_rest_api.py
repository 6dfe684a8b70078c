"""Core's REST API: services, the proxy to the Supervisor's logs, and Core's own configuration."""

from __future__ import annotations

import json
import re

from ha_sandbox.core.supervisor_calls import SupervisorCalls, envelope
from ha_sandbox.json_types import JsonObject
from ha_sandbox.situations import Faults, Situation
from ha_sandbox.supervisor.api.host_info import CORE_VERSION
from ha_sandbox.supervisor.api.routing import JSON, PLAIN, Request, Response

_SERVICE = re.compile(r"^/api/services/hassio/(?P<kind>addon|app)_(?P<verb>start|stop|restart)$")
_PROXY = re.compile(
    r"^/api/hassio(?P<path>/addons/[^/]+/(logs(/follow|/boots/-?\d+(/follow)?)?|changelog|documentation)"
    r"|/(supervisor|core|host)/logs(/follow)?)$"
)
_INGRESS = re.compile(r"^/api/hassio_ingress(/|$)")
_BAD_REQUEST = Response(400, PLAIN, b"400: Bad Request")
_NOT_FOUND = Response(404, PLAIN, b"404: Not Found")


class CoreRest:
    """The REST API of one Core; `token` is the long-lived token that it accepts."""

    def __init__(self, calls: SupervisorCalls, token: str, faults: Faults) -> None:
        self._calls = calls
        self._token = token
        self._faults = faults

    def answer(self, request: Request) -> Response:
        """The response to one request."""
        if _INGRESS.match(request.path):
            return _NOT_FOUND  # without the slash after the token, Core has no such path
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return Response(401, PLAIN, b"401: Unauthorized")
        if Situation.CORE_BOOTING not in self._faults:
            served = self._hassio(request)
            if served is not None:
                return served
        if request.method == "POST" and request.path.startswith("/api/services/"):
            return _BAD_REQUEST
        known: dict[str, JsonObject] = {
            "/api": {"message": "API running."},
            "/api/config": {**core_config(self._faults), "components": ["hassio", "mqtt"]},
        }
        if request.method == "GET" and request.path in known:
            return Response(200, JSON, json.dumps(known[request.path]).encode())
        return _NOT_FOUND

    def _hassio(self, request: Request) -> Response | None:
        """What the hassio integration answers, None if the path is not its own."""
        service, proxied = _SERVICE.match(request.path), _PROXY.match(request.path)
        if request.method == "GET" and proxied:
            return self._calls.pass_on(proxied["path"], request)
        if request.path.startswith("/api/hassio/"):
            return Response(401, "")
        if request.method == "POST" and service:
            return self._service(request, service["kind"], service["verb"])
        return None

    def _service(self, request: Request, kind: str, verb: str) -> Response:
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return Response(400, JSON, b'{"message":"Invalid JSON specified."}')
        if not _names_an_app(body, kind):
            return _BAD_REQUEST
        slug = str(body[kind])
        answer = envelope(self._calls.send(Request("POST", f"/addons/{slug}/{verb}")))
        if answer.get("result") == "ok":
            return Response(200, "application/json", b"[]")
        message = f"Failed to {verb} app {slug}: {answer.get('message', '')}"
        return Response(500, "application/json", json.dumps({"message": message}).encode())


def _names_an_app(body: object, kind: str) -> bool:
    if not isinstance(body, dict) or list(body) != [kind]:
        return False
    return re.fullmatch(r"[-_.\w]+", str(body[kind])) is not None


def core_config(faults: Faults) -> JsonObject:
    """Version and state, as GET /api/config and the command get_config return them."""
    state = "NOT_RUNNING" if Situation.CORE_BOOTING in faults else "RUNNING"
    return {"version": CORE_VERSION, "state": state}
