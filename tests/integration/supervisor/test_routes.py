"""Every way to the Supervisor against the embedded host, and the choice between them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from bb8deploy.base.errors import Interrupted, Refused, UsageError
from bb8deploy.base.secret import Secret
from bb8deploy.host.supervisor import core_websocket
from bb8deploy.host.supervisor.core_restart_service import restart_by_service
from bb8deploy.host.supervisor.find_route import reach
from bb8deploy.host.supervisor.rest_route import RestSupervisor
from bb8deploy.host.supervisor.route_interface import NoAnswer, RefusalKind, Supervisor, SupervisorError
from bb8deploy.host.supervisor.websocket_route import WebSocketSupervisor
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.settings_type import Settings
from ha_sandbox import Sandbox

SLUG = "local_beep_boop_bb8"
FILES = {
    "config.yaml": 'name: B\nversion: "1.0.0"\nslug: beep_boop_bb8\ndescription: x\narch: [amd64, aarch64]\n'
    "init: false\n",
    "Dockerfile": 'FROM x\nCOPY run.sh /\nCMD ["sh", "/run.sh"]\n',
    "run.sh": "echo hello\ntrap 'exit 0' TERM\nwhile :; do sleep 0.2; done\n",
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A host with the app installed and started."""
    folder = tmp_path_factory.mktemp("routes")
    source = folder / "addon"
    source.mkdir()
    for name, text in FILES.items():
        (source / name).write_text(text)
    with Sandbox(folder / "box") as made:
        made.install(source, {})
        _await_first_line(made)
        yield made


def _await_first_line(box: Sandbox) -> None:
    """The app is `started` before its script has printed anything."""
    way = RestSupervisor(box.supervisor_url, Secret(box.supervisor_token))
    end = time.monotonic() + 60
    while "hello" not in way.logs(SLUG, 10):
        assert time.monotonic() < end, "the app printed nothing"
        time.sleep(0.05)
    way.close()


def settings(folder: Path, **flags: str) -> Settings:
    return load(folder, environ={}, flags=flags)


@pytest.fixture(params=["rest", "websocket"])
def way(request: pytest.FixtureRequest, box: Sandbox) -> Iterator[Supervisor]:
    made: Supervisor
    if request.param == "rest":
        made = RestSupervisor(box.supervisor_url, Secret(box.supervisor_token))
    else:
        made = WebSocketSupervisor(box.core_url, Secret(box.env()["HA_LLAT"]))
    yield made
    made.close()


def test_each_way_reports_the_same(way: Supervisor) -> None:
    look = way.look(SLUG, 100)
    assert look.state
    assert (look.state.version, look.state.listed, look.state.state) == ("1.0.0", "1.0.0", "started")
    assert look.state.built_here
    assert "hello" in look.log
    assert way.look("local_nope", 10).state is None
    way.reload_store()
    assert way.jobs() == ()
    assert way.health().healthy
    assert way.supervisor_logs(5)


def test_each_way_acts_and_hears_the_no(way: Supervisor) -> None:
    way.act("stop", SLUG, deadline=60)
    assert way.info(SLUG).state == "stopped"
    way.act("start", SLUG, deadline=60)
    assert way.info(SLUG).state == "started"
    with pytest.raises(SupervisorError) as caught:
        way.act("update", SLUG, deadline=60)
    assert caught.value.problem is RefusalKind.NO_UPDATE


def test_a_wrong_token_is_a_refusal_by_each_way(box: Sandbox) -> None:
    with pytest.raises(Refused) as rest:
        RestSupervisor(box.supervisor_url, Secret("wrong")).info(SLUG)
    assert rest.value.code == "SUPERVISOR_DENIED"
    with pytest.raises(Refused) as core:
        WebSocketSupervisor(box.core_url, Secret("wrong")).info(SLUG)
    assert core.value.code == "HA_TOKEN_REFUSED"


def test_a_closed_port_is_not_an_answer() -> None:
    with pytest.raises(NoAnswer):
        RestSupervisor("http://127.0.0.1:1", Secret("x")).info(SLUG)
    with pytest.raises(NoAnswer):
        WebSocketSupervisor("http://127.0.0.1:1", Secret("x")).info(SLUG)


def test_the_way_is_found_by_asking_and_told(box: Sandbox, tmp_path: Path) -> None:
    env = box.env()
    found = reach(
        settings(
            tmp_path,
            SUPERVISOR_URL=box.supervisor_url,
            SUPERVISOR_TOKEN="wrong",
            HA_URL=env["HA_URL"],
            HA_LLAT=env["HA_LLAT"],
        ),
        tmp_path,
        None,
        SLUG,
    )
    found.supervisor.close()
    lines = found.capabilities.describe()
    assert found.capabilities.chosen == "websocket"
    assert lines[0].startswith("rest: does not work")
    assert lines[1] == "websocket: works (1.0.0 is installed, started)"
    with pytest.raises(UsageError) as caught:
        reach(settings(tmp_path), tmp_path, None, SLUG)
    assert caught.value.code == "ROUTE_MISSING"


def letting_in(
    answers: Callable[[ServerConnection, dict[str, Any]], None],
) -> Callable[[ServerConnection], None]:
    """What a Core does that lets everybody in and has `answers` deal with what is asked."""

    def talk(socket: ServerConnection) -> None:
        socket.send(json.dumps({"type": "auth_required"}))
        socket.recv()
        socket.send(json.dumps({"type": "auth_ok"}))
        try:
            while True:
                answers(socket, json.loads(socket.recv()))
        except ConnectionClosed:
            return

    return talk


