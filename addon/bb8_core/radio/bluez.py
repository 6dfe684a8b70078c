"""BlueZ on the system bus, beside bleak: a robot that the host still holds, and restarts of the service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus

from bb8_core.radio.matching import Target, matches

BLUEZ: Final = "org.bluez"
RETRY_S: Final = 30.0
"""How long to wait before the bus is tried again."""
_DBUS: Final = "org.freedesktop.DBus"
_WATCH: Final = f"type='signal',sender='{_DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'"

_log = logging.getLogger("bb8.radio")


async def held_address(target: Target, adapter: str = "") -> str:
    """Return the address of a robot that matches and is connected to this host; empty if there is none.

    Such a robot does not advertise. Raises OSError or DBusError if BlueZ cannot be asked.
    """
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        reply = await _call(bus, BLUEZ, "/", f"{_DBUS}.ObjectManager", "GetManagedObjects")
    finally:
        bus.disconnect()
    for path, interfaces in reply.body[0].items():
        device = {key: value.value for key, value in interfaces.get("org.bluez.Device1", {}).items()}
        if device.get("Connected") and f"/{adapter}" in path and _is(target, device):
            return str(device["Address"])
    return ""


async def watch_restarts(restarted: Callable[[], None]) -> None:
    """Call `restarted` each time the Bluetooth service comes back, until cancelled; without a bus, retry."""
    while True:
        try:
            await _watch_bus(restarted)
        except (OSError, EOFError, DBusError) as error:
            _log.debug("cannot watch the Bluetooth service: %s", error)
        await asyncio.sleep(RETRY_S)


async def _watch_bus(restarted: Callable[[], None]) -> None:
    """Watch until the bus ends the connection."""

    def heard(message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.body[0] == BLUEZ and message.body[2]:
            restarted()

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        bus.add_message_handler(heard)
        await _call(bus, _DBUS, "/org/freedesktop/DBus", _DBUS, "AddMatch", "s", [_WATCH])
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
    finally:
        bus.disconnect()


async def _call(
    bus: MessageBus,
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    body: list[str] | None = None,
) -> Message:
    call = Message(
        destination=destination,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=body or [],
    )
    reply = await bus.call(call)
    if reply is None or reply.message_type is MessageType.ERROR:
        raise OSError(f"{member}: {reply.body if reply else 'no answer'}")
    return reply


def _is(target: Target, device: Mapping[str, Any]) -> bool:
    name = device.get("Name") or device.get("Alias")
    return matches(
        target, device["Address"], name, device.get("ManufacturerData", {}), device.get("UUIDs", ())
    )
