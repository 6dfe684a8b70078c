"""The ingress page: who may open it, what it answers, and that a button reaches the robot or reports why."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import http.client
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from bb8_core.web import http_server as web
from bb8_core.web.http_exchange import MAX_BODY, MAX_HEAD
from bb8_core.web.http_server import MAX_CONNECTIONS, StatusServer, allowed

FOLDER = Path(web.__file__).parent / "static"
SCRIPTS = sorted(FOLDER.glob("*.js"))
FROM_PAGE = "X-Requested-With: bb8\r\n"


class Robot:
    """A StatusSource that remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failure: Exception | None = None

    def snapshot(self) -> dict[str, Any]:
        return {"connection": {"state": "ready"}, "estop": False}

    async def _do(self, what: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.asked.append(what)

    async def stop(self) -> None:
        await self._do("stop")

    async def estop(self) -> None:
        await self._do("estop")

    async def clear_estop(self) -> None:
        await self._do("clear_estop")


@pytest.fixture
def robot() -> Robot:
    return Robot()


@pytest.fixture
async def server(robot: Robot) -> AsyncIterator[StatusServer]:
    running = StatusServer(robot)
    await running.start("127.0.0.1", 0)
    yield running
    await running.stop()


async def exchange(server: StatusServer, request: str | bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request.encode("latin-1") if isinstance(request, str) else request)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split(" ")[1]), headers, body


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the server has no event for this
            await asyncio.sleep(0)


