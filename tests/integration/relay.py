"""A loopback TCP relay that adds latency to a connection, counts its turns, and cuts it at a chosen byte.

Each chunk is held back for half the round-trip time in its direction (a connection's first bytes for
one and a half, as if the SYN had crossed too). It models delay, not bandwidth, slow start or loss.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CHUNK = 256 * 1024


@dataclass(slots=True)
class Counts:
    """What passed: connections, bytes each way, and turns (the client spoke after the server had)."""

    connections: int = 0
    up: int = 0
    down: int = 0
    turns: int = 0
    last: str = field(default="", repr=False)


class Relay:
    """Listens on `port` and passes everything to `target`.

    `rtt` is in seconds. `cut_up` and `cut_down` end the connection once that many bytes came from the
    client or from the server; both ends then see it drop.
    """

    def __init__(
        self,
        target: tuple[str, int],
        *,
        rtt: float = 0.0,
        cut_up: int | None = None,
        cut_down: int | None = None,
    ) -> None:
        self.target = target
        self.rtt = rtt
        self.cut_up = cut_up
        self.cut_down = cut_down
        self.counts = Counts()
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._closing = False
        self._stranded: list[socket.socket] = []
        self._orphans: list[socket.socket] = []
        self._answers = threading.Event()
        self._answers.set()
        self._spawn(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends every connection and the threads."""
        self._closing = True
        self._answers.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._listener.close()
        self.drop()
        for thread in list(self._threads):
            thread.join(60)

    def drop(self) -> None:
        """Cuts the connections that are open now."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
            if self._closing:
                sockets += [*self._stranded, *self._orphans]
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def strand(self) -> None:
        """Cuts the client's ends alone: the server is not told, as on a line that is dead."""
        with self._lock:
            clients, servers, self._sockets = self._sockets[::2], self._sockets[1::2], []
            self._stranded += clients
            self._orphans += servers
        for each in clients:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def without_answers(self) -> Iterator[None]:
        """Keeps back what the server says; what the client says passes."""
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()

    def _spawn(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                client.close()
                return
            self._spawn(self._connect, client)

    def _connect(self, client: socket.socket) -> None:
        """The SYN and its answer take one round trip before anything else."""
        time.sleep(self.rtt)
        try:
            server = socket.create_connection(self.target, 30)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets += [client, server]
            self.counts.connections += 1
        self._spawn(self._pump, client, server, "up")
        self._spawn(self._pump, server, client, "down")

    def _pump(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        """Reads at once and writes late: chunks overlap on the line as they do on a real one."""
        line: deque[tuple[float, bytes]] = deque()
        ready = threading.Condition()
        self._spawn(self._deliver, line, ready, sink, way)
        while True:
            try:
                data = source.recv(CHUNK)
            except OSError:
                data = b""
            if not data and source in self._stranded:
                return
            allowed, cut = self._count(way, data)
            with ready:
                line.append((time.monotonic() + self.rtt / 2, allowed))
                if not data or cut:
                    line.append((time.monotonic() + self.rtt / 2, b""))
                ready.notify()
            if cut:
                time.sleep(self.rtt / 2 + 0.01)
                self.drop()
            if not data or cut:
                return

    def _deliver(
        self, line: deque[tuple[float, bytes]], ready: threading.Condition, sink: socket.socket, way: str
    ) -> None:
        while True:
            with ready:
                while not line:
                    ready.wait()
                due, data = line.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            if way == "down":
                self._answers.wait()
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(data)
            except OSError:
                return

    def _count(self, way: str, data: bytes) -> tuple[bytes, bool]:
        """Counts a chunk; gives the part of it that may pass, and whether the line is cut behind it."""
        with self._lock:
            counts = self.counts
            limit = self.cut_up if way == "up" else self.cut_down
            passed = counts.up if way == "up" else counts.down
            cut = limit is not None and passed + len(data) >= limit
            if cut and limit is not None:
                data = data[: max(0, limit - passed)]
            if way == "up":
                counts.up += len(data)
                counts.turns += bool(data) and counts.last != "up"
            else:
                counts.down += len(data)
            if data:
                counts.last = way
            return data, cut
