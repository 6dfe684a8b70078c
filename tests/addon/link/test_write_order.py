"""Whose turn it is to write: in the order of asking, stops next, and nobody who gave up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bb8_core.link.write_order import Turns, never


class Crowd:
    """Some who want the turn; each notes it and has it until the end of this round of the loop."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.had: list[str] = []

    def ask(self, name: str, urgent: Callable[[], bool] = never) -> asyncio.Task[None]:
        return asyncio.create_task(self._have(name, urgent))

    async def _have(self, name: str, urgent: Callable[[], bool]) -> None:
        async with self.turns.turn(urgent):
            self.had.append(name)
            await asyncio.sleep(0)


async def rounds(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_turns_are_given_in_the_order_of_asking() -> None:
    crowd = Crowd()
    await asyncio.gather(*(crowd.ask(name) for name in "abc"))
    assert crowd.had == ["a", "b", "c"]


async def test_a_stop_that_came_meanwhile_is_written_next() -> None:
    crowd = Crowd()
    stops: list[str] = []
    async with crowd.turns.turn():
        asked = [crowd.ask("a"), crowd.ask("pump", lambda: bool(stops)), crowd.ask("b")]
        await rounds()
        stops.append("stop")
    await asyncio.gather(*asked, crowd.ask("late"))
    assert crowd.had == ["pump", "a", "b", "late"]


async def test_who_gives_up_waiting_is_passed_over() -> None:
    crowd = Crowd()
    async with crowd.turns.turn():
        waits, gives_up, behind = crowd.ask("a"), crowd.ask("b"), crowd.ask("c")
        await rounds()
        gives_up.cancel()
    await asyncio.gather(waits, gives_up, behind, return_exceptions=True)
    assert crowd.had == ["a", "c"]


async def test_who_gives_up_in_the_moment_of_being_given_the_turn_hands_it_on() -> None:
    crowd = Crowd()
    async with crowd.turns.turn():
        gives_up, behind = crowd.ask("a"), crowd.ask("b")
        await rounds()
    gives_up.cancel()
    await asyncio.gather(gives_up, behind, crowd.ask("c"), return_exceptions=True)
    assert crowd.had == ["b", "c"]


async def test_an_error_in_a_turn_does_not_keep_it() -> None:
    crowd = Crowd()
    with contextlib.suppress(ZeroDivisionError):
        async with crowd.turns.turn():
            _ = 1 / 0
    await crowd.ask("a")
    assert crowd.had == ["a"]
