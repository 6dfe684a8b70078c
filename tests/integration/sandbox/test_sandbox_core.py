"""Core's REST and WebSocket API, over the network."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedOK
from websockets.sync.client import connect

from ha_sandbox import Sandbox, Situation

SLUG = "local_beep_boop_bb8"


def rest(box: Sandbox, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token or box.env()['HA_LLAT']}"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(box.core_url + path, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class Socket:
    """A logged-in WebSocket."""

    def __init__(self, box: Sandbox, token: str) -> None:
        self.link = connect(
            box.core_url.replace("http", "ws") + "/api/websocket", close_timeout=5
        ).__enter__()
        assert self.receive()["type"] == "auth_required"
        self.link.send(json.dumps({"type": "auth", "access_token": token}))
        self.answer = self.receive()

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.link.recv(timeout=60))
        return message

    def ask(self, **message: Any) -> dict[str, Any]:
        self.link.send(json.dumps({"id": 1, **message}))
        return self.receive()


@pytest.fixture
def socket(box: Sandbox) -> Any:
    made = Socket(box, box.env()["HA_LLAT"])
    yield made
    made.link.close()


def test_the_rest_api_wants_the_token(box: Sandbox) -> None:
    assert rest(box, "GET", "/api/")[0] == 200
    assert rest(box, "GET", "/api/", token="wrong") == (401, "401: Unauthorized")


def test_the_proxy_lets_logs_through_and_nothing_else(box: Sandbox) -> None:
    assert rest(box, "GET", "/api/hassio/supervisor/logs")[0] == 200
    assert rest(box, "GET", "/api/hassio/addons") == (401, "")
    assert rest(box, "POST", "/api/hassio/store/reload") == (401, "")


def test_services_restart_an_app_and_name_what_failed(box: Sandbox, probe: Path) -> None:
    box.install(probe, {})
    assert rest(box, "POST", "/api/services/hassio/app_restart", {"app": SLUG}) == (200, "[]")
    assert rest(box, "POST", "/api/services/hassio/addon_stop", {"addon": SLUG}) == (200, "[]")
    assert box.call("GET", f"/addons/{SLUG}/info")["state"] == "stopped"
    status, text = rest(box, "POST", "/api/services/hassio/app_restart", {"app": "local_nope"})
    assert status == 500
    assert json.loads(text)["message"] == "Failed to restart app local_nope: App local_nope does not exist"
    assert rest(box, "POST", "/api/services/hassio/app_restart", {"addon": SLUG})[0] == 400
    assert rest(box, "POST", "/api/services/hassio/app_rebuild", {"app": SLUG})[0] == 400


def test_the_websocket_reaches_the_whole_supervisor(socket: Socket) -> None:
    assert socket.answer["type"] == "auth_ok"
    answer = socket.ask(type="supervisor/api", endpoint="/supervisor/info", method="get")
    assert answer["success"] is True
    assert answer["result"]["healthy"] is True
    failed = socket.ask(
        type="supervisor/api", endpoint="/addons/local_nope/start", method="post", timeout=None
    )
    assert failed["error"] == {"code": "unknown_error", "message": "App local_nope does not exist"}
    assert socket.ask(type="auth/current_user")["result"]["is_admin"] is True
    assert socket.ask(type="dance")["error"]["code"] == "unknown_command"


def test_an_unknown_route_keeps_its_text_and_a_log_loses_it(socket: Socket) -> None:
    unknown = socket.ask(type="supervisor/api", endpoint="/nothing/here", method="get")
    assert unknown["error"] == {"code": "unknown_error", "message": "404: Not Found"}
    log = socket.ask(type="supervisor/api", endpoint="/supervisor/logs", method="get")
    assert log["error"] == {"code": "unknown_error", "message": ""}


def test_a_booting_core_knows_no_supervisor_and_closes_its_sockets_with_1000(
    box: Sandbox, socket: Socket
) -> None:
    box.power.restart_core(60)
    with pytest.raises(ConnectionClosedOK) as closed:
        socket.link.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    booting = Socket(box, box.env()["HA_LLAT"])
    try:
        info = booting.ask(type="supervisor/api", endpoint="/info", method="get")
        assert info["error"] == {"code": "unknown_command", "message": "Unknown command."}
        assert booting.ask(type="get_config")["result"]["state"] == "NOT_RUNNING"
        assert rest(box, "GET", "/api/hassio/supervisor/logs")[0] == 404
    finally:
        booting.link.close()
        box.faults.end(Situation.CORE_BOOTING)


def test_a_short_timeout_gives_up_the_answer_and_not_the_work(
    box: Sandbox, probe: Path, socket: Socket
) -> None:
    if SLUG in box.manager.installed:
        box.call("POST", f"/addons/{SLUG}/uninstall")
    box.install(probe, {})
    command = {"type": "supervisor/api", "endpoint": f"/addons/{SLUG}/restart", "method": "post"}
    failed = socket.ask(**command, timeout=0.0001)
    assert failed["error"] == {"code": "unknown_error", "message": ""}


def test_a_wrong_token_ends_the_websocket(box: Sandbox) -> None:
    refused = Socket(box, "wrong")
    assert refused.answer["type"] == "auth_invalid"
    refused.link.close()
