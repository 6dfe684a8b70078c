"""Answers of the sandbox's Supervisor that are cut off because it ends."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bb8deploy.base.errors import CheckFailed
from ha_sandbox.supervisor.log_files import Journal
from ha_sandbox.supervisor_client import call_supervisor


@contextmanager
def supervisor_that_ends(head: str, body: str) -> Iterator[str]:
    """The URL of a server that sends less than the 241 bytes which it announces, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as request:
                while request.readline().strip():
                    pass
                connection.sendall(f"HTTP/1.1 {head}\r\nContent-Length: 241\r\n\r\n{body}".encode())

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def call(url: str, tmp_path: Path) -> None:
    call_supervisor(url, "t", "GET", "/info", None, Journal(tmp_path / "log", "x"))


@pytest.mark.parametrize("body", ["", "half of"])
def test_an_error_that_is_cut_off_is_still_that_error(body: str, tmp_path: Path) -> None:
    with (
        supervisor_that_ends("500 Internal Server Error", body) as url,
        pytest.raises(CheckFailed, match=f"with 500: {body}"),
    ):
        call(url, tmp_path)


def test_an_answer_that_is_cut_off_is_a_connection_error(tmp_path: Path) -> None:
    with supervisor_that_ends("200 OK", "{}") as url, pytest.raises(ConnectionError, match="GET /info"):
        call(url, tmp_path)
