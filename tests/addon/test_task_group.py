"""Long-lived tasks end together: none ends in silence."""

from __future__ import annotations

import asyncio

import pytest

from bb8_core.task_group import TaskEnded, run_together


async def forever() -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    """Return."""


async def failing() -> None:
    raise KeyError("pump")


async def cancelled_from_outside() -> None:
    await asyncio.get_running_loop().run_in_executor(None, int)
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("end", "error"), [(at_once, TaskEnded), (failing, KeyError), (cancelled_from_outside, TaskEnded)]
)
async def test_the_end_of_one_is_the_end_of_all(end: type, error: type[BaseException]) -> None:
    others = []

    async def other() -> None:
        others.append("started")
        try:
            await forever()
        finally:
            others.append("ended")

    with pytest.raises(error):
        await run_together(one=end(), other=other())
    assert others == ["started", "ended"]


async def test_a_cancellation_ends_them_all() -> None:
    task = asyncio.ensure_future(run_together(a=forever(), b=forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