@contextmanager
def core_that(answers: Callable[[ServerConnection, dict[str, Any]], None]) -> Iterator[str]:
    """The url of such a Core."""
    with serve(letting_in(answers), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join(60)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        ("it broke", SupervisorError, "it broke"),
        (["it broke"], SupervisorError, "it broke"),
        ({"message": "it broke"}, SupervisorError, "it broke"),
        ({}, NoAnswer, "gave up"),
        (None, NoAnswer, "gave up"),
    ],
)
def test_an_error_of_core_is_understood_whatever_it_comes_in(
    error: object, kind: type[Exception], words: str
) -> None:
    def refuse(socket: ServerConnection, asked: dict[str, Any]) -> None:
        answer = {"id": asked["id"], "type": "result", "success": False, "error": error}
        socket.send(json.dumps(answer))

    with (
        core_that(refuse) as url,
        closing(WebSocketSupervisor(url, Secret("t"))) as way,
        pytest.raises(kind, match=words),
    ):
        way.info(SLUG)


def test_the_other_port_of_core_is_tried_if_one_refuses_and_the_one_that_answers_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A new Core listens on port 80, an older one on 8123."""

    def answer(sock: ServerConnection, asked: dict[str, Any]) -> None:
        sock.send(json.dumps({"id": asked["id"], "type": "result", "success": True, "result": {}}))

    said: list[str] = []
    with socket.socket() as refusing, core_that(answer) as url:
        refusing.bind(("127.0.0.1", 0))  # and does not listen
        closed, open_ = refusing.getsockname()[1], int(url.rpartition(":")[2])
        monkeypatch.setattr(core_websocket, "CORE_PORTS", {closed: open_, open_: closed})
        with closing(WebSocketSupervisor(f"http://127.0.0.1:{closed}", Secret("t"), note=said.append)) as way:
            way.info(SLUG)
            way.info(SLUG)
    assert said == [f"http://127.0.0.1:{closed} refuses connections; Home Assistant Core answers at {url}"]


def test_two_ports_that_refuse_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        first, second = one.getsockname()[1], other.getsockname()[1]
        monkeypatch.setattr(core_websocket, "CORE_PORTS", {first: second, second: first})
        way = WebSocketSupervisor(f"http://127.0.0.1:{first}", Secret("t"))
        with closing(way), pytest.raises(NoAnswer) as caught:
            way.info(SLUG)
    assert f":{first}" in caught.value.cause
    assert f"port {second}" in caught.value.cause
    assert "8123" in caught.value.remedy


def test_closing_ends_a_command_that_another_thread_waits_for_and_lets_none_begin() -> None:
    asked, met = threading.Event(), list[Interrupted]()
    with core_that(lambda *_: asked.set()) as url:
        way = WebSocketSupervisor(url, Secret("t"))

        def build() -> None:
            try:
                way.act("rebuild", SLUG, deadline=1800)
            except Interrupted as error:
                met.append(error)

        thread = threading.Thread(target=build)
        thread.start()
        assert asked.wait(60)
        way.close()
        thread.join(60)
        assert len(met) == 1
        for call in (lambda: way.info(SLUG), lambda: way.logs(SLUG, 5)):
            with pytest.raises(Interrupted):
                call()


@contextmanager
def core_that_is_no_admin(calls: list[str]) -> Iterator[tuple[Server, ThreadingHTTPServer]]:
    """A Core whose token may call services, but not the Supervisor: the last fallback is all there is."""

    def refuse(socket: ServerConnection, asked: dict[str, Any]) -> None:
        answer = {"code": "unauthorized", "message": "Unauthorized"}
        socket.send(json.dumps({"id": asked["id"], "type": "result", "success": False, "error": answer}))

    class Services(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            calls.append(self.path)
            old = self.path.endswith("addon_restart")
            self.send_response(200 if old else 400)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with (
        serve(letting_in(refuse), "127.0.0.1", 0) as socket,
        ThreadingHTTPServer(("127.0.0.1", 0), Services) as http,
    ):
        threads = [threading.Thread(target=server.serve_forever) for server in (socket, http)]
        for thread in threads:
            thread.start()
        try:
            yield socket, http
        finally:
            socket.shutdown()
            http.shutdown()
            for thread in threads:
                thread.join(60)


def test_a_token_that_is_not_an_administrators_leaves_the_service_alone(tmp_path: Path) -> None:
    calls: list[str] = []
    with core_that_is_no_admin(calls) as (socket, http):
        url = f"http://127.0.0.1:{socket.socket.getsockname()[1]}"
        with pytest.raises(Refused) as caught:
            reach(settings(tmp_path, HA_URL=url, HA_LLAT="t"), tmp_path, None, SLUG)
        assert caught.value.code == "ROUTE_ONLY_SERVICE"
        assert any("Core's restart service" in line for line in caught.value.details)
        service = restart_by_service(
            f"http://127.0.0.1:{http.server_address[1]}", Secret("t"), SLUG, ca_file=None, deadline=10
        )
    assert service == "addon_restart"
    assert calls == ["/api/services/hassio/app_restart", "/api/services/hassio/addon_restart"]
