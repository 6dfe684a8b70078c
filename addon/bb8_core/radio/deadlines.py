"""Runs an operation of a radio under a deadline, and turns every way to fail into a LinkError."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio import bluetooth_errors

T = TypeVar("T")


async def within(
    deadline_s: float,
    action: Awaitable[T],
    cause_of: Callable[[Exception], Cause] = bluetooth_errors.cause_of,
) -> T:
    """Await `action` under a deadline, and turn every way to fail into a LinkError.

    `cause_of` names the cause of an error of the library that is used. Besides bleak's own errors that is
    whatever its D-Bus library raises, and a cancellation by the backend, which cancels pending writes when
    the link drops.
    """
    try:
        async with asyncio.timeout(deadline_s):
            return await action
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise LinkError(Cause.DROPPED, "cancelled by the Bluetooth backend") from None
    except Exception as error:
        raise LinkError(cause_of(error), f"{type(error).__name__} {error}".strip()) from error
