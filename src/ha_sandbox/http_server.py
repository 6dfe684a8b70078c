"""A threaded HTTP server on a free loopback port that leaves no thread or connection behind."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias

from ha_sandbox.join_threads import join_all

Request: TypeAlias = "socket.socket | tuple[bytes, socket.socket]"
"""What socketserver hands on; a TCP server has sockets only."""
_SERVER_PORTS = range(20_000, 30_000)
_TRIES = 200


class LoopbackServer(ThreadingHTTPServer):
    """Serves in the background from `start` to `stop`; `stop` breaks open connections and joins threads.

    Between `pause` and `resume` the port refuses connections and stays reserved.
    """

    block_on_close = False
    request_queue_size = 64

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._open: set[socket.socket] = set()
        self._handlers: list[threading.Thread] = []
        self._guard = threading.Lock()
        self._paused = False
        self._thread = self._new_thread()

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Starts to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stops serving, breaks open connections, waits for every thread. Raises ThreadStuck if one stays."""
        self._end_serving()
        self.break_connections()
        self.server_close()
        join_all(self._handlers, "the requests of a server")

    def break_connections(self) -> None:
        """Ends every open connection without an answer; requests under way are carried out."""
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def pause(self) -> None:
        """Breaks open connections and refuses new ones."""
        if self._paused or not self._thread.is_alive():
            return
        self._paused = True
        self._end_serving()
        self.break_connections()
        self.socket.close()
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)  # bound without listening: reserved, and refused

    def resume(self) -> None:
        """Accepts connections again on the same port."""
        if self._paused:
            self._paused = False
            self.socket.listen(self.request_queue_size)
            self._thread = self._new_thread()
            self._thread.start()

    def _new_thread(self) -> threading.Thread:
        return threading.Thread(target=self.serve_forever, args=(0.05,), name="sandbox http", daemon=True)

    def _end_serving(self) -> None:
        if self._thread.is_alive():
            self.shutdown()
            join_all([self._thread], "a server")

    def process_request(self, request: Request, client_address: object) -> None:
        """Keeps the connection in the set of open ones while it is served."""
        if isinstance(request, socket.socket):
            with self._guard:
                self._open.add(request)
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name="sandbox http request",
            daemon=True,
        )
        self._handlers = [one for one in self._handlers if one.is_alive()] + [thread]
        thread.start()

    def shutdown_request(self, request: Request) -> None:
        """Removes the connection from the set of open ones."""
        if isinstance(request, socket.socket):
            with self._guard:
                self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Request, client_address: object) -> None:
        """Ignores a client that left; anything else is a defect and is printed on stderr."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def free_port() -> int:
    """A port of loopback that is free at this moment, below those that the system gives to clients.

    A port of those could be taken by any connection before a server listens there, even by the client that
    waits for this server: it would be connected to itself.
    """
    for _ in range(_TRIES):
        port = secrets.choice(_SERVER_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(f"no port from {_SERVER_PORTS[0]} to {_SERVER_PORTS[-1]} is free")
