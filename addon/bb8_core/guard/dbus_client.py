"""A minimal D-Bus client for the guard: authenticate, say hello, call a method without arguments.

Written for a process that must stay small and work when everything else does not: no event loop, no
dependency. Format: D-Bus specification, "Message Protocol" and "Authentication Protocol".
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

DEFAULT_ADDRESS: Final = "unix:path=/run/dbus/system_bus_socket"
TIMEOUT_S: Final = 3.0

_METHOD_CALL: Final = 1
_METHOD_RETURN: Final = 2
_ERROR: Final = 3
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION = 1, 2, 3, 4, 5, 6


class DBusError(OSError):
    """The bus or the called service refused, or did not answer; `name` is that of a D-Bus error, or empty."""

    def __init__(self, reason: str, name: str = "") -> None:
        """Keep the reason and the name."""
        super().__init__(reason)
        self.name = name


def socket_path(environ: Mapping[str, str] = os.environ) -> str:
    """Path of the system bus; `\\0` in front marks an abstract socket. DBusError for another transport."""
    address = environ.get("DBUS_SYSTEM_BUS_ADDRESS", DEFAULT_ADDRESS).split(";")[0]
    transport, _, options = address.partition(":")
    values = dict(option.partition("=")[::2] for option in options.split(","))
    if transport == "unix" and "path" in values:
        return values["path"]
    if transport == "unix" and "abstract" in values:
        return "\0" + values["abstract"]
    raise DBusError(f"cannot use the bus address {address}")


def method_call(serial: int, destination: str, path: str, interface: str, member: str) -> bytes:
    """The bytes of a call without arguments."""
    fields = b""
    for code, signature, text in (
        (_PATH, b"o", path),
        (_INTERFACE, b"s", interface),
        (_MEMBER, b"s", member),
        (_DESTINATION, b"s", destination),
    ):
        raw = text.encode()
        fields += bytes(-len(fields) % 8)
        fields += bytes((code, 1)) + signature + b"\0" + struct.pack("<I", len(raw)) + raw + b"\0"
    head = struct.pack("<BBBBIII", ord("l"), _METHOD_CALL, 0, 1, 0, serial, len(fields))
    return head + fields + bytes(-len(fields) % 8)


class SystemBus:
    """A blocking connection to the system bus. Every method raises OSError."""

    def __init__(self, path: str) -> None:
        """Connect and authenticate as the user of this process."""
        self._serial = 0
        self._held = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(TIMEOUT_S)
        try:
            self._socket.connect(path)
            self._socket.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
            if not self._line().startswith(b"OK "):
                raise DBusError("the bus refused the login")
            self._socket.sendall(b"BEGIN\r\n")
            self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello")
        except OSError:
            self.close()
            raise

    def call(self, destination: str, path: str, interface: str, member: str) -> None:
        """Call a method without arguments and wait for its return; DBusError if it fails."""
        self._serial += 1
        self._socket.sendall(method_call(self._serial, destination, path, interface, member))
        while True:
            kind, reply_to, error = self._message()
            if reply_to == self._serial and kind == _METHOD_RETURN:
                return
            if reply_to == self._serial and kind == _ERROR:
                raise DBusError(f"{member} failed: {error}", error)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()

    def _line(self) -> bytes:
        while b"\r\n" not in self._held:
            self._read()
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _message(self) -> tuple[int, int, str]:
        """The type of the next message, the serial that it answers, and the name of its error."""
        head = self._take(16)
        order = "<" if head[:1] == b"l" else ">"
        body, _, fields = struct.unpack(f"{order}III", head[4:])
        rest = self._take(fields + -fields % 8 + body)
        return head[1], _reply_serial(rest[:fields], order), _error_name(rest[:fields], order)

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            self._read()
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def _read(self) -> None:
        data = self._socket.recv(4096)
        if not data:
            raise DBusError("the bus closed the connection")
        self._held += data


def _reply_serial(fields: bytes, order: str) -> int:
    """The serial that a message answers, 0 if none: a field of code 5, signature `u`, at a multiple of 8."""
    return _field(fields, order, _REPLY_SERIAL, b"u")[0]


def _error_name(fields: bytes, order: str) -> str:
    """The error that a message reports, empty if none: a field of code 4, signature `s`."""
    size, rest = _field(fields, order, _ERROR_NAME, b"s")
    return rest[:size].decode("ascii", "replace")


def _field(fields: bytes, order: str, code: int, signature: bytes) -> tuple[int, bytes]:
    """The number in a header field (a length) and the bytes after it; 0 and nothing without the field."""
    for at in range(0, len(fields) - 7, 8):
        if fields[at : at + 4] == bytes((code, 1)) + signature + b"\0":
            return int(struct.unpack_from(f"{order}I", fields, at + 4)[0]), fields[at + 8 :]
    return 0, b""
