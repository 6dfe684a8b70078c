"""The queue of commands: replacing, order, expiry."""

from __future__ import annotations

from bb8_core.motion.send_queue import MAX_WAITING, Item, Kind, Outbox
from bb8_core.requests.acknowledgement import silent
from bb8_core.robot import commands


def item(kind: Kind, expires_at: float = 100.0) -> Item:
    command = commands.roll(1, 1) if kind is Kind.DRIVE else commands.ping()
    return Item(kind, command, silent, expires_at)


def test_a_drive_or_colour_replaces_the_one_that_waits() -> None:
    box = Outbox()
    first, second = item(Kind.DRIVE), item(Kind.DRIVE)
    assert box.put(first) is None
    assert box.put(second) is first
    assert box.take() is second
    assert box.take() is None


def test_discrete_commands_keep_their_order_and_their_limit() -> None:
    box = Outbox()
    items = [item(Kind.DISCRETE) for _ in range(MAX_WAITING)]
    assert [box.put(one) for one in items] == [None] * MAX_WAITING
    extra = item(Kind.DISCRETE)
    assert box.put(extra) is extra
    assert [box.take() for _ in items] == items


def test_a_stream_of_drives_starves_no_other_and_waits_for_one_at_most() -> None:
    box = Outbox()
    others = [item(Kind.DISCRETE) for _ in range(5)]
    for other in (*others, item(Kind.LED), item(Kind.TAIL)):
        box.put(other)
    taken = []
    for _ in range(14):
        box.put(item(Kind.DRIVE))
        one = box.take()
        assert one is not None
        taken.append(one.kind)
    assert taken[::2] == [Kind.DRIVE] * 7
    assert set(taken[1::2]) == {Kind.DISCRETE, Kind.LED, Kind.TAIL}


def test_what_waited_too_long_is_taken_out_but_stops_stay() -> None:
    box = Outbox()
    late, fresh, stop = item(Kind.DISCRETE, 1.0), item(Kind.LED, 9.0), item(Kind.URGENT, 0.0)
    for one in (late, fresh, stop):
        box.put(one)
    assert box.next_expiry() == 1.0
    assert box.expire(5.0) == [late]
    assert box.take_urgent() is stop
    assert len(box) == 1
