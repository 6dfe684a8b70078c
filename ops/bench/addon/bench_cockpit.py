"""Measures the page: from the stick in a real Chromium to the robot, and memory with three open pages.

Run from the repository's root: `python ops/bench/addon/bench_cockpit.py`. The app runs as a process of its
own with the simulated robot. The times of the writes come from its packet log; both sides use this machine's
clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "addon"), str(ROOT)]

from ops.bench.parts.addon_desk import cpu_s, percentile, program, report, rss_mb  # noqa: E402
from ops.lab.browser import CHROMIUM, Tab, browser  # noqa: E402
from websockets.asyncio.client import ClientConnection, connect  # noqa: E402

from ha_sandbox.http_server import free_port  # noqa: E402

LIMITS: dict[str, tuple[str, float]] = {
    "stick_to_write_ms_p95": ("<=", 50.0),
    "rss_three_pages_mb": ("<=", 60.0),
}
EVENTS, EVENTS_HZ, STEP_DEG = 600, 30, 7
RADIUS = 90
TURN_S = 1.0
"""Shorter than a round of the stick, so that a heading names one move."""
READY = "document.getElementById('state')?.textContent === 'Connected'"
# The browser's own time of each movement, those that it joins to one event included.
WITNESS = """
  window.given = [];
  document.getElementById('stick').addEventListener('pointermove', (event) => {
    for (const one of event.getCoalescedEvents()) {
      given.push([performance.timeOrigin + one.timeStamp, one.clientX, one.clientY]);
    }
  });
"""

Writes = list[tuple[float, int]]


def ticket(port: int) -> str:
    """Ask for a ticket as the page does."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("POST", "/api/ticket", headers={"X-Requested-With": "bb8"})
    return str(json.load(client.getresponse())["ticket"])


@contextlib.asynccontextmanager
async def onlooker(port: int, writes: Writes) -> AsyncIterator[None]:
    """A page that shows the map and the packets, and notes when each drive was written."""
    async with connect(f"ws://127.0.0.1:{port}/ws", max_queue=None) as ws:
        await ws.send(json.dumps({"op": "hello", "ticket": await asyncio.to_thread(ticket, port)}))
        await ws.send(json.dumps({"op": "look", "map": True, "log": True}))
        reading = asyncio.create_task(note(ws, writes))
        yield
        reading.cancel()


async def note(ws: ClientConnection, writes: Writes) -> None:
    """Note time and heading of each drive."""
    async for text in ws:
        message = json.loads(text)
        if message["type"] != "packets":
            continue
        for _, at, _, name, data in message["items"]:
            if name == "roll":
                writes.append((at, int.from_bytes(bytes.fromhex(data)[1:3], "big")))


async def stir(tab: Tab) -> Writes:
    """Move the stick round 30 times a second; returns when the browser got each heading."""
    x, y = await tab.centre("#stick")
    await tab.js(WITNESS)
    await tab.mouse("mousePressed", x, y - RADIUS)
    moves = []
    start = time.monotonic()
    for number in range(EVENTS):
        angle = math.radians(number * STEP_DEG % 360)
        move = tab.mouse("mouseMoved", x + RADIUS * math.sin(angle), y - RADIUS * math.cos(angle))
        moves.append(asyncio.create_task(move))
        await asyncio.sleep(max(0.0, start + (number + 1) / EVENTS_HZ - time.monotonic()))
    await asyncio.gather(*moves)
    await tab.mouse("mouseReleased", x, y)
    await asyncio.sleep(0.5)
    seen = await tab.js("given")
    return [(at / 1000, round(math.degrees(math.atan2(left - x, y - top))) % 360) for at, left, top in seen]


def delays(given: Writes, writes: Writes) -> list[float]:
    """Milliseconds from each heading that was written back to the stick's move that gave it."""
    found, last = [], -1
    for at, heading in writes:
        recent = [one for one in given if at - TURN_S < one[0] <= at]
        if recent and heading != last:
            found.append((at - min(recent, key=lambda one: apart(one[1], heading))[0]) * 1000)
        last = heading
    return found


def apart(one: int, other: int) -> int:
    """Degrees between two headings."""
    return min((one - other) % 360, (other - one) % 360)


async def measure(port: int, pid: int) -> dict[str, float]:
    """Drive in the browser while two more pages look."""
    writes: Writes = []
    async with browser() as chromium, onlooker(port, writes), onlooker(port, []):
        tab = await chromium.open(f"http://127.0.0.1:{port}/")
        await tab.until(READY)
        await tab.size(1000, 900)
        before = cpu_s(pid)
        given = await stir(tab)
        spent = cpu_s(pid) - before
        found = delays(given, writes)
        return {
            "stick_to_write_ms_p50": statistics.median(found),
            "stick_to_write_ms_p95": percentile(found, 95),
            "drives_written": len(found),
            "rss_three_pages_mb": rss_mb(pid),
            "cpu_percent": spent / (EVENTS / EVENTS_HZ) * 100,
        }


async def listening(port: int) -> None:
    """Wait until the page is served."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(ticket, port)
                return
            await asyncio.sleep(0.1)


async def run(folder: Path) -> dict[str, float]:
    """Start the app and measure."""
    port = free_port()
    os.environ["BB8_PAGE_PORT"] = str(port)
    unreachable = {"mqtt_host": "127.0.0.1", "mqtt_port": free_port()}
    with program("bb8_core.main", folder, simulate=True, keep_connected=True, **unreachable) as process:
        await listening(port)
        return await measure(port, process.pid)


def main() -> int:
    """Measure and report."""
    if CHROMIUM is None:
        sys.stdout.write("SKIPPED: chromium is not installed\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(run(Path(folder)))
    return report("cockpit", figures, LIMITS, "Chromium without a window on the same machine as the app")


if __name__ == "__main__":
    sys.exit(main())
