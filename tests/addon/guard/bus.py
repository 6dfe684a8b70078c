"""A system bus of the test's own, with a BlueZ that knows one device."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from dbus_fast import DBusError
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

DEVICE = "/org/bluez/hci0/dev_C9_00_00_00_B5_4A"
CONFIG = """<busconfig><type>custom</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/></policy>
</busconfig>"""


class Device(ServiceInterface):
    """org.bluez.Device1, of which only Disconnect matters here."""

    def __init__(self) -> None:
        super().__init__("org.bluez.Device1")
        self.disconnected = threading.Event()
        self.refusals = 0
        self.calls = 0
        self.connected = True

    @dbus_method()
    def Disconnect(self):  # type: ignore[no-untyped-def]  # noqa: ANN201 - the annotation is its D-Bus signature
        self.calls += 1
        if not self.connected:
            raise DBusError("org.bluez.Error.NotConnected", "Not Connected")
        if self.refusals:
            self.refusals -= 1
            raise DBusError("org.bluez.Error.Failed", "busy")
        self.disconnected.set()


class Bus:
    """The daemon, and BlueZ in a thread."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("dbus-daemon")
        if program is None:
            pytest.skip("SKIPPED: dbus-daemon is not installed")
        config = folder / "bus.conf"
        self.address = f"unix:path={folder / 'bus'}"
        config.write_text(CONFIG.format(path=folder / "bus"))
        self.daemon = subprocess.Popen(
            [program, f"--config-file={config}", "--nofork", "--print-address"], stdout=subprocess.PIPE
        )
        assert self.daemon.stdout is not None
        assert self.daemon.stdout.readline()
        self.device = Device()
        self._up = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._up.wait(60)

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        bus = await MessageBus(self.address).connect()
        bus.export(DEVICE, self.device)
        await bus.request_name("org.bluez")
        self._up.set()
        await self._end.wait()
        bus.disconnect()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)
        self._loop.close()
        self.daemon.kill()
        self.daemon.wait()
        if self.daemon.stdout is not None:
            self.daemon.stdout.close()
