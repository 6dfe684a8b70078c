"""Answers requests for apps' pages at Core and at the Supervisor: session, app, headers, then the page."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler

from ha_sandbox.situations import Situation
from ha_sandbox.supervisor.app_lifecycle import Manager
from ha_sandbox.supervisor.ingress.ingress_sessions import COOKIE
from ha_sandbox.supervisor.ingress.page_headers import (
    Header,
    first,
    for_app,
    from_core,
    is_websocket,
    leaves_its_page,
)
from ha_sandbox.supervisor.ingress.page_request import BodyTooLarge, PageRequest, carry
from ha_sandbox.supervisor.ingress.page_websocket import carry_websocket
from ha_sandbox.supervisor.installed_app import Installed

_AT_CORE = re.compile(r"/api/hassio_ingress/(?P<token>[^/?]+)/(?P<path>[^?]*)(?P<query>\?.*)?")
_AT_SUPERVISOR = re.compile(r"/ingress/(?P<token>[-_A-Za-z0-9]+)/(?P<path>[^?]*)(?P<query>\?.*)?")
_LINGER = 2.0  # seconds
_CHUNK = 64 * 1024


class Refused(Exception):
    """The page is not asked for; `status` says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """A request for a page: the app's token, the path below it with the query, headers as the Supervisor
    gets them.
    """

    token: str
    path: str
    query: str
    headers: list[Header]


class Pages:
    """The pages of all apps of one host."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def serve_at_core(self, handler: BaseHTTPRequestHandler) -> bool:
        """Answers a request at Core if it is one for a page; False if it is not."""
        found, headers = _AT_CORE.fullmatch(handler.path), list(handler.headers.items())
        if found is None:
            return False
        added = from_core(headers, found["token"], str(handler.client_address[0]))
        self._serve(handler, Visit(found["token"], found["path"], found["query"] or "", added))
        return True

    def serve_at_supervisor(self, handler: BaseHTTPRequestHandler) -> bool:
        """The same at the Supervisor."""
        found, headers = _AT_SUPERVISOR.fullmatch(handler.path), list(handler.headers.items())
        if found is None:
            return False
        self._serve(handler, Visit(found["token"], found["path"], found["query"] or "", headers))
        return True

    def _serve(self, handler: BaseHTTPRequestHandler, visit: Visit) -> None:
        try:
            request = self._request(handler, visit)
            if is_websocket(list(handler.headers.items())):
                self._serve_websocket(handler, request)
            else:
                carry(handler, request)
        except Refused as error:
            _refuse(handler, error.status)
        except BodyTooLarge:
            _refuse(handler, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._log_failure(error)
            _refuse(handler, HTTPStatus.BAD_GATEWAY)

    def _serve_websocket(self, handler: BaseHTTPRequestHandler, request: PageRequest) -> None:
        handler.close_connection = True
        try:
            carry_websocket(handler, request)
        except OSError as error:
            self._log_failure(error)

    def _log_failure(self, error: Exception) -> None:
        self._manager.journal.log("ERROR", "api.ingress", f"Ingress error: {error!r}")

    def _request(self, handler: BaseHTTPRequestHandler, visit: Visit) -> PageRequest:
        """What to send to the app. Raises Refused."""
        faults = self._manager.faults
        if Situation.SUPERVISOR_STOPPED in faults:
            raise Refused(HTTPStatus.BAD_GATEWAY)
        if faults.startup_state or leaves_its_page(visit.path):
            raise Refused(HTTPStatus.BAD_REQUEST)
        identity = self._manager.ingress_sessions.validate(_session(visit.headers))
        if identity is None:
            raise Refused(HTTPStatus.UNAUTHORIZED)
        app = self._app(visit.token)
        if app.container is None or app.container.page is None:
            raise Refused(HTTPStatus.BAD_GATEWAY)
        return PageRequest(
            address=app.container.page,
            method=handler.command,
            target=f"/{visit.path}{visit.query}",
            headers=tuple(for_app(visit.headers, identity, str(handler.client_address[0]))),
            streamed=handler.command == "POST" and bool(app.config.get("ingress_stream")),
        )

    def _app(self, token: str) -> Installed:
        """The app with this token. Raises Refused."""
        for app in list(self._manager.installed.values()):
            if app.ingress_port and app.ingress_token == token:
                return app
        self._manager.journal.log("WARNING", "api.ingress", f"Ingress for {token} not available")
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)


def _session(headers: list[Header]) -> str:
    try:
        morsel = SimpleCookie(first(headers, "cookie")).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _refuse(handler: BaseHTTPRequestHandler, status: HTTPStatus) -> None:
    """Plain text, as every refusal of the real one."""
    text = f"{status.value}: {status.phrase}".encode()
    handler.close_connection = True
    handler.send_response_only(status)
    handler.send_header("Content-Type", "text/plain; charset=utf-8")
    handler.send_header("Content-Length", str(len(text)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(text)
    _linger(handler.connection)


def _linger(connection: socket.socket) -> None:
    """Reads what is still sent, within limits: closing before that could destroy the answer on its way."""
    end = time.monotonic() + _LINGER
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_LINGER)
        while time.monotonic() < end and connection.recv(_CHUNK):
            continue
