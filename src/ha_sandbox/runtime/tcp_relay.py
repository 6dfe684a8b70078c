"""Forwards TCP connections from a container's own loopback to services of the host."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence

from ha_sandbox.join_threads import join_all

_CHUNK = 64 * 1024


class Relay:
    """One event loop for all containers. Call `serve` from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox relay", daemon=True)
        self._thread.start()

    def serve(self, routes: Sequence[tuple[socket.socket, tuple[str, int]]]) -> Carried:
        """Forwards connections of each listening socket to its target until closed."""
        future = asyncio.run_coroutine_threadsafe(self._open(routes), self._loop)
        return Carried(self._loop, future.result(10))

    def close(self) -> None:
        """Ends every connection and the loop. Raises ThreadStuck if its thread does not end."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        join_all([self._thread], "the relay of the containers")
        self._loop.close()

    async def _open(
        self, routes: Sequence[tuple[socket.socket, tuple[str, int]]]
    ) -> list[asyncio.AbstractServer]:
        return [await self._server(listener, target) for listener, target in routes]

    async def _server(self, listener: socket.socket, target: tuple[str, int]) -> asyncio.AbstractServer:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            if task is not None:
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await _carry(reader, writer, target)

        return await asyncio.start_server(carry, sock=listener)

    async def _cancel(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next turn of the loop


class Carried:
    """The open listeners of one container."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        servers: list[asyncio.AbstractServer],
    ) -> None:
        self._loop = loop
        self._servers = servers

    def close(self) -> None:
        """Accepts no new connections; open ones end with the container."""
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(*target)
    except OSError:
        writer.transport.abort()
        raise
    try:
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
    finally:
        writer.transport.abort()
        far_writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    await writer.drain()