async def get(server: StatusServer, path: str) -> tuple[int, dict[str, str], bytes]:
    return await exchange(server, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")


async def post(
    server: StatusServer, path: str, headers: str = FROM_PAGE
) -> tuple[int, dict[str, str], bytes]:
    return await exchange(server, f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("peer", ["172.30.32.2", "127.0.0.1", "127.8.8.8", "::1", "::ffff:172.30.32.2"])
def test_ingress_and_this_container_may_open_the_page(peer: str) -> None:
    assert allowed(peer)


@pytest.mark.parametrize(
    "peer", ["172.30.32.1", "172.30.33.5", "192.168.1.4", "::ffff:10.0.0.1", "fe80::1%eth0", "", "supervisor"]
)
def test_no_one_else_may_open_the_page(peer: str) -> None:
    assert not allowed(peer)


async def test_a_foreign_peer_is_refused_before_its_request_is_read(
    robot: Robot, server: StatusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "allowed", lambda _peer: False)
    status, _, _ = await post(server, "/api/estop")
    assert (status, robot.asked) == (403, [])


async def test_the_page_and_all_that_it_loads_are_served_with_relative_addresses(
    server: StatusServer,
) -> None:
    status, headers, page = await get(server, "/?from=ingress")
    assert status == 200
    assert headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.decode())
    assert sorted(loaded) == ["main.js", "page.css"]
    modules = {name for script in SCRIPTS for name in re.findall(r'from "\./([^"]+)"', script.read_text())}
    assert modules | {"main.js"} == {script.name for script in SCRIPTS}
    assert [(await get(server, f"/{name}"))[0] for name in (*loaded, *sorted(modules))].count(200) == len(
        SCRIPTS
    ) + 1


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_use_relative_addresses_and_write_no_markup(script: Path) -> None:
    text = script.read_text().replace('"http://www.w3.org/2000/svg"', "")
    assert not re.search(r"""["'`(](?:/|https?:)""", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|new Function", text)


def test_the_percent_of_a_slider_is_computed_in_one_script() -> None:
    speaking = [script.name for script in SCRIPTS if "ariaValueText" in script.read_text()]
    assert speaking == ["slider_value.js"]


def test_the_page_has_nothing_inline() -> None:
    page = (FOLDER / "page.html").read_text()
    assert not re.search(r"\son\w+=|<script>|<style|style=", page)


def test_every_element_that_the_scripts_look_up_exists_in_the_page() -> None:
    scripts = "".join(script.read_text() for script in SCRIPTS)
    wanted = set(re.findall(r'(?:byId|show)\("([\w-]+)"', scripts))
    assert len(wanted) > 30
    assert wanted <= set(re.findall(r'id="([\w-]+)"', (FOLDER / "page.html").read_text()))


async def test_the_status_is_the_sources_own_snapshot(server: StatusServer) -> None:
    status, headers, body = await get(server, "/api/status")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body) == {"connection": {"state": "ready"}, "estop": False}
    assert headers["cache-control"] == "no-store"


async def test_health_answers_in_the_form_that_the_container_asks_in(server: StatusServer) -> None:
    status, _, body = await exchange(server, "GET /health HTTP/1.0\r\n\r\n")
    assert (status, body) == (200, b"ok\n")


async def test_head_is_the_same_answer_without_its_body(server: StatusServer) -> None:
    _, whole, body = await get(server, "/")
    status, headers, nothing = await exchange(server, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, nothing) == (200, b"")
    assert headers["content-length"] == whole["content-length"] == str(len(body))


@pytest.mark.parametrize("action", ["stop", "estop", "clear_estop"])
async def test_each_button_reaches_the_robot(robot: Robot, server: StatusServer, action: str) -> None:
    status, _, body = await post(server, f"/api/{action}")
    assert (status, json.loads(body), robot.asked) == (200, {"ok": True}, [action])


async def test_a_stop_that_failed_reports_it(robot: Robot, server: StatusServer) -> None:
    robot.failure = ConnectionError("the robot is not connected")
    status, _, body = await post(server, "/api/stop")
    assert (status, json.loads(body)) == (500, {"ok": False, "reason": "the robot is not connected"})


@pytest.mark.parametrize(
    "headers",
    ["", "X-Requested-With: other\r\n", FROM_PAGE + "Sec-Fetch-Site: cross-site\r\n"],
    ids=["none", "another", "cross-site"],
)
async def test_a_post_of_another_site_does_nothing(robot: Robot, server: StatusServer, headers: str) -> None:
    status, answer, _ = await post(server, "/api/clear_estop", headers)
    assert (status, robot.asked) == (403, [])
    assert "access-control-allow-origin" not in answer


async def test_a_get_never_acts(robot: Robot, server: StatusServer) -> None:
    status, _, _ = await get(server, "/api/estop")
    assert (status, robot.asked) == (404, [])


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("GET /../http_server.py HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("POST /api/dance HTTP/1.1\r\nHost: x\r\nX-Requested-With: bb8\r\n\r\n", 404),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("OPTIONS /api/stop HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("nonsense\r\n\r\n", 400),
        ("GET / SPDY/3\r\n\r\n", 400),
        ("GET http://elsewhere/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        ("POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", 400),
        (f"POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: {MAX_BODY + 1}\r\n\r\n", 413),
        ("POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: " + "9" * 15 + "\r\n\r\n", 413),
        ("POST /api/stop HTTP/1.1\r\nHost: x\r\nContent-Length: " + "9" * 5000 + "\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("POST /api/stop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: " + "x" * (MAX_HEAD + 10) + "\r\n\r\n", 431),
        (bytes(range(256)) + b"\r\n\r\n", 400),
    ],
)
async def test_bad_requests_get_their_status_and_do_nothing(
    robot: Robot, server: StatusServer, request_text: str | bytes, expected: int
) -> None:
    status, _, _ = await exchange(server, request_text)
    assert (status, robot.asked) == (expected, [])
    assert (await get(server, "/health"))[0] == 200


async def test_a_request_that_never_ends_is_ended_by_its_deadline(
    server: StatusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "REQUEST_TIMEOUT_S", 0.2)
    status, _, _ = await exchange(server, "GET / HTTP/1.1\r\nHost:")
    assert status == 408


async def test_a_request_that_breaks_off_does_no_harm(server: StatusServer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /api/stop HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
    writer.write_eof()
    writer.close()
    assert (await get(server, "/health"))[0] == 200


async def test_connections_beyond_the_limit_are_dropped_and_the_page_lives_on(server: StatusServer) -> None:
    held = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(MAX_CONNECTIONS)]
    await until(lambda: len(server._connections) == MAX_CONNECTIONS)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(ConnectionResetError):
        assert await asyncio.wait_for(reader.read(), 20) == b""
    for stream in (writer, *(each for _, each in held)):
        stream.close()
    await until(lambda: not server._connections)
    assert (await get(server, "/health"))[0] == 200


async def test_stop_ends_open_connections_and_frees_the_port(robot: Robot) -> None:
    server = StatusServer(robot)
    await server.start("127.0.0.1", 0)
    port = server.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: bool(server._connections))
    await asyncio.wait_for(server.stop(), 20)
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port
    again = StatusServer(robot)
    await again.start("127.0.0.1", port)
    await again.stop()
    writer.close()
    await asyncio.wait_for(reader.read(), 20)


def ask_as_a_person(port: int, method: str, path: str, headers: dict[str, str]) -> int:
    """The status that a real client reads."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        client.request(method, path, headers=headers)
        return client.getresponse().status
    finally:
        client.close()


@pytest.mark.parametrize(
    ("path", "headers", "peer_allowed", "expected"),
    [
        ("/", {"Cookie": "x" * 40_000}, True, 431),
        ("/", {"Cookie": "x" * 300_000}, True, 431),
        ("/", {"Cookie": "x" * 40_000}, False, 403),
        ("/", {}, False, 403),
        ("http://elsewhere/", {}, True, 400),
        ("/", {"Content-Length": "x"}, True, 400),
    ],
)
async def test_an_early_answer_reaches_a_real_client(
    server: StatusServer,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    headers: dict[str, str],
    peer_allowed: bool,
    expected: int,
) -> None:
    """The server answers before it has read everything: closing at once would reset the connection."""
    monkeypatch.setattr(web, "allowed", lambda _peer: peer_allowed)
    ask = functools.partial(ask_as_a_person, server.port, "GET", path, headers)
    for _ in range(20):
        assert await asyncio.to_thread(ask) == expected
