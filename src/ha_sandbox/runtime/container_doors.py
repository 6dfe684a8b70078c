"""The network of a sandbox container: its addresses, and what this machine sends to its TCP and UDP ports.

It uses only the standard library, because it runs inside the container, in process 1. A door is a socket that
this machine has bound on its own loopback. It listens as soon as a program inside listens at the door's port,
so nobody gets a connection that leads nowhere; a datagram to a port without a program is lost. The addresses
are those of a real host's network `hassio`.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import selectors
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

GATEWAY, SUPERVISOR, APP = "172.30.32.1", "172.30.32.2", "172.30.33.1"
_SIOCSIFADDR = 0x8916  # <linux/sockios.h>
_NET_ADMIN = 12  # <linux/capability.h>
_DROP_BOUND, _AMBIENT, _LOWER = 24, 47, 3  # <linux/prctl.h>
_POLL = 0.1  # seconds
_CHUNK = 64 * 1024
_CLIENTS = 64  # that a UDP port answers at the same time; the one that was silent longest is forgotten
_TABLES = {"tcp": "0A", "udp": "07"}  # below /proc/net, with the state of a socket that anybody can reach
_EVERYWHERE = {"0" * 8, "0" * 32}


class Doors:
    """The doors of one container: (descriptor, port inside, purpose).

    The purpose is `tcp`, `udp`, or `page` for the Supervisor's requests.
    """

    def __init__(self, doors: list[tuple[int, int, str]]) -> None:
        self._named = set_addresses()
        for descriptor, port, purpose in doors:
            door = socket.socket(fileno=descriptor)
            if purpose == "udp":
                self._begin(self._await, port, "udp")
                self._begin(carry_datagrams, door, *self._ends(port, GATEWAY))
            else:
                self._begin(self._serve, door, port, SUPERVISOR if purpose == "page" else GATEWAY)

    def _begin(self, work: Callable[..., object], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _ends(self, port: int, peer: str) -> tuple[tuple[str, int], tuple[str, int] | None]:
        """Where the program is, and the address that it sees."""
        return ((APP, port), (peer, 0)) if self._named else (("127.0.0.1", port), None)

    def _await(self, port: int, kind: str) -> None:
        """Waits until a program listens at the port; says so if this machine cannot reach it."""
        warned = False
        while not (found := listeners(port, kind)) or not self._reached(found):
            if found and not warned:
                warned = True
                warn(port)
            time.sleep(_POLL)

    def _serve(self, listener: socket.socket, port: int, peer: str) -> None:
        """Waits until a program listens at the port, then carries each connection to it."""
        self._await(port, "tcp")
        listener.listen(64)
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                self._begin(self._carry, near, port, peer)

    def _reached(self, addresses: set[str]) -> bool:
        return not self._named or bool(addresses & {*_EVERYWHERE, _in_proc(APP)})

    def _carry(self, near: socket.socket, port: int, peer: str) -> None:
        target, source = self._ends(port, peer)
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


def carry_datagrams(door: socket.socket, target: tuple[str, int], source: tuple[str, int] | None) -> None:
    """Passes each datagram on from a socket of its sender's own, and the answers back to this sender."""
    senders: dict[object, socket.socket] = {}
    with selectors.DefaultSelector() as ready:
        ready.register(door, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                with contextlib.suppress(OSError):
                    if key.data is not None:
                        door.sendto(key.fileobj.recv(_CHUNK), key.data)  # type: ignore[union-attr]  # a socket
                        continue
                    data, sender = door.recvfrom(_CHUNK)
                    far = senders.pop(sender, None) or _socket_of(sender, source, ready)
                    senders[sender] = far
                    _forget(senders, ready)
                    far.sendto(data, target)


def _socket_of(
    sender: object, source: tuple[str, int] | None, ready: selectors.BaseSelector
) -> socket.socket:
    """A socket for one sender; not connected, because the answer may come from another address of the app."""
    far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if source:
        far.bind(source)
    ready.register(far, selectors.EVENT_READ, sender)
    return far


def _forget(senders: dict[object, socket.socket], ready: selectors.BaseSelector) -> None:
    """Closes the socket of the sender that was silent longest, if there are too many."""
    if len(senders) > _CLIENTS:
        silent = senders.pop(next(iter(senders)))
        ready.unregister(silent)
        silent.close()


def warn(port: int) -> None:
    """Says in the app's log why a port is not reached."""
    sys.stdout.write(
        f"[sandbox] port {port} listens on 127.0.0.1 only, so a real host cannot reach it: "
        "let the app listen on 0.0.0.0\n"
    )
    sys.stdout.flush()


def listeners(port: int, kind: str = "tcp") -> set[str]:
    """The addresses, as /proc/net/tcp writes them, at which a program of the container listens."""
    found = set()
    for table in (kind, f"{kind}6"):
        with contextlib.suppress(OSError):
            for row in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
                fields = row.split()
                address, _, number = fields[1].partition(":")
                if fields[3] == _TABLES[kind] and int(number, 16) == port:
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
