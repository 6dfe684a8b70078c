"""Core's WebSocket API: login, a few commands of Core itself, and `supervisor/api`."""

from __future__ import annotations

import inspect
import json
import socket
import threading
from types import SimpleNamespace

from websockets.exceptions import ConnectionClosed
from websockets.server import ServerProtocol
from websockets.sync.server import ServerConnection

from ha_sandbox.core.core_rest_api import core_config
from ha_sandbox.core.supervisor_calls import LOST, SupervisorCalls, envelope, parse_object
from ha_sandbox.join_threads import join_all
from ha_sandbox.json_types import JsonObject
from ha_sandbox.situations import Faults, Situation
from ha_sandbox.supervisor.api.host_info import CORE_VERSION
from ha_sandbox.supervisor.api.ingress_routes import USER_ID
from ha_sandbox.supervisor.api.routing import PLAIN, Request, Response

HEAD_DEADLINE = 10.0
"""Seconds for a client to send its request head or its login."""
_DEFAULT_TIMEOUT = 10.0  # seconds, of the command `supervisor/api`


class CoreSockets:
    """The WebSockets of one Core; `token` is the long-lived token that it accepts."""

    def __init__(self, calls: SupervisorCalls, token: str, faults: Faults) -> None:
        self._calls = calls
        self._token = token
        self._faults = faults
        self._guard = threading.Lock()
        self._open: set[ServerConnection] = set()

    def converse(self, connection: socket.socket) -> None:
        """Serves one WebSocket to its end. Raises ThreadStuck if a command does not end."""
        link = _server_side(connection)
        workers: list[threading.Thread] = []
        with self._guard:
            self._open.add(link)
        try:
            link.handshake(timeout=HEAD_DEADLINE)
            if link.protocol.handshake_exc is None and self._authenticate(link):
                for text in link:
                    worker = threading.Thread(
                        target=self._command, args=(link, text), name="sandbox ws", daemon=True
                    )
                    workers.append(worker)
                    worker.start()
        except (ConnectionClosed, TimeoutError, OSError):
            pass  # the client left
        finally:
            with self._guard:
                self._open.discard(link)
            link.close()
            join_all(workers, "the commands of a WebSocket")

    def hang_up(self) -> None:
        """Closes every WebSocket with code 1000, as a stopping Core does."""
        with self._guard:
            links = list(self._open)
        closers = [
            threading.Thread(target=link.close, name="sandbox ws close", daemon=True) for link in links
        ]
        for thread in closers:
            thread.start()
        join_all(closers, "the WebSockets of Core")

    def _authenticate(self, link: ServerConnection) -> bool:
        _send(link, {"type": "auth_required", "ha_version": CORE_VERSION})
        message = parse_object(link.recv(timeout=HEAD_DEADLINE))
        if message.get("type") == "auth" and message.get("access_token") == self._token:
            _send(link, {"type": "auth_ok", "ha_version": CORE_VERSION})
            return True
        _send(link, {"type": "auth_invalid", "message": "Invalid access token or password"})
        return False

    def _command(self, link: ServerConnection, text: str | bytes) -> None:
        message = parse_object(text)
        answer = self._result(message)
        try:
            _send(link, {"id": message.get("id"), **answer})
        except (ConnectionClosed, OSError):
            return

    def _result(self, message: JsonObject) -> JsonObject:
        kind = message.get("type")
        if kind == "ping":
            return {"type": "pong"}
        if kind == "auth/current_user":
            return _success({"id": USER_ID, "name": "sandbox", "is_owner": True, "is_admin": True})
        if kind == "get_config":
            return _success(core_config(self._faults))
        if kind == "supervisor/api" and Situation.CORE_BOOTING not in self._faults:
            return self._supervisor_api(message)
        return _failure("unknown_command", "Unknown command.")

    def _supervisor_api(self, message: JsonObject) -> JsonObject:
        endpoint = str(message.get("endpoint", ""))
        if not endpoint.startswith("/") or "?" in endpoint or ".." in endpoint:
            return _failure("unknown_error", f"Invalid command {endpoint}")
        data = message.get("data")
        if endpoint == "/ingress/session":
            data = {**(data or {}), "user_id": USER_ID}
        query = {str(k): str(v) for k, v in (message.get("params") or {}).items()}
        body = json.dumps(data).encode() if data else b""
        request = Request(str(message.get("method", "get")).upper(), endpoint, query, body)
        response = self._calls.send_within(request, message.get("timeout", _DEFAULT_TIMEOUT))
        return _failure("unknown_error", "") if response in {None, LOST} else _as_result(response)


def _as_result(response: Response | None) -> JsonObject:
    """A response as the command's result. Plain text is not a result: an error keeps it, a log loses it."""
    if response is None:
        return _failure("unknown_error", "")
    answer = envelope(response)
    if answer.get("result") == "ok":
        return _success(answer.get("data", {}))
    if response.content_type == PLAIN:
        return _failure("unknown_error", response.body.decode(errors="replace"))
    return _failure("unknown_error", str(answer.get("message", "")))


def _server_side(connection: socket.socket) -> ServerConnection:
    options: JsonObject = {"ping_interval": None, "close_timeout": 1}
    if "server" in inspect.signature(ServerConnection).parameters:
        # Since websockets 17 a connection asks its server whether it is closing. Ours ends them by itself.
        options["server"] = SimpleNamespace(socket_closed=threading.Event())
    return ServerConnection(connection, ServerProtocol(), **options)


def _send(link: ServerConnection, message: JsonObject) -> None:
    link.send(json.dumps(message))


def _success(result: object) -> JsonObject:
    return {"type": "result", "success": True, "result": result}


def _failure(code: str, message: str) -> JsonObject:
    return {"type": "result", "success": False, "error": {"code": code, "message": message}}
