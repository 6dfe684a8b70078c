"""A page behind ingress gets the headers of Core and the Supervisor, and no token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from ha_sandbox.core.core_rest_api import CoreRest
from ha_sandbox.core.supervisor_calls import SupervisorCalls
from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.supervisor.api.routing import Request
from ha_sandbox.supervisor.tokens_and_roles import Caller, Role


class Page(BaseHTTPRequestHandler):
    """Returns what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        sent = {name.lower(): value for name, value in self.headers.items()}
        answer = json.dumps(
            {"method": self.command, "path": self.path, "body": body, "headers": sent}
        ).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.send_header("Set-Cookie", "a=1")
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815  the names are http.server's

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
        """Prints nothing."""


@pytest.fixture
def page_port() -> Iterator[int]:
    server = LoopbackServer(Page)
    server.start()
    yield server.port
    server.stop()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_app_learns_who_asks_and_from_where(host: Any, page_port: int, method: str) -> None:
    host.write(ingress=True, ingress_port=page_port)
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    core_token = host.access.grant(Caller(Role.ADMIN))
    core = CoreRest(SupervisorCalls(host.api, core_token, host.power), "llat", host.faults)
    session = host.ok("POST", "/ingress/session", {"user_id": "0"})["session"]
    sent = {
        "cookie": f"ingress_session={session}",
        "host": "ha.example:8123",
        "x-remote-user-id": "made up",
        "x-hassio-key": "secret",
        "x-own": "kept",
    }
    path = "/api/hassio_ingress/local_probe/sub/page"
    body = b"" if method == "GET" else b"text"
    response = core.answer(Request(method, path, {"q": "a b"}, body, sent))
    assert response.status == 201
    assert ("Set-Cookie", "a=1") in response.headers
    seen = json.loads(response.body)
    assert (seen["method"], seen["path"], seen["body"]) == (method, "/sub/page?q=a+b", body.decode())
    headers = seen["headers"]
    assert headers["x-ingress-path"] == "/api/hassio_ingress/local_probe"
    assert headers["x-hass-source"] == "core.ingress"
    assert headers["x-remote-user-id"] == "0"
    assert (headers["x-remote-user-name"], headers["x-remote-user-display-name"]) == ("user", "user")
    assert headers["x-forwarded-for"] == "127.0.0.1, 127.0.0.1"
    assert (headers["x-forwarded-host"], headers["x-forwarded-proto"]) == ("ha.example:8123", "http")
    assert headers["x-own"] == "kept"
    assert core_token not in str(seen)
    assert "secret" not in str(seen)


def test_a_page_without_a_session_is_refused(host: Any) -> None:
    calls = SupervisorCalls(host.api, host.token, host.power)
    core = CoreRest(calls, "llat", host.faults)
    assert core.answer(Request("GET", "/api/hassio_ingress/local_probe/")).status == 401
