"""The page in a real Chromium: its controls move the simulated robot, and whatever ends them stops it.

`BB8_CUTS=1000 pytest tests/e2e/test_cockpit.py -k cuts -s` ends the motion 1,000 times and prints the times.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from ops.lab.browser import CHROMIUM, Browser, Tab, browser
from tests.addon.web.lab import PageLab

from bb8_core.robot.packet_framing import Command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="SKIPPED: chromium is not installed"),
    pytest.mark.timeout(3600),
]

LIMIT_S = 0.25
PREFIX = "/api/hassio_ingress/token/"
CUTS = int(os.environ.get("BB8_CUTS", "22"))
PAD = """
  window.pad = null;
  navigator.getGamepads = () => [window.pad];
  window.plug = (x, y) => {
    const fresh = !window.pad;
    window.pad = { index: 0, connected: true, mapping: 'standard', axes: [x, y, 0, 0],
                   buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) };
    if (fresh) dispatchEvent(Object.assign(new Event('gamepadconnected'), { gamepad: window.pad }));
  };
  window.unplug = () => {
    window.pad = null;
    dispatchEvent(new Event('gamepaddisconnected'));
  };
"""
READY = """
  document.getElementById('state')?.textContent === 'Connected'
  && !document.getElementById('stick').hasAttribute('data-held')
