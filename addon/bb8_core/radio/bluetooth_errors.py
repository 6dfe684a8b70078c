"""Finds the cause of a Bluetooth failure from the exception's type and text; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bb8_core.link.connection_states import Cause

_UNAVAILABLE: Final[Mapping[str, Cause]] = {
    "NO_BLUETOOTH": Cause.NO_ADAPTER,
    "NO_BLE_CENTRAL_ROLE": Cause.NO_ADAPTER,
    "POWERED_OFF": Cause.ADAPTER_OFF,
    "DENIED_BY_USER": Cause.NO_PERMISSION,
    "DENIED_BY_SYSTEM": Cause.NO_PERMISSION,
    "DENIED_BY_UNKNOWN": Cause.NO_PERMISSION,
    "UNKNOWN": Cause.NO_BLUETOOTH,
}

_WORDS: Final[tuple[tuple[tuple[str, ...], Cause], ...]] = (
    (("inprogress", "in progress"), Cause.RADIO_BUSY),
    (("notready", "not ready", "powered off", "not powered"), Cause.ADAPTER_OFF),
    (("no bluetooth adapter", "adapter not found", "no such adapter"), Cause.NO_ADAPTER),
    (("accessdenied", "access denied", "permission denied", "notauthorized"), Cause.NO_PERMISSION),
    (
        ("serviceunknown", "no such file", "connection refused", "org.bluez was not provided"),
        Cause.NO_BLUETOOTH,
    ),
    (("connection slot", "available connection", "limited resources"), Cause.NO_SLOT),
    (("abort-by-local", "aborted", "abort", "cancel"), Cause.CONNECT_ABORTED),
    (("already connected", "br-connection-busy", "connection already exists"), Cause.REFUSED),
    (("timeout", "timed out", "not found"), Cause.CONNECT_TIMEOUT),
    (("disconnected", "not connected", "service discovery has not been performed"), Cause.DROPPED),
)


def cause_of(error: BaseException) -> Cause:
    """Name the cause of an error of bleak, its D-Bus library or the system; CONNECT_FAILED if unknown."""
    from bleak.exc import BleakBluetoothNotAvailableError, BleakCharacteristicNotFoundError

    if isinstance(error, BleakBluetoothNotAvailableError):
        return _UNAVAILABLE[error.reason.name]
    if isinstance(error, BleakCharacteristicNotFoundError):
        return Cause.STALE_SERVICES
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return Cause.NO_BLUETOOTH
    if isinstance(error, PermissionError):
        return Cause.NO_PERMISSION
    if isinstance(error, TimeoutError):
        return Cause.CONNECT_TIMEOUT
    text = str(error).lower()
    return next((cause for words, cause in _WORDS if any(w in text for w in words)), Cause.CONNECT_FAILED)
