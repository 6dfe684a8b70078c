"""The whole program with a Bluetooth proxy: it drives the robot through it, and shows the key nowhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aioesphomeapi", reason="SKIPPED: aioesphomeapi is not installed")

from tests.addon.conftest import free_port
from tests.addon.radio.proxies.fake_proxy import KEY, FakeProxy

from bb8_core.simulator.bluetooth_robot import SimulatedBB8

ADDON = Path(__file__).parents[4] / "addon"
PATIENCE_S = 60.0


def look(port: int) -> bytes:
    """What the page is told; empty until it is served."""
    with contextlib.suppress(OSError, urllib.error.URLError):
        url = f"http://127.0.0.1:{port}/api/status"
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as reply:
            return bytes(reply.read())
    return b""


async def until_seen(port: int, right: Any) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            text = await asyncio.to_thread(look, port)
            assert KEY.encode() not in text
            state = json.loads(text or b"null")
            if state and right(state):
                return dict(state)
            await asyncio.sleep(0.1)


async def test_the_program_connects_through_a_proxy_and_shows_its_key_nowhere(tmp_path: Path) -> None:
    node = await FakeProxy(SimulatedBB8(), name="kitchen").start()
    options = {
        "log_level": "debug",
        "keep_connected": True,
        "proxies": [{"address": f"127.0.0.1:{node.port}", "encryption_key": KEY}],
        "mqtt_host": "127.0.0.1",
        "mqtt_port": 9,
    }
    (tmp_path / "options.json").write_text(json.dumps(options))
    page = free_port()
    environ = os.environ | {
        "BB8_OPTIONS": str(tmp_path / "options.json"),
        "BB8_DATA": str(tmp_path),
        "BB8_PAGE_PORT": str(page),
        # There is no BlueZ here: the host has no adapter.
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/no-bus",
        "PYTHONPATH": os.pathsep.join([str(ADDON), os.environ.get("PYTHONPATH", "")]),
    }
    log = tmp_path / "bridge.log"
    with log.open("wb") as file:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bb8_core.main", env=environ, stdout=file, stderr=file
        )
    try:
        state = await until_seen(page, lambda seen: seen["connection"]["state"] == "ready")
        assert state["connection"]["through"] == "kitchen"
        assert [(proxy["name"], proxy["state"]) for proxy in state["proxies"]] == [("kitchen", "online")]
        node.key = ""
        await node.stop()
        await node.start()
        await until_seen(page, lambda seen: seen["proxies"][0]["state"] == "not_encrypted")
        program.terminate()
        assert await program.wait() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        await program.wait()
        await node.stop()
    said = log.read_text()
    assert "proxy kitchen: It listens for the robot." in said
    assert "An encryption key is set, but the node does not use encryption." in said
    assert KEY not in said
