"""Threads that do not end are named after a deadline, and a server that has one can still be stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from ha_sandbox import http_server
from ha_sandbox.http_server import LoopbackServer
from ha_sandbox.join_threads import ThreadStuck, join_all


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """What a thread waits for; set at the end, so that none is left."""
    release = threading.Event()
    yield release
    release.set()


def test_threads_that_end_are_waited_for() -> None:
    began = [threading.Thread(target=lambda: None) for _ in range(3)]
    for thread in began:
        thread.start()
    join_all(began, "the work")
    assert not any(thread.is_alive() for thread in began)


def test_a_thread_that_does_not_end_is_named(stuck: threading.Event) -> None:
    waits = threading.Thread(target=stuck.wait, name="a build", daemon=True)
    waits.start()
    with pytest.raises(ThreadStuck, match="the work did not end within 0 s: a build"):
        join_all([waits], "the work", seconds=0.05)


def test_a_server_with_a_request_that_does_not_end_reports_it(
    stuck: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = threading.Event()

    class Waits(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            arrived.set()
            stuck.wait()

        def log_message(self, *_: object) -> None:
            pass

    real = http_server.join_all
    monkeypatch.setattr(http_server, "join_all", lambda threads, what: real(threads, what, seconds=0.2))
    server = LoopbackServer(Waits)
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert arrived.wait(60)
        with pytest.raises(ThreadStuck, match="the requests of a server did not end"):
            server.stop()
    stuck.set()
    real(server._handlers, "the requests of a server")
