"""A bridge on a simulated robot with its page on a real port, and clients that speak to it as a page does."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.addon.rig import Rig
from websockets.asyncio.client import ClientConnection, connect

from bb8_core.build_identity import Identity
from bb8_core.robot.packet_framing import Command
from bb8_core.simulator.processor import BOOT_S
from bb8_core.web.http_server import StatusServer
from bb8_core.web.open_pages import Cockpit
from bb8_core.web.robot_thread import Wheel
from bb8_core.web.status_page import Page, SideLoop

FROM_PAGE = {"X-Requested-With": "bb8"}
TICK_S = 0.01


class PageLab(Rig):
    """The rig with its page, wired as the program wires them."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path)
        self._boot_the_robot()
        identity = Identity("1.0", "", "", "", "", "")
        settings = {"speed_cap": 180, "motion_timeout": True}
        page = Page(
            self.bridge, self.loop, identity, True, lambda: {"connected": True, "reason": ""}, settings
        )
        self.cockpit = Cockpit(Wheel(self.bridge, self.loop), page.snapshot)
        self.server = StatusServer(page, self.cockpit)
        self.side = SideLoop()
        self.stalled_s = 0.0
        self._tasks.append(self.loop.create_task(self._measure_stalls()))

    def _boot_the_robot(self) -> None:
        """Have it awake already, as if it had been woken earlier: this clock does not jump."""
        self.robot.droid.now -= BOOT_S
        self.robot.processor.wake()
        self.robot.tick()

    async def _measure_stalls(self) -> None:
        """Add up how long this process, or its loop, had to wait for the processor."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK_S)
            self.stalled_s += max(0.0, time.monotonic() - before - 2 * TICK_S)

    async def open(self) -> None:
        """Serve the page and wait for the robot."""
        await asyncio.to_thread(self.side.run, self.server.start("127.0.0.1", 0), 5)
        await self.until_ready()

    async def shut(self) -> None:
        """End everything."""
        await asyncio.to_thread(self.side.run, self.server.stop(), 5)
        self.side.close()
        await self.close()

    @property
    def port(self) -> int:
        """Where the page is."""
        return self.server.port

    def ticket(self) -> str:
        """Ask for a ticket as the page does."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        client.request("POST", "/api/ticket", headers=FROM_PAGE)
        return str(json.load(client.getresponse())["ticket"])

    @contextlib.asynccontextmanager
    async def page(self, name: str = "") -> AsyncIterator[PageClient]:
        """An open page."""
        headers = {"X-Remote-User-Display-Name": name} if name else {}
        async with connect(
            f"ws://127.0.0.1:{self.port}/ws", additional_headers=headers, max_queue=None
        ) as ws:
            client = PageClient(ws)
            await client.send(op="hello", ticket=await asyncio.to_thread(self.ticket))
            client.number = (await client.next("welcome"))["number"]
            yield client

    async def until_moving(self) -> None:
        """Wait until the robot was set in motion."""
        await self.until(lambda: self.moving)

    async def until_stopped_s(self) -> float:
        """Wait for the next stop on the wire; returns its time (monotonic s)."""
        await self.until(lambda: not self.moving, every_s=0.002)
        return self.motor_commands()[-1][0]

    async def seconds_to_stop(self, end: Callable[[], Awaitable[None]] | None = None) -> float:
        """How long the robot moves after `end`, without the time in which the machine ran something else."""
        began, stalled = time.monotonic(), self.stalled_s
        if end is not None:
            await end()
        return await self.until_stopped_s() - began - (self.stalled_s - stalled)

    @property
    def moving(self) -> bool:
        """Whether the last motor command that the robot heard was no stop."""
        motors = self.motor_commands()
        return bool(motors) and not halts(motors[-1][1])


def halts(command: Command) -> bool:
    """Whether a motor command ends motion."""
    return command.is_stop


class PageClient:
    """A page without a browser."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        self.number = 0
        self.grip = 0

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.ws.send(json.dumps(message))

    async def next(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of a kind with these values; others are skipped."""
        async with asyncio.timeout(60):
            while True:
                value: dict[str, Any] = json.loads(await self.ws.recv())
                if value["type"] == kind and all(value.get(key) == it for key, it in wanted.items()):
                    return value

    async def beat(self, speed: int = 90, heading: int = 0, at: float | None = None) -> None:
        """One beat of the held stick."""
        sent = (time.monotonic() if at is None else at) * 1000
        await self.send(op="hold", grip=self.grip, speed=speed, heading=heading, t=sent)

    async def hold(self, seconds: float, speed: int = 90, heading: int = 0) -> None:
        """Hold the stick for some time."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            await self.beat(speed, heading)
            await asyncio.sleep(0.05)

    def cut(self) -> None:
        """End the connection with a reset, as a broken network does."""
        raw = self.ws.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.ws.transport.abort()
