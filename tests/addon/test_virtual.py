"""The loop of the stories keeps asyncio's order, and hides no error."""

from __future__ import annotations

import asyncio

import pytest
from tests.addon.virtual import DEADLOCK, LonelyLoop, run_lonely


def test_calls_come_when_they_are_due_and_cancelled_ones_never() -> None:
    async def story() -> tuple[list[str], float]:
        loop, heard = asyncio.get_running_loop(), list[str]()
        start = loop.time()
        loop.call_later(2, heard.append, "late")
        loop.call_later(1, heard.append, "early")
        loop.call_at(start + 1, heard.append, "at the same time")
        loop.call_later(1.5, heard.append, "never").cancel()
        loop.call_soon(heard.append, "soon")
        await asyncio.sleep(2)
        return heard, loop.time() - start

    assert run_lonely(story()) == (["soon", "early", "at the same time", "late"], 2)


def test_a_frozen_process_finds_everything_due_at_once() -> None:
    async def story() -> list[int]:
        loop, heard = asyncio.get_running_loop(), list[int]()
        assert isinstance(loop, LonelyLoop)
        for second in (3, 1, 2):
            loop.call_later(second, heard.append, second)
        loop.now += 10
        await asyncio.sleep(0)
        return heard

    assert run_lonely(story()) == [1, 2, 3]


def test_an_error_that_nobody_catches_fails_the_run() -> None:
    async def story() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)

    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run_lonely(story())


def test_waiting_for_nothing_is_an_error() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match=DEADLOCK):
        run_lonely(story())


def test_the_timeouts_of_asyncio_work() -> None:
    async def story() -> bool:
        try:
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        except TimeoutError:
            return True
        return False

    assert run_lonely(story())
