"""Where the broker is: options first, then the Supervisor, then a sentence that says where to click."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from bb8_core.app_options import Options
from bb8_core.mqtt.broker_credentials import NoBroker, find, from_service

SERVICE = {
    "result": "ok",
    "data": {
        "host": "core-mosquitto",
        "port": 1883,
        "ssl": False,
        "username": "addons",
        "password": "pw",
        "protocol": "3.1.1",
    },
}


class Supervisor(http.server.BaseHTTPRequestHandler):
    """Answers one question as the Supervisor does."""

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == "Bearer tok"
        body = json.dumps(SERVICE if known else {"result": "error"}).encode()
        self.send_response(200 if known and self.path == "/services/mqtt" else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture
def supervisor() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Supervisor)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_options_come_first() -> None:
    broker = find(Options(mqtt_host="mq", mqtt_username="u", mqtt_password="p"), {})
    assert (broker.host, broker.port, broker.username, broker.password, broker.source) == (
        "mq", 1883, "u", "p", "options",
    )  # fmt: skip


def test_tls_changes_the_default_port_and_stays_strict() -> None:
    broker = find(Options(mqtt_host="mq", mqtt_tls=True), {})
    assert (broker.port, broker.tls, broker.tls_insecure) == (8883, True, False)


def test_the_supervisor_is_asked_with_the_token(supervisor: str) -> None:
    broker = find(Options(), {"SUPERVISOR_TOKEN": "tok", "SUPERVISOR_URL": supervisor})
    assert (broker.host, broker.port, broker.username, broker.password, broker.source) == (
        "core-mosquitto", 1883, "addons", "pw", "supervisor",
    )  # fmt: skip
    assert "pw" not in repr(broker)


def test_a_refused_token_reports_what_to_do(supervisor: str) -> None:
    with pytest.raises(NoBroker, match="reinstall the app"):
        find(Options(), {"SUPERVISOR_TOKEN": "old", "SUPERVISOR_URL": supervisor})


def test_without_host_and_supervisor_the_error_names_the_option() -> None:
    with pytest.raises(NoBroker, match=r"mqtt_host.*Configuration"):
        find(Options(), {})


def test_a_supervisor_that_does_not_answer_is_not_a_crash() -> None:
    with pytest.raises(NoBroker, match="tried again"):
        find(Options(), {"SUPERVISOR_TOKEN": "t", "SUPERVISOR_URL": "http://127.0.0.1:1"})


@pytest.mark.parametrize("answer", [None, [], {}, {"data": None}, {"data": {}}, {"data": {"host": 5}}])
def test_an_answer_without_a_broker_reports_where_to_click(answer: object) -> None:
    with pytest.raises(NoBroker, match="Mosquitto broker"):
        from_service(answer, Options())
