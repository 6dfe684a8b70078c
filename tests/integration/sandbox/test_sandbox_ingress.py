"""An app's page and ports, reached from this machine: ingress with WebSocket and streams, published ports."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from tests.integration.waiting import until
from websockets.sync.client import connect

from ha_sandbox import Sandbox
from ha_sandbox.http_server import free_port
from ha_sandbox.supervisor.images import machine_arch

SLUG = "local_pages"
APP = Path(__file__).with_name("ingress_app.py")
CONFIG = f"""name: Pages
version: "1"
slug: pages
description: x
arch: [{machine_arch()}]
ingress: true
ingress_port: PAGE
ingress_entry: start/
"""


class Visitor:
    """A user of the page, with a session of ingress."""

    def __init__(self, box: Sandbox, page_port: int, port: int) -> None:
        self.box, self.page_port, self.port = box, page_port, port
        self.core = int(box.core_url.rpartition(":")[2])
        self.info: dict[str, Any] = box.call("GET", f"/addons/{SLUG}/info")
        session = box.call("POST", "/ingress/session", {"user_id": "0"})["session"]
        self.headers = {"Cookie": f"ingress_session={session}", "Origin": "http://ha.example"}

    @property
    def entry(self) -> str:
        return str(self.info["ingress_entry"])

    def open(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.core, timeout=60)
        connection.request(method, self.entry + path, body, {**self.headers, **headers})
        return connection.getresponse()

    def ask(self, path: str, method: str = "GET", body: Any = None) -> tuple[int, Any]:
        with self.open(path, method, body) as answer:
            data = answer.read()
        return answer.status, json.loads(data) if answer.status == 200 else data


def write(tree: Path, config: str, command: str) -> Path:
    tree.mkdir()
    (tree / "config.yaml").write_text(config)
    (tree / "page.py").write_text(APP.read_text())
    words = ", ".join(f'"{word}"' for word in command.split())
    (tree / "Dockerfile").write_text(f"FROM x\nCOPY page.py /\nENTRYPOINT []\nCMD [{words}]\n")
    return tree


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """The app, with a page and a port of its own."""
    folder = tmp_path_factory.mktemp("ingress")
    page, port = free_port(), free_port()
    config = CONFIG.replace("PAGE", str(page)) + f"ports:\n  {port}/tcp: {port}\n  {port}/udp: null\n"
    tree = write(folder / "pages", config, f"python3 /page.py {page} {port}")
    with Sandbox(folder / "host") as box:
        box.install(tree, {})
        made = Visitor(box, page, port)
        until(lambda: made.ask("/")[0] == 200)
        yield made


def test_a_page_gets_the_request_as_behind_a_real_host(visitor: Visitor) -> None:
    status, seen = visitor.ask("/a/b/?x=1&x=2")
    assert (status, seen["path"]) == (200, "/a/b/?x=1&x=2")
    assert seen["x-ingress-path"] == visitor.entry
    assert seen["x-remote-user-id"] == "0"
    assert seen["host"] == f"127.0.0.1:{visitor.core}"
    if visitor.box.runtime.address("mqtt")[0] != "127.0.0.1":
        assert seen["peer"] == "172.30.32.2"


def test_the_answer_has_the_type_without_its_charset_and_is_unpacked(visitor: Visitor) -> None:
    answer = visitor.open("/")
    assert answer.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in answer.headers


def test_the_entry_is_random_and_its_url_has_the_apps_own_start(visitor: Visitor) -> None:
    assert SLUG not in visitor.entry
    assert visitor.info["ingress_url"] == f"{visitor.entry}/start/"


def test_a_websocket_passes_with_headers_and_the_first_protocol(visitor: Visitor) -> None:
    url = f"ws://127.0.0.1:{visitor.core}{visitor.entry}/ws"
    cookie = {"Cookie": visitor.headers["Cookie"]}
    with connect(url, additional_headers=cookie, subprotocols=["one", "two"], compression=None) as link:
        seen = json.loads(link.recv(60))
        assert seen["x-ingress-path"] == visitor.entry
        assert seen["x-remote-user-name"] == "sandbox"
        assert seen["sec-websocket-protocol"] == "one,two"
        assert "sec-websocket-extensions" not in seen
        assert link.subprotocol == "one"
        link.send("hello")
        assert link.recv(60) == "hello"


def test_events_arrive_while_the_answer_is_not_over(visitor: Visitor) -> None:
    with visitor.open("/events") as answer:
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.readline() + answer.readline() == b"data: one\n\n"
        assert visitor.ask("/release")[0] == 200
        assert answer.readline() == b"data: two\n"


def test_an_upload_is_buffered_up_to_sixteen_megabytes(visitor: Visitor) -> None:
    assert visitor.ask("/up", "POST", iter([b"a" * 1000, b"b" * 1000])) == (
        200,
        {"chunked": False, "bytes": 2000},
    )
    phrase = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.phrase  # Python 3.13 has another one than 3.12
    assert visitor.ask("/up", "POST", bytes(17 << 20)) == (413, f"413: {phrase}".encode())


def test_with_ingress_stream_an_upload_of_any_size_passes(visitor: Visitor) -> None:
    app = visitor.box.manager.installed[SLUG]
    app.config["ingress_stream"] = True
    sent = visitor.ask("/up", "POST", bytes(17 << 20))
    app.config["ingress_stream"] = False
    assert sent == (200, {"chunked": True, "bytes": 17 << 20})


def test_a_published_port_leads_to_the_app(visitor: Visitor) -> None:
    app = visitor.box.manager.installed[SLUG]
    assert app.container is not None
    assert list(app.container.ports) == [visitor.port]
    host, port = app.container.ports[visitor.port]
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.request("GET", "/direct")
    assert connection.getresponse().status == 200
    connection.close()


def test_a_stopped_app_has_neither_page_nor_port(visitor: Visitor) -> None:
    app = visitor.box.manager.installed[SLUG]
    assert app.container is not None
    address = app.container.ports[visitor.port]
    visitor.box.call("POST", f"/addons/{SLUG}/stop")
    assert visitor.ask("/")[0] == 502
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 60)
    visitor.box.call("POST", f"/addons/{SLUG}/start")
    until(lambda: visitor.ask("/")[0] == 200)
    assert app.container.ports[visitor.port] == address


def test_a_host_port_in_use_is_moved_or_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, Sandbox(tmp_path / "host") as box:
        taken, own = other.getsockname()[1], free_port()
        config = CONFIG.partition("ingress")[0]
        shared = box.runtime.address("mqtt")[0] == "127.0.0.1"
        inside = taken if shared else own
        tree = write(
            tmp_path / "pages", f"{config}ports: {{{inside}/tcp: {taken}}}\n", f"python3 /page.py {own}"
        )
        if shared:
            with pytest.raises(Exception, match=f"because port {taken} is already in use"):
                box.install(tree, {})
            return
        box.install(tree, {})
        app = box.manager.installed[SLUG]
        assert app.container is not None
        address = app.container.ports[own]
        assert address[1] != taken
        assert f"port {own}/tcp is at 127.0.0.1:{address[1]}" in box.manager.log_of(SLUG).latest(50)
        until(lambda: connects(address))


def test_a_server_on_the_containers_loopback_alone_is_named_in_the_log(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "host") as box:
        if box.runtime.address("mqtt")[0] == "127.0.0.1":
            pytest.skip("SKIPPED: this machine allows no network namespaces")
        port = free_port()
        config = CONFIG.partition("ingress")[0] + f"ports: {{{port}/tcp: null}}\n"
        tree = write(tmp_path / "pages", config, "python3 /page.py")
        (tree / "page.py").write_text(
            f"import socket, threading\ns = socket.create_server(('127.0.0.1', {port}))\n"
            "threading.Event().wait()\n"
        )
        box.install(tree, {})
        until(lambda: f"port {port} listens on 127.0.0.1 only" in box.manager.log_of(SLUG).latest(50))


def connects(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, 60).close()
    except ConnectionRefusedError:
        return False
    return True
