"""A process that stood still does not know how old its messages are."""

from __future__ import annotations

from bb8_core.requests.suspend_detection import BEAT_S, LIMIT_S, QUARANTINE_S, Standstill, now


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_steady_beat_is_not_a_standstill() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    for _ in range(50):
        clock.now += BEAT_S * 2
        assert standstill.recent() is False
        assert standstill.beat() is False


def test_a_standstill_is_noticed_by_the_thread_that_wakes_first() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    clock.now += LIMIT_S + 0.01
    assert standstill.recent(), "a message arrives before the event loop has woken"
    assert standstill.beat()
    assert standstill.recent()
    clock.now += BEAT_S
    assert standstill.beat() is False
    assert standstill.recent()


def test_after_the_quarantine_commands_are_obeyed_again() -> None:
    clock = Clock()
    standstill = Standstill(clock)
    clock.now += 20.0
    standstill.beat()
    for _ in range(int(QUARANTINE_S / BEAT_S) + 1):
        clock.now += BEAT_S
        standstill.beat()
    assert standstill.recent() is False


def test_the_clock_moves() -> None:
    assert now() <= now()
