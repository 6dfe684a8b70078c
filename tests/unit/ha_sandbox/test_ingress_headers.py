"""A page behind ingress gets the headers of Core and the Supervisor, and no token."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from ha_sandbox.core.core_listener import core_server
from ha_sandbox.core.core_rest_api import CoreRest
from ha_sandbox.core.core_websocket_api import CoreSockets
from ha_sandbox.core.supervisor_calls import SupervisorCalls
from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.supervisor.ingress.ingress_sessions import IngressSessions
from ha_sandbox.supervisor.ingress.pages import Pages
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


@pytest.fixture
def core(host: Any) -> Iterator[LoopbackServer]:
    """Core's listener; its own token is `host.core_token`."""
    host.core_token = host.access.grant(Caller(Role.ADMIN))
    calls = SupervisorCalls(host.api, host.core_token, host.power)
    rest, sockets = CoreRest(calls, "llat", host.faults), CoreSockets(calls, "llat", host.faults)
    server = core_server(rest, sockets, Pages(host.manager))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def entry(host: Any, page_port: int) -> str:
    """The path of the started probe's page at Core."""
    host.write(ingress=True, ingress_port=page_port)
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    host.ok("POST", "/addons/local_probe/start")
    return str(host.info["ingress_entry"])


Asked = tuple[int, list[tuple[str, str]], bytes]


def ask(
    core: LoopbackServer, path: str, headers: dict[str, str], method: str = "GET", body: bytes = b""
) -> Asked:
    connection = http.client.HTTPConnection("127.0.0.1", core.port, timeout=60)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    found = answer.status, answer.getheaders(), answer.read()
    connection.close()
    return found


def session_of(host: Any, user: str = "0") -> str:
    return "ingress_session=" + str(host.ok("POST", "/ingress/session", {"user_id": user})["session"])


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_an_app_learns_who_asks_and_from_where(
    host: Any, core: LoopbackServer, entry: str, method: str
) -> None:
    sent = {
        "Cookie": session_of(host),
        "Host": "ha.example:8123",
        "X-Remote-User-Id": "made up",
        "X-Hassio-Key": "secret",
        "X-Own": "kept",
    }
    body = b"" if method == "GET" else b"text"
    status, returned, text = ask(core, f"{entry}/sub/page?q=a+b", sent, method, body)
    assert status == 201
    assert ("Set-Cookie", "a=1") in returned
    seen = json.loads(text)
    assert (seen["method"], seen["path"], seen["body"]) == (method, "/sub/page?q=a+b", body.decode())
    headers = seen["headers"]
    assert headers["x-ingress-path"] == entry
    assert headers["x-hass-source"] == "core.ingress"
    assert headers["x-remote-user-id"] == "0"
    assert (headers["x-remote-user-name"], headers["x-remote-user-display-name"]) == ("user", "user")
    assert headers["x-forwarded-for"] == "127.0.0.1, 127.0.0.1"
    assert (headers["x-forwarded-host"], headers["x-forwarded-proto"]) == ("ha.example:8123", "http")
    assert headers["x-own"] == "kept"
    assert host.core_token not in str(seen)
    assert "secret" not in str(seen)


def test_a_page_without_a_session_is_refused(core: LoopbackServer, entry: str) -> None:
    assert ask(core, f"{entry}/", {})[0] == 401
    assert ask(core, f"{entry}/", {"Cookie": "ingress_session=made-up"})[0] == 401


def test_paths_reach_the_app_as_they_are(host: Any, core: LoopbackServer, entry: str) -> None:
    cookie = {"Cookie": session_of(host)}
    for path in ("/", "/a/", "/a//b%20c?x=1&x=2", "/a/../b"):
        assert json.loads(ask(core, entry + path, cookie)[2])["path"] == path
    assert ask(core, entry, cookie)[0] == 404
    assert ask(core, f"{entry}/../up", cookie)[0] == 400
    assert ask(core, f"{entry}/%2e%2e/up", cookie)[0] == 400


def test_an_unknown_token_and_an_app_that_does_not_run_have_no_page(
    host: Any, core: LoopbackServer, entry: str
) -> None:
    cookie = {"Cookie": session_of(host)}
    assert ask(core, "/api/hassio_ingress/local_probe/", cookie)[0] == 503
    host.ok("POST", "/addons/local_probe/stop")
    assert ask(core, f"{entry}/", cookie)[0] == 502


def test_a_session_ends_after_a_quarter_of_an_hour_without_a_request() -> None:
    now = [0.0]
    sessions = IngressSessions(lambda: now[0])
    token = sessions.create({"X-Remote-User-Id": "0"})
    now[0] = 899.0
    assert sessions.validate(token) == {"X-Remote-User-Id": "0"}
    now[0] = 1799.0
    assert sessions.validate(token) is not None
    now[0] = 99999.0
    assert sessions.validate(token) is None
