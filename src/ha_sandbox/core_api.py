"""Home Assistant Core as a deploy sees it: REST and WebSocket on one port, with a long-lived token."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.server import ServerProtocol
from websockets.sync.server import ServerConnection

from ha_sandbox.serving import LoopbackServer
from ha_sandbox.supervisor.api.host_info import CORE_VERSION
from ha_sandbox.supervisor.api.http import read, reply
from ha_sandbox.supervisor.api.routing import JSON, PLAIN, Request, Response
from ha_sandbox.supervisor.api.service import Api

_SERVICE = re.compile(r"^/api/services/hassio/(addon|app)_(start|stop|restart)$")
_PROXY = re.compile(
    r"^/api/hassio(?P<path>/addons/[^/]+/(logs(/follow|/boots/-?\d+(/follow)?)?|changelog|documentation)"
    r"|/(supervisor|core|host)/logs(/follow)?)$"
)
_DEFAULT_TIMEOUT = 10.0  # seconds, of the command `supervisor/api`
_HEAD_DEADLINE = 10.0  # seconds for a client to send its request head


class Core:
    """Core of one host; `token` is the long-lived one, `supervisor_token` its own at the Supervisor."""

    def __init__(self, api: Api, token: str, supervisor_token: str) -> None:
        self._api = api
        self._token = token
        self._supervisor_token = supervisor_token

    def server(self) -> LoopbackServer:
        """A server, not started."""
        core = self

        class Handler(BaseHTTPRequestHandler):
            """One connection, which may become a WebSocket."""

            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                """Looks at the head without taking it, because websockets wants to read it itself."""
                if _wants_websocket(self.connection):
                    self.close_connection = True
                    core.converse(self.connection)
                    return
                super().handle()

            def do_GET(self) -> None:
                """GET."""
                reply(self, core.answer(read(self)))

            do_POST = do_GET  # noqa: N815  the name is http.server's

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
                """Nobody reads it."""

        return LoopbackServer(Handler)

    # ------------------------------------------------------------ REST

    def answer(self, request: Request) -> Response:
        """The answer of the REST API."""
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return Response(401, PLAIN, b"401: Unauthorized")
        service = _SERVICE.match(request.path)
        proxied = _PROXY.match(request.path)
        if request.method == "GET" and proxied:
            return self._supervisor(Request("GET", proxied["path"], request.query, headers=request.headers))
        if request.path.startswith("/api/hassio/"):
            return Response(401, "")
        if request.method == "POST" and service:
            return self._service(request, *service.groups())
        if request.method == "POST" and request.path.startswith("/api/services/"):
            return Response(400, PLAIN, b"400: Bad Request")
        known = {
            "/api": {"message": "API running."},
            "/api/config": {"version": CORE_VERSION, "components": ["hassio", "mqtt"], "state": "RUNNING"},
        }
        if request.method == "GET" and request.path in known:
            return Response(200, JSON, json.dumps(known[request.path]).encode())
        return Response(404, PLAIN, b"404: Not Found")

    def _service(self, request: Request, kind: str, verb: str) -> Response:
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return Response(400, JSON, b'{"message":"Invalid JSON specified."}')
        if (
            not isinstance(body, dict)
            or list(body) != [kind]
            or not re.fullmatch(r"[-_.\w]+", str(body[kind]))
        ):
            return Response(400, PLAIN, b"400: Bad Request")
        slug = str(body[kind])
        envelope = _envelope(self._supervisor(Request("POST", f"/addons/{slug}/{verb}")))
        if envelope.get("result") == "ok":
            return Response(200, "application/json", b"[]")
        message = f"Failed to {verb} app {slug}: {envelope.get('message', '')}"
        return Response(500, "application/json", json.dumps({"message": message}).encode())

    def _supervisor(self, request: Request) -> Response:
        headers = {**request.headers, "authorization": f"Bearer {self._supervisor_token}"}
        return self._api.answer(Request(request.method, request.path, request.query, request.body, headers))

    # ------------------------------------------------------------ WebSocket

    def converse(self, connection: socket.socket) -> None:
        """A WebSocket from handshake to end."""
        link = ServerConnection(connection, ServerProtocol(), ping_interval=None, close_timeout=1)
        workers: list[threading.Thread] = []
        try:
            link.handshake(timeout=_HEAD_DEADLINE)
            if link.protocol.handshake_exc is None and self._authenticate(link):
                for text in link:
                    worker = threading.Thread(target=self._command, args=(link, text), name="sandbox ws")
                    workers.append(worker)
                    worker.start()
        except (ConnectionClosed, TimeoutError, OSError):
            pass  # the client left; there is nobody to tell
        finally:
            link.close()
            for worker in workers:
                worker.join()

    def _authenticate(self, link: ServerConnection) -> bool:
        _send(link, {"type": "auth_required", "ha_version": CORE_VERSION})
        message = _object(link.recv(timeout=_HEAD_DEADLINE))
        if message.get("type") == "auth" and message.get("access_token") == self._token:
            _send(link, {"type": "auth_ok", "ha_version": CORE_VERSION})
            return True
        _send(link, {"type": "auth_invalid", "message": "Invalid access token or password"})
        return False

    def _command(self, link: ServerConnection, text: str | bytes) -> None:
        message = _object(text)
        answer = self._result(message)
        try:
            _send(link, {"id": message.get("id"), **answer})
        except (ConnectionClosed, OSError):
            return

    def _result(self, message: dict[str, Any]) -> dict[str, Any]:
        kind = message.get("type")
        if kind == "ping":
            return {"type": "pong"}
        if kind == "auth/current_user":
            return _success({"id": "0", "name": "sandbox", "is_owner": True, "is_admin": True})
        if kind == "get_config":
            return _success({"version": CORE_VERSION, "state": "RUNNING"})
        if kind == "supervisor/api":
            return self._supervisor_api(message)
        return _failure("unknown_command", "Unknown command.")

    def _supervisor_api(self, message: dict[str, Any]) -> dict[str, Any]:
        endpoint = str(message.get("endpoint", ""))
        if not endpoint.startswith("/") or "?" in endpoint or ".." in endpoint:
            return _failure("unknown_error", f"Invalid command {endpoint}")
        data = message.get("data")
        query = {str(k): str(v) for k, v in (message.get("params") or {}).items()}
        body = json.dumps(data).encode() if data else b""
        request = Request(str(message.get("method", "get")).upper(), endpoint, query, body)
        timeout = message.get("timeout", _DEFAULT_TIMEOUT)
        holder: list[Response] = []
        worker = threading.Thread(
            target=lambda: holder.append(self._supervisor(request)), name="sandbox ws call"
        )
        worker.start()
        worker.join(timeout)
        if not holder:  # the work goes on, only the answer is given up
            return _failure("unknown_error", "")
        envelope = _envelope(holder[0])
        if envelope.get("result") == "ok":
            return _success(envelope.get("data", {}))
        return _failure("unknown_error", str(envelope.get("message", "")))


def _wants_websocket(connection: socket.socket) -> bool:
    """Peeks at the request head until it is complete."""
    connection.settimeout(_HEAD_DEADLINE)
    deadline = time.monotonic() + _HEAD_DEADLINE
    try:
        while time.monotonic() < deadline:
            head = connection.recv(65536, socket.MSG_PEEK)
            if not head:
                return False
            if b"\r\n\r\n" in head:
                return b"\r\nupgrade: websocket" in head.partition(b"\r\n\r\n")[0].lower()
            time.sleep(0.005)
        return False
    finally:
        connection.settimeout(None)


def _send(link: ServerConnection, message: dict[str, Any]) -> None:
    link.send(json.dumps(message))


def _object(text: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _envelope(response: Response) -> dict[str, Any]:
    return _object(response.body) if response.content_type.startswith("application/json") else {}


def _success(result: Any) -> dict[str, Any]:
    return {"type": "result", "success": True, "result": result}


def _failure(code: str, message: str) -> dict[str, Any]:
    return {"type": "result", "success": False, "error": {"code": code, "message": message}}
