"""HTTP calls: whole answers within their deadline, of a bounded size, given up when told."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from bb8deploy.base.errors import Interrupted
from bb8deploy.transport import http
from bb8deploy.transport.http import Calls

LONG = 100.0


class Server(ThreadingHTTPServer):
    """What its paths do: `/plain`, `/packed`, `/silent`, `/trickle/head`, `/trickle/body`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked, self.over = threading.Event(), threading.Event()

    def handle_error(self, *_: object) -> None:
        """A client that left is what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.set()
        if self.path == "/silent":
            self.server.over.wait()
        elif self.path.startswith("/trickle"):
            self._trickle(b"HTTP/1.1 200 OK\r\n" + (b"\r\n" if self.path.endswith("body") else b"X: "))
        else:
            self._answer()

    def _answer(self) -> None:
        body = "Grüße".encode()
        self.send_response(404)
        if self.path == "/packed":
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _trickle(self, head: bytes) -> None:
        """A byte now and then, forever: no two of them are far apart."""
        self.wfile.write(head)
        while not self.server.over.wait(0.02):
            self.wfile.write(b"x")

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        made.over.set()
        made.shutdown()
        thread.join(60)


@contextmanager
def calls_to(server: Server) -> Iterator[Calls]:
    calls = Calls(httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False))
    yield calls
    calls.close()
    server.over.set()
    for thread in threading.enumerate():
        if thread.name == "http call":
            thread.join(60)


@pytest.mark.parametrize("path", ["/plain", "/packed"])
def test_an_answer_comes_whole_and_unpacked_whatever_its_status(server: Server, path: str) -> None:
    with calls_to(server) as calls:
        answer = calls.call("GET", path, deadline=LONG)
    assert (answer.status_code, answer.text) == (404, "Grüße")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/silent", "/trickle/head", "/trickle/body"])
def test_a_deadline_holds_for_the_whole_answer_however_steadily_it_trickles(
    server: Server, path: str
) -> None:
    with calls_to(server) as calls, pytest.raises(httpx.ReadTimeout):
        calls.call("GET", path, deadline=0.3)


def test_an_answer_longer_than_the_limit_is_none(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LIMIT", 100)
    with calls_to(server) as calls, pytest.raises(httpx.ReadError, match="longer than"):
        calls.call("GET", "/trickle/body", deadline=LONG)


def test_a_closed_port_is_httpx_own_error() -> None:
    with pytest.raises(httpx.ConnectError):
        Calls(httpx.Client(trust_env=False)).call("GET", "http://127.0.0.1:1/", deadline=LONG)


def test_closing_ends_a_call_that_another_thread_waits_for_and_lets_none_begin(server: Server) -> None:
    met: list[BaseException] = []

    def wait(calls: Calls) -> None:
        try:
            calls.call("GET", "/silent", deadline=LONG)
        except Interrupted as error:
            met.append(error)

    with calls_to(server) as calls:
        thread = threading.Thread(target=wait, args=(calls,))
        thread.start()
        assert server.asked.wait(60)
        calls.close()
        thread.join(60)
        assert [type(error) for error in met] == [Interrupted]
        with pytest.raises(Interrupted):
            calls.call("GET", "/plain", deadline=LONG)
