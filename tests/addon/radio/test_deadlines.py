"""Deadlines of a radio's operations: which failure becomes which cause."""

from __future__ import annotations

import asyncio

import pytest

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio.deadlines import within


async def cancelled_by_the_backend() -> None:
    pending = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(pending.cancel)
    await pending


async def test_a_write_that_the_backend_cancels_is_a_broken_link() -> None:
    with pytest.raises(LinkError) as caught:
        await within(1.0, cancelled_by_the_backend())
    assert caught.value.cause is Cause.DROPPED


async def test_a_cancellation_of_our_own_goes_through() -> None:
    task = asyncio.ensure_future(within(9.0, asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


class BackendsOwnError(Exception):
    """Neither of bleak's nor of the system's."""


async def failing() -> None:
    raise BackendsOwnError("AuthenticationFailed")


async def test_an_error_of_an_unknown_type_is_a_cause_and_not_the_end_of_the_bridge() -> None:
    with pytest.raises(LinkError, match="BackendsOwnError") as caught:
        await within(1.0, failing())
    assert caught.value.cause is Cause.CONNECT_FAILED