"""


class Wire:
    """A network between browser and app that can be cut or fall silent; it serves the app below a path."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()

    async def start(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        head = await reader.read(65536)
        there_writer.write(head.replace(f" {PREFIX}".encode(), b" /", 1))
        for one, other in ((reader, there_writer), (there_reader, writer)):
            task = asyncio.create_task(self._pass(one, other))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        self._writers.discard(writer)
        writer.close()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in list(self._writers):
            raw = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    def silence(self) -> None:
        """Carry nothing more, without closing anything."""
        self._open.clear()

    def speak(self) -> None:
        """Carry everything again, what waited first."""
        self._open.set()

    async def close(self) -> None:
        """End."""
        self.speak()
        self.cut()
        if self._server is not None:
            self._server.close()


class Lab:
    """The lab, the network and the browser."""

    def __init__(self, lab: PageLab, wire: Wire, chromium: Browser, url: str) -> None:
        self.lab = lab
        self.wire = wire
        self.chromium = chromium
        self.url = url
        self.tab: Tab
        self.other: Tab
        self.began = 0.0

    async def open(self) -> None:
        """Open the page and wait until it can drive."""
        self.tab = await self.chromium.open(self.url, PAD)
        await self.tab.until(READY)
        await self.tab.size(1000, 900)

    async def press(self) -> None:
        """Hold the stick forward until the robot moves."""
        x, y = await self.tab.centre("#stick")
        await self.tab.mouse("mousePressed", x, y)
        await self.tab.mouse("mouseMoved", x, y - 90)
        await self.lab.until_moving()

    async def let_go(self) -> None:
        """Release the mouse."""
        await self.tab.mouse("mouseReleased", 1, 1)
        await self.lab.until_stopped_s()

    def heard(self, wanted: Callable[[Command], bool], since: int) -> bool:
        """Whether the robot heard such a command after that many frames."""
        return any(wanted(command) for _, command in self.lab.commands()[since:])


@pytest.fixture
async def cockpit(tmp_path: Path) -> AsyncIterator[Lab]:
    lab = PageLab(tmp_path)
    await lab.open()
    wire = Wire(lab.port)
    port = await wire.start()
    async with browser() as chromium:
        cockpit = Lab(lab, wire, chromium, f"http://127.0.0.1:{port}{PREFIX}")
        await cockpit.open()
        cockpit.other = await chromium.open("about:blank")
        await cockpit.tab.call("Page.bringToFront")
        await cockpit.tab.until(READY)
        yield cockpit
    await wire.close()
    await lab.shut()


async def test_each_control_moves_the_simulated_robot(cockpit: Lab) -> None:
    lab, tab = cockpit.lab, cockpit.tab

    def heading() -> int:
        return int.from_bytes(lab.last_motor().data[1:3], "big")

    await cockpit.press()
    assert lab.last_motor().data[0] > 0
    assert heading() in (*range(350, 360), *range(11))
    await cockpit.let_go()

    await tab.js("document.getElementById('stick').focus()")
    for code, key, degrees in (("KeyD", "d", 90), ("ArrowDown", "ArrowDown", 180), ("KeyA", "a", 270)):
        await tab.key("keyDown", code, key)
        await lab.until_moving()
        assert heading() == degrees
        await tab.key("keyUp", code, key)
        await lab.until_stopped_s()

    x, y = await tab.centre("#stick")
    await tab.touch("touchStart", (x, y))
    await tab.touch("touchMove", (x + 80, y))
    await lab.until_moving()
    assert 85 <= heading() <= 95
    await tab.touch("touchEnd")
    await lab.until_stopped_s()

    await tab.js("plug(0, -1)")
    await lab.until_moving()
    await tab.js("pad.buttons[1] = { pressed: true }")
    await lab.until_stopped_s()
    await tab.js("unplug()")

    await tab.js(
        "const s = document.getElementById('speed'); s.value = 20; s.dispatchEvent(new Event('input'))"
    )
    await tab.key("keyDown", "KeyW", "w")
    await lab.until_moving()
    assert lab.last_motor().data[0] == 20
    await tab.key("keyDown", "Space", " ")
    await lab.until_stopped_s()
    await tab.key("keyUp", "Space", " ")
    await tab.key("keyUp", "KeyW", "w")

    await tab.click("[data-gesture=nod]")
    await lab.until(lambda: lab.bridge.motion.state.macro == "nod")
    await tab.click("#stop")
    await lab.until_stopped_s()
    assert cockpit.chromium.complaints == []


async def test_the_controls_stay_in_place_when_the_page_becomes_the_driver(cockpit: Lab) -> None:
    tab = cockpit.tab
    assert await tab.js("document.getElementById('driver').textContent") == ""
    places = [await tab.centre(f"#{name}") for name in ("aim", "stick")]
    await cockpit.press()
    await tab.until("document.getElementById('driver').textContent === 'You are driving.'")
    await cockpit.let_go()
    assert [await tab.centre(f"#{name}") for name in ("aim", "stick")] == places


async def test_lights_aim_log_and_connection(cockpit: Lab) -> None:
    lab, tab = cockpit.lab, cockpit.tab
    x, y = await tab.centre("#wheel")
    await tab.mouse("mousePressed", x, y - 50)
    await tab.mouse("mouseReleased", x, y - 50)
    await lab.until(lambda: lab.robot.mind.led[0] == 255 and lab.robot.mind.led[1] < 100)
    await tab.js(
        "const b = document.getElementById('brightness'); b.value = 0; b.dispatchEvent(new Event('input'))"
    )
    await lab.until(lambda: lab.robot.mind.led == (0, 0, 0))

    await tab.click("#aim")
    await lab.until(lambda: lab.robot.mind.tail == 255)
    await tab.key("keyDown", "KeyD", "d")
    await lab.until(lambda: lab.bridge.motion.state.heading > 20)
    assert lab.bridge.motion.state.speed == 0
    await tab.key("keyUp", "KeyD", "d")
    await tab.click("#aimed")
    await lab.until(lambda: lab.robot.mind.tail == 0 and lab.bridge.motion.state.heading == 0)

    await tab.click("#estop")
    await tab.until("document.getElementById('latched').textContent.startsWith('Emergency stop, set by ')")
    await tab.click("#clear")
    await tab.until("document.getElementById('latched').hidden")

    await tab.js(
        "const k = document.getElementById('log-kind'); k.value = 'packets';"
        " k.dispatchEvent(new Event('change'))"
    )
    await tab.until("document.querySelectorAll('#entries [data-data]').length > 3")
    await tab.js(
        "const f = document.getElementById('filter'); f.value = 'tail'; f.dispatchEvent(new Event('input'))"
    )
    await tab.until(
        "[...document.querySelectorAll('#entries tr')].every((row) => /tail/.test(row.textContent))"
    )

    await cockpit.press()
    await tab.until("document.querySelector('#path polyline')?.getAttribute('points').split(' ').length > 3")
    await cockpit.let_go()
    await tab.click("#disconnect")
    await tab.until("!document.getElementById('connect').hidden")
    await tab.click("#connect")
    await tab.until(READY)
    assert cockpit.chromium.complaints == []


async def test_a_click_counts_while_the_browser_still_sends(cockpit: Lab) -> None:
    lab, tab = cockpit.lab, cockpit.tab
    await tab.js("void Object.defineProperty(WebSocket.prototype, 'bufferedAmount', { get: () => 1 })")
    await tab.click("#aim")
    await lab.until(lambda: lab.robot.mind.tail == 255)
    await tab.click("#aimed")
    await lab.until(lambda: lab.robot.mind.tail == 0)


async def test_the_page_fits_a_small_phone_and_names_every_control(cockpit: Lab) -> None:
    tab = cockpit.tab
    await tab.size(360, 740, "dark")
    assert await tab.js("document.documentElement.scrollWidth") <= 360
    unnamed = await tab.js(
        "[...document.querySelectorAll('button, input, select, [tabindex]')]"
        ".filter((e) => !(e.textContent.trim()"
        " || e.getAttribute('aria-label') || e.labels?.length)).map((e) => e.outerHTML)"
    )
    assert unnamed == []
    inside = await tab.js(
        "['stop', 'estop'].every((id) => { const b = document.getElementById(id).getBoundingClientRect();"
        " return b.top >= 0 && b.bottom <= innerHeight; })"
    )
    assert inside


# What ends the motion


async def released(cockpit: Lab) -> None:
    await cockpit.tab.mouse("mouseReleased", 1, 1)


async def closed(cockpit: Lab) -> None:
    await cockpit.tab.close()


async def crashed(cockpit: Lab) -> None:
    with contextlib.suppress(AssertionError, TimeoutError):
        async with asyncio.timeout(1):
            await cockpit.tab.call("Page.crash")


async def hidden(cockpit: Lab) -> None:
    """Another tab is in front."""
    await cockpit.other.call("Page.bringToFront")


async def minimized(cockpit: Lab) -> None:
    await cockpit.tab.window("minimized")


async def frozen(cockpit: Lab) -> None:
    await cockpit.tab.call("Page.setWebLifecycleState", state="frozen")


async def busy(cockpit: Lab) -> None:
    """The page's only thread is stuck, as on a phone that was locked without notice."""
    await cockpit.tab.js("(() => { const end = Date.now() + 600; while (Date.now() < end); })()")


async def left(cockpit: Lab) -> None:
    await cockpit.tab.call("Page.navigate", url="about:blank")


async def cut(cockpit: Lab) -> None:
    cockpit.wire.cut()


async def silent(cockpit: Lab) -> None:
    cockpit.wire.silence()
    await asyncio.sleep(0.4)


async def taken_over(cockpit: Lab) -> None:
    async with cockpit.lab.page("Ben") as ben:
        cockpit.began = time.monotonic()
        await ben.send(op="take")
        await asyncio.sleep(0.3)
        await ben.send(op="leave")


async def stop_by_mqtt(cockpit: Lab) -> None:
    cockpit.lab.deliver("stop")


ENDS: dict[str, Callable[[Lab], Awaitable[None]]] = {
    end.__name__: end
    for end in (
        released,
        closed,
        crashed,
        hidden,
        minimized,
        frozen,
        busy,
        left,
        cut,
        silent,
        taken_over,
        stop_by_mqtt,
    )
}


BY_BROWSER = frozenset(
    {"released", "closed", "crashed", "hidden", "minimized", "frozen", "busy", "left", "unplugged"}
)


async def unplugged(cockpit: Lab) -> None:
    await cockpit.tab.js("unplug()")


async def again(cockpit: Lab, kind: str) -> None:
    """Make the page able to drive again."""
    cockpit.wire.speak()
    if kind in ("closed", "crashed", "left", "frozen"):
        if kind != "closed":
            with contextlib.suppress(AssertionError, TimeoutError):
                await cockpit.tab.close()
        await cockpit.open()
        return
    if kind == "minimized":
        await cockpit.tab.window("normal")
    if kind in ("hidden", "minimized"):
        await cockpit.tab.call("Page.bringToFront")
    await cockpit.tab.mouse("mouseReleased", 1, 1)
    await cockpit.tab.until(READY)


async def one_cut(cockpit: Lab, kind: str) -> float:
    """Drive, end it in this way, and return how long after that the last stop was on the wire (s).

    A busy browser may take its time to obey us: until then the page drives on, so its last beat counts.
    """
    lab = cockpit.lab
    if kind == "unplugged":
        await cockpit.tab.js("plug(0, -1)")
        await lab.until_moving()
    else:
        await cockpit.press()
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await (unplugged if kind == "unplugged" else ENDS[kind])(cockpit)
    if kind == "taken_over":
        began = cockpit.began
    await lab.until_stopped_s()
    await asyncio.sleep(0.3)
    motors = lab.motor_commands()
    assert motors[-1][1].is_stop, f"{kind}: the robot was set in motion again"
    last_drive = max(at for at, command in motors if not command.is_stop)
    stopped = min(at for at, command in motors if command.is_stop and at >= last_drive)
    return stopped - max(began, lab.bridge.helm.beat_at if kind in BY_BROWSER else began)


async def test_whatever_ends_the_driving_stops_the_robot_in_time_in_many_cuts(cockpit: Lab) -> None:
    kinds = itertools.cycle([*ENDS, "unplugged"])
    times: dict[str, list[float]] = {}
    for kind in itertools.islice(kinds, CUTS):
        times.setdefault(kind, []).append(await one_cut(cockpit, kind))
        await again(cockpit, kind)
        cockpit.lab.robot.log.clear()
    for kind, all_of_it in times.items():
        ordered = sorted(all_of_it)
        sys.stdout.write(
            f"{kind}: {len(ordered)}, median {ordered[len(ordered) // 2] * 1000:.0f} ms,"
            f" longest {ordered[-1] * 1000:.0f} ms\n"
        )
    late = [(kind, took) for kind, all_of_it in times.items() for took in all_of_it if took > LIMIT_S]
    assert not late, f"{len(late)} of {CUTS} stops came later than {LIMIT_S} s: {late[:10]}"
