"""The inbox: stops first, floods counted."""

from __future__ import annotations

import asyncio
import threading

from bb8_core.requests.refuse_or_accept import RawCommand
from bb8_core.requests.thread_inbox import BROKER_QUEUE, RUSH_S, Inbox, Rush
from bb8_core.requests.thread_inbox import MAX_WAITING as INBOX_LIMIT


async def test_stops_overtake_a_flood_in_the_inbox() -> None:
    taken: list[str] = []
    dropped: list[int] = []
    rushes: list[bool] = []
    inbox = Inbox(
        asyncio.get_running_loop(),
        lambda raw: taken.append(raw.cmd),
        dropped.append,
        lambda: rushes.append(True),
    )

    def flood() -> None:
        for _ in range(INBOX_LIMIT + 50):
            inbox.put(RawCommand("led", b"", False, 0.0))
        inbox.put(RawCommand("stop", b"", False, 0.0))
        inbox.urge(lambda: taken.append("urged"))

    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    while len(taken) < INBOX_LIMIT + 2:  # noqa: ASYNC110 - one turn of the loop each
        await asyncio.sleep(0)
    assert taken[:2] == ["stop", "urged"]
    assert dropped == [50]
    assert rushes == []


async def test_a_rush_of_messages_is_reported_although_none_of_them_is_a_command() -> None:
    rushes: list[bool] = []
    loop = asyncio.get_running_loop()
    inbox = Inbox(loop, lambda raw: None, lambda dropped: None, lambda: rushes.append(True))
    for _ in range(BROKER_QUEUE):
        inbox.arrived(7.0)
    await asyncio.sleep(0)
    assert rushes == [True]


def test_as_many_messages_a_second_as_a_broker_keeps_are_not_a_rush_and_more_are() -> None:
    slow, fast = Rush(), Rush()
    step = RUSH_S / (BROKER_QUEUE - 1)
    assert not any(slow.arrived(number * 1.001 * step) for number in range(5 * BROKER_QUEUE))
    told = [fast.arrived(number * 0.999 * step) for number in range(BROKER_QUEUE)]
    assert told == [*[False] * (BROKER_QUEUE - 1), True]


async def test_an_error_in_one_command_leaves_no_stop_behind_it_waiting() -> None:
    taken: list[str] = []
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))

    def take(raw: RawCommand) -> None:
        taken.append(raw.cmd)
        if len(taken) == 1:
            raise ValueError("a mistake of ours")

    inbox = Inbox(loop, take, lambda dropped: None, lambda: None)
    for cmd in ("stop", "estop", "led"):
        inbox.put(RawCommand(cmd, b"", False, 0.0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert taken == ["stop", "estop", "led"]
    assert len(errors) == 1
