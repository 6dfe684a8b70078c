"""A container that is a process of this machine: its output, its health and its end."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable
from typing import IO, cast

from bb8deploy.base.os_differences import ended
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.runtime.published_ports import Reached
from ha_sandbox.runtime.runtime_interface import ContainerSpec, Usage
from ha_sandbox.runtime.tcp_relay import Carried

LAST_LINES = 5.0  # seconds for the output that is left after the end of process 1
_LONG = 3600.0


class ProcessContainer:
    """A running container: process 1 with everything below it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        spec: ContainerSpec,
        carried: Carried | None,
        reached: Reached,
        *,
        on_end: Callable[[], None],
        has_health_check: bool,
    ) -> None:
        self.has_health_check = has_health_check
        self.ports, self.udp_ports, self.page = reached.ports, reached.udp_ports, reached.page
        self._process = process
        self._control = control
        self._spec = spec
        self._carried = carried
        self._on_end = on_end
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._read_output, name=f"log {spec.slug}"),
            threading.Thread(target=self._read_health, name=f"health {spec.slug}"),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Asks process 1 to stop; kills what is left after `timeout` seconds."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._control.send(b"s")
        if not ended(self._process, timeout):
            self._kill()
        if threading.current_thread() not in self._threads and not self._joined():
            self._kill()  # a process in the background still holds the output
            self._joined()

    def usage(self) -> Usage:
        """CPU seconds and resident bytes of all its processes, from /proc; zeros if there is no /proc."""
        return bubblewrap.usage(self._process.pid)

    def _joined(self) -> bool:
        """Waits for the threads, at most LAST_LINES each; True if all have ended."""
        for thread in self._threads:
            thread.join(LAST_LINES)
        return not any(thread.is_alive() for thread in self._threads)

    def _kill(self) -> None:
        bubblewrap.kill(self._process)
        self._process.wait()

    def _read_output(self) -> None:
        output = cast("IO[bytes]", self._process.stdout)
        with output as stream:
            for line in stream:
                self._spec.on_line(line.decode(errors="replace").rstrip("\r\n"))
        while not ended(self._process, _LONG):
            continue
        self._kill()
        code = self._process.returncode
        if self._carried is not None:
            self._carried.close()
        self._on_end()
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if not self._stopping:
            self._spec.on_exit(code if code >= 0 else 128 - code)

    def _read_health(self) -> None:
        with self._control:
            while True:
                try:
                    word = self._control.recv(1)
                except OSError:
                    return
                if not word:
                    return
                self._spec.on_health(word == b"h")
