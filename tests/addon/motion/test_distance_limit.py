"""Where the robot is: positions grow old, jumps are not trusted, and the limit looks ahead."""

from __future__ import annotations

from bb8_core.motion.distance_limit import FRESH_S, Whereabouts


def test_a_position_is_forgotten_when_it_is_old_or_the_link_is_lost() -> None:
    where = Whereabouts()
    where.moved(3, 4, 10.0)
    place = where.place(10.0 + FRESH_S)
    assert place is not None
    assert place.distance_cm == 5
    assert where.place(10.1 + FRESH_S) is None
    where.lost()
    assert where.place(10.0) is None


def test_a_jump_is_not_a_way() -> None:
    where = Whereabouts(1)
    where.moved(0, 0, 10.0)
    where.moved(0, 500, 10.1)
    assert where.must_stop(10.1)


def test_a_fast_robot_is_stopped_before_the_limit_and_one_that_comes_back_is_not() -> None:
    where = Whereabouts(2)
    where.moved(0, 150, 10.0)
    assert not where.must_stop(10.0)
    where.moved(0, 165, 10.1)
    assert where.must_stop(10.1)
    where.moved(0, 150, 10.2)
    assert not where.must_stop(10.2)


def test_without_a_limit_nothing_is_refused() -> None:
    where = Whereabouts()
    assert where.refusal(5.0) is None
    assert not where.must_stop(5.0)


def test_at_the_limit_only_the_way_home_is_allowed() -> None:
    where = Whereabouts(1)
    refused = where.refusal(5.0, homeward=True)
    assert refused is not None
    assert refused.code == "NO_POSITION"
    where.moved(0, 100, 5.0)
    assert where.refusal(5.0, homeward=True) is None
    refused = where.refusal(5.0)
    assert refused is not None
    assert refused.code == "TOO_FAR"
