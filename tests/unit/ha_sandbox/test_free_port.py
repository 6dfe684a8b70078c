"""Ports for servers that start a moment later."""

from __future__ import annotations

from pathlib import Path

import pytest

from ha_sandbox import http_server

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_port_for_a_server_is_none_that_the_system_gives_to_clients() -> None:
    if not RANGE.exists():
        pytest.skip("SKIPPED: this system does not show which ports it gives to clients")
    first, last = map(int, RANGE.read_text().split())
    if first < http_server._SERVER_PORTS.stop:
        pytest.skip("SKIPPED: this system gives nearly all ports to clients")
    assert not first <= http_server.free_port() <= last


def test_a_port_that_is_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = http_server.LoopbackServer(http_server.BaseHTTPRequestHandler)
    try:
        port = taken.server_address[1]
        monkeypatch.setattr(http_server, "_SERVER_PORTS", range(port, port + 1))
        with pytest.raises(OSError, match="is free"):
            http_server.free_port()
    finally:
        taken.server_close()
