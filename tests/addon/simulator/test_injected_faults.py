"""Faults do what they are called, come again with the same seed, and cost the decoder no good packet."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples
from tests.addon.simulator.desk import Desk, woken

from bb8_core.robot import commands
from bb8_core.robot.packet_framing import Response
from bb8_core.simulator.injected_faults import Faults


def pings(desk: Desk, count: int) -> list[int]:
    """Ping so many times; returns the sequence numbers that were answered."""
    before = len(desk.packets)
    for _ in range(count):
        desk.send(commands.ping())
        desk.after(0.02)
    return [p.seq for p in desk.packets[before:] if isinstance(p, Response)]


def test_dropped_answers_do_not_come() -> None:
    assert pings(woken(Faults(drop=1.0)), 5) == []
    some = pings(woken(Faults(drop=0.5, seed=3)), 40)
    assert 8 < len(some) < 32


def test_doubled_answers_come_twice() -> None:
    assert pings(woken(Faults(duplicate=1.0)), 2) == [1, 1, 2, 2]


def test_corrupted_answers_are_thrown_away() -> None:
    desk = woken(Faults(corrupt=1.0))
    pings(desk, 30)
    desk.robot.faults.corrupt = 0.0
    desk.after(2)
    assert pings(desk, 1)[-1] == 31
    assert desk.decoder.stats.dropped_bytes > 0


def test_garbage_is_seen_through() -> None:
    desk = woken(Faults(garbage=1.0))
    assert pings(desk, 3) == [1, 2, 3]
    assert desk.decoder.stats.dropped_bytes == 6


def test_silence_obeys_without_a_word() -> None:
    desk = woken(Faults(silence=True))
    desk.send(commands.tail_led(5))
    assert desk.packets == []
    assert desk.robot.mind.tail == 5


def test_delayed_answers_come_later() -> None:
    desk = woken(Faults(delay_ms=300))
    desk.send(commands.ping())
    assert desk.packets == []
    assert desk.robot.next_event() == pytest.approx(desk.time + 0.3)
    desk.after(0.31)
    assert len(desk.packets) == 1


def test_an_abort_ends_the_link_in_the_middle_of_a_command() -> None:
    desk = woken(Faults(abort=1.0))
    desk.send(commands.roll(100, 0))
    assert desk.drops == 1
    assert not desk.robot.connected


def test_connections_can_be_refused_a_few_times() -> None:
    desk = Desk(Faults(refuse_connects=2))
    for _ in range(2):
        with pytest.raises(ConnectionError, match="abort-by-local"):
            desk.robot.connect()
    desk.robot.connect()
    with pytest.raises(ConnectionError, match="does not advertise"):
        desk.robot.connect()


@examples(25)
@given(st.integers(0, 1000), st.integers(1, 20))
def test_however_it_is_cut_nothing_is_lost(seed: int, split: int) -> None:
    desk = woken(Faults(split=split, garbage=0.3, seed=seed))
    assert pings(desk, 6) == [1, 2, 3, 4, 5, 6]
    assert desk.ask(commands.get_bluetooth_info()).ok


def test_the_same_seed_gives_the_same_story() -> None:
    faults = {"drop": 0.2, "duplicate": 0.2, "corrupt": 0.2, "garbage": 0.2, "split": 7}
    stories = []
    for seed in (1, 1, 2):
        desk = woken(Faults(**faults, seed=seed))  # type: ignore[arg-type]
        pings(desk, 30)
        stories.append(desk.notifications)
    assert stories[0] == stories[1]
    assert any(a != b for a, b in itertools.zip_longest(stories[0], stories[2]))


def test_a_lagging_robot_carries_out_what_it_heard_even_after_the_link_has_gone() -> None:
    desk = woken(Faults(lag_ms=1200))
    desk.send(commands.roll(80, 0))
    desk.after(0.5)
    assert not desk.robot.motor.moving
    desk.robot.disconnect()
    desk.after(1.0)
    assert desk.robot.motor.moving


def test_a_firmware_refuses_the_commands_that_it_does_not_know() -> None:
    desk = woken(Faults(refused=frozenset({(0x02, 0x34)})))
    assert desk.ask(commands.motion_timeout(1000)).unsupported
    assert desk.ask(commands.ping()).ok


def test_a_lost_write_looks_written_and_is_not_heard() -> None:
    desk = woken()
    desk.robot.faults.lost_write = 1.0
    before = len(desk.robot.log)
    desk.send(commands.roll(80, 0))
    assert len(desk.robot.lost) == 1
    assert len(desk.robot.log) == before
    assert not desk.robot.motor.moving


@pytest.mark.parametrize(("fault", "heard"), [("failed_write", False), ("lost_write_response", True)])
def test_a_write_that_fails_is_an_error_whether_it_was_heard_or_not(fault: str, heard: bool) -> None:
    desk = woken()
    setattr(desk.robot.faults, fault, 1.0)
    with pytest.raises(ConnectionError, match="write"):
        desk.send(commands.roll(80, 0))
    assert desk.robot.motor.moving is heard
