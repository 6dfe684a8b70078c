"""The guard: a small process that ends the robot's Bluetooth link when the bridge dies or freezes.

The bridge writes lines to its standard input: `watch PATH` (BlueZ's object path of the connected robot),
`forget`, `cut`, `moving`, `still`, and `.` ten times a second. The guard answers `ready` once it has reached
the system bus, and each `.` with a `.`. At the end of the input it disconnects the device that it watches. It
does so, too, if the bridge could not do it itself and writes `cut`, or if the input is silent while the robot
moves. The robot stops by itself on a lost link.

Run as `python -m bb8_core.guard.guard_process`; it imports nothing outside the standard library.
"""

from __future__ import annotations

import os
import select
import sys
import time

from bb8_core.guard.dbus_client import DBusError, SystemBus, socket_path

SILENCE_S = 1.0
"""A moving robot's bridge that is silent so long is frozen or dead."""
TRIES = 20
ENDED = frozenset({"org.bluez.Error.NotConnected", "org.freedesktop.DBus.Error.UnknownObject"})
"""Errors by which BlueZ reports that there is no connection: trying again could end the next one."""
PAUSE_S = 0.25


class Guard:
    """What the guard knows: which device it watches, and whether it moves."""

    def __init__(self) -> None:
        """Watch nothing."""
        self.path = ""
        self.moving = False
        self.to_cut: list[str] = []
        """Devices whose link the bridge could not end."""
        self._rest = b""

    def take(self, data: bytes) -> bytes:
        """Take what the bridge wrote; returns the answer."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return b"".join(self._line(line) for line in lines)

    def _line(self, line: bytes) -> bytes:
        word, _, value = line.partition(b" ")
        if word == b"watch":
            self.path, self.moving = value.decode("ascii", "replace"), False
        elif word in {b"forget", b"cut"}:
            if word == b"cut" and self.path:
                self.to_cut.append(self.path)
            self.path, self.moving = "", False
        elif word in {b"moving", b"still"}:
            self.moving = word == b"moving"
        return b".\n" if word == b"." else b""


def disconnect(path: str, tries: int = TRIES) -> bool:
    """Have BlueZ end the link to a device; tries for some seconds, returns whether BlueZ did it."""
    for _ in range(tries):
        try:
            bus = SystemBus(socket_path())
            try:
                bus.call("org.bluez", path, "org.bluez.Device1", "Disconnect")
            except DBusError as error:
                if error.name not in ENDED:
                    raise
            finally:
                bus.close()
        except OSError:
            time.sleep(PAUSE_S)
        else:
            return True
    return False


def cut(path: str, why: str) -> None:
    """Disconnect and log it."""
    result = "disconnected" if disconnect(path) else "could not disconnect"
    os.write(2, f"guard: {why}: {result} {path}\n".encode())


def run() -> None:
    """Watch until the input ends."""
    guard = Guard()
    while True:
        readable, _, _ = select.select([0], [], [], SILENCE_S if guard.moving else None)
        if not readable:
            guard.moving = False
            if not guard.path:  # the link is not BlueZ's
                continue
            cut(guard.path, "the bridge does not answer while the robot moves")
            continue
        data = os.read(0, 4096)
        if not data:
            if guard.path:
                cut(guard.path, "the bridge has ended")
            return
        answer = guard.take(data)
        while guard.to_cut:
            cut(guard.to_cut.pop(), "the bridge could not end the link")
        if answer:
            os.write(1, answer)


def main() -> int:
    """Start; the exit code is 3 if the system bus cannot be reached."""
    try:
        SystemBus(socket_path()).close()
    except OSError as error:
        os.write(2, f"guard: cannot reach the system bus: {error}\n".encode())
        return 3
    os.write(1, b"ready\n")
    try:
        run()
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
