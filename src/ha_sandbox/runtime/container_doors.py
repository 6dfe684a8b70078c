"""The network of a sandbox container: its addresses, and TCP connections from this machine to its ports.

It uses only the standard library, because it runs inside the container, in process 1. A door is a socket that
this machine has bound on its own loopback. It listens as soon as a program inside listens at the door's port,
so nobody gets a connection that leads nowhere. The addresses are those of a real host's network `hassio`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import socket
import struct
import sys
import threading
import time
from pathlib import Path

GATEWAY, SUPERVISOR, APP = "172.30.32.1", "172.30.32.2", "172.30.33.1"
_SIOCSIFADDR = 0x8916  # <linux/sockios.h>
_NET_ADMIN = 12  # <linux/capability.h>
_DROP_BOUND, _AMBIENT, _LOWER = 24, 47, 3  # <linux/prctl.h>
_POLL = 0.1  # seconds
_CHUNK = 64 * 1024
_LISTEN = "0A"  # a state in /proc/net/tcp
_EVERYWHERE = {"0" * 8, "0" * 32}


class Doors:
    """The doors of one container: (descriptor, port inside, whether the Supervisor comes through it)."""

    def __init__(self, doors: list[tuple[int, int, bool]]) -> None:
        self._named = set_addresses()
        for descriptor, port, supervisor in doors:
            listener = socket.socket(fileno=descriptor)
            thread = threading.Thread(target=self._serve, args=(listener, port, supervisor), daemon=True)
            thread.start()

    def _serve(self, listener: socket.socket, port: int, supervisor: bool) -> None:
        """Waits until a program listens at the port, then carries each connection to it."""
        warned = False
        while not (found := listeners(port)) or not self._reached(found):
            if found and not warned:
                warned = True
                warn(port)
            time.sleep(_POLL)
        listener.listen(64)
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._carry, args=(near, port, supervisor), daemon=True).start()

    def _reached(self, addresses: set[str]) -> bool:
        return not self._named or bool(addresses & {*_EVERYWHERE, _in_proc(APP)})

    def _carry(self, near: socket.socket, port: int, supervisor: bool) -> None:
        target, source = ("127.0.0.1", port), None
        if self._named:
            target, source = (APP, port), (SUPERVISOR if supervisor else GATEWAY, 0)
        try:
            far = socket.create_connection(target, source_address=source)
        except OSError:
            near.close()
            return
        back = threading.Thread(target=pump, args=(far, near), daemon=True)
        back.start()
        pump(near, far)
        back.join()
        near.close()
        far.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Copies until the source ends, and passes its end on."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def warn(port: int) -> None:
    """Says in the app's log why a port is not reached."""
    sys.stdout.write(
        f"[sandbox] port {port} listens on 127.0.0.1 only, so a real host cannot reach it: "
        "let the app listen on 0.0.0.0\n"
    )
    sys.stdout.flush()


def listeners(port: int) -> set[str]:
    """The addresses, as /proc/net/tcp writes them, at which a program of the container listens."""
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for row in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
                fields = row.split()
                address, _, number = fields[1].partition(":")
                if fields[3] == _LISTEN and int(number, 16) == port:
                    found.add(address)
    return found


def _in_proc(address: str) -> str:
    return socket.inet_aton(address)[::-1].hex().upper()


def set_addresses() -> bool:
    """Gives the loopback the addresses of a real host's network; False if the kernel does not allow it.

    Programs of the app do not get the capability for it.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for number, address in enumerate((GATEWAY, SUPERVISOR, APP), 1):
                label, raw = f"lo:{number}".encode(), socket.inet_aton(address)
                request = struct.pack("16sHH4s8s", label, socket.AF_INET, 0, raw, b"")
                fcntl.ioctl(any_socket, _SIOCSIFADDR, request)
    except OSError:
        return False
    libc = ctypes.CDLL(None)
    libc.prctl(_AMBIENT, _LOWER, _NET_ADMIN, 0, 0)
    libc.prctl(_DROP_BOUND, _NET_ADMIN, 0, 0, 0)
    return True
