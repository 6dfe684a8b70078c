"""Names the causes of failures that aioesphomeapi reports."""

from __future__ import annotations

from typing import Final

from bb8_core.link.connection_states import Cause
from bb8_core.radio.proxies.proxy_states import ProxyState

_NOT_CONNECTED: Final = -1
"""ESPHome's own GATT error for a device that is not connected."""


class NotAProxy(Exception):
    """The node lacks a part of the Bluetooth proxy that is needed."""


def state_of(error: BaseException) -> ProxyState:
    """Why a proxy cannot be used, from the error of its API connection."""
    from aioesphomeapi import core as api

    if isinstance(error, NotAProxy):
        return ProxyState.NOT_A_PROXY
    if isinstance(error, api.EncryptionErrorAPIError):
        return ProxyState.UNREACHABLE
    if isinstance(error, api.InvalidEncryptionKeyAPIError):
        return ProxyState.WRONG_KEY
    if isinstance(error, api.RequiresEncryptionAPIError):
        return ProxyState.KEY_MISSING
    if isinstance(error, api.EncryptionPlaintextAPIError | api.EncryptionHelloAPIError):
        return ProxyState.NOT_ENCRYPTED
    return ProxyState.UNREACHABLE


def cause_of(error: Exception) -> Cause:
    """Why an operation on the robot failed; everything that ends the API connection is a broken link."""
    from aioesphomeapi import core as api

    if isinstance(error, TimeoutError | api.TimeoutAPIError):
        return Cause.CONNECT_TIMEOUT
    if isinstance(error, api.BluetoothGATTAPIError):
        return Cause.DROPPED if error.error.error == _NOT_CONNECTED else Cause.WRITE_FAILED
    return Cause.DROPPED if isinstance(error, api.APIConnectionError) else Cause.CONNECT_FAILED
