"""The choice of a radio: the strongest signal, unless it cannot connect."""

from __future__ import annotations

from bb8_core.link.radio_interface import Sighting
from bb8_core.radio.radio_choice import FORGET_FAILURES_S, FRESH_S, Reception, best


def heard(rssi: int, at: float = 0.0) -> Sighting:
    return Sighting(None, "C9:00:00:00:B5:4A", "BB-B54A", rssi, at)


def chosen(*receptions: Reception, now: float = 0.0, free: tuple[bool, ...] = (True, True)) -> int | None:
    return best([one.score_db(now, ok) for one, ok in zip(receptions, free, strict=True)])


def test_the_strongest_is_chosen_and_the_first_of_equals() -> None:
    weak, strong = Reception().hear(heard(-80)), Reception().hear(heard(-60))
    assert (chosen(weak, strong), chosen(strong, weak), chosen(weak, weak)) == (1, 0, 0)


def test_a_radio_that_hears_the_robot_no_more_is_not_chosen() -> None:
    strong, weak = Reception().hear(heard(-40)), Reception().hear(heard(-90, FRESH_S))
    assert chosen(strong, weak, now=FRESH_S) == 1
    assert chosen(strong, Reception(), now=FRESH_S) is None


def test_one_strong_reading_among_weak_ones_does_not_decide() -> None:
    steady, jumping = Reception(), Reception()
    for at, rssi in enumerate((-80, -80, -80, -50)):
        steady = steady.hear(heard(-68, at))
        jumping = jumping.hear(heard(rssi, at))
    assert chosen(steady, jumping, now=3.0) == 0


def test_failures_that_were_forgotten_do_not_come_back_with_a_new_one() -> None:
    once = Reception().hear(heard(-60)).fail(0.0)
    for _ in range(5):
        once = once.fail(0.0)
    later = once.fail(2 * FORGET_FAILURES_S)
    assert later.failures == 1


def test_after_a_silence_the_first_reading_counts_in_full() -> None:
    moved = Reception().hear(heard(-90)).hear(heard(-50, FRESH_S))
    assert moved.level_dbm == -50


def test_a_radio_that_fails_to_connect_is_passed_over_for_a_while() -> None:
    strong, weak = Reception().hear(heard(-60)), Reception().hear(heard(-75))
    failed = strong.fail(0.0)
    assert chosen(failed, weak) == 1
    assert chosen(failed.succeed(), weak) == 0
    later = FORGET_FAILURES_S
    assert chosen(failed.hear(heard(-60, later)), weak.hear(heard(-75, later)), now=later) == 0


def test_a_radio_without_a_free_connection_is_the_last_choice() -> None:
    strong, weak = Reception().hear(heard(-40)), Reception().hear(heard(-95))
    assert chosen(strong, weak, free=(False, True)) == 1
    assert chosen(strong, Reception(), free=(False, True)) == 0
