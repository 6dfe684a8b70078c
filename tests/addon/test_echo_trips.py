"""When a trip is whole: the broker's receipt and the robot's answer in any order, once."""

from __future__ import annotations

from bb8_core.echo_trips import Trips


def test_a_trip_without_a_ping_is_whole_with_its_receipt() -> None:
    trips = Trips()
    assert trips.sent(1, 10.0) is not None
    assert trips.sent(2, 10.5) is None
    trip = trips.delivered(2, 10.6)
    assert trip is not None
    assert (trip.rtt_ms, trip.ble_ok) == (100.0, None)


def test_a_ping_that_ends_before_the_receipt_waits_for_it() -> None:
    trips = Trips()
    cid = trips.sent(1, 10.0) or ""
    assert trips.unanswered() == (cid,)
    assert trips.ping_ended(cid, True, 5.0) is None
    trip = trips.delivered(1, 10.2)
    assert trip is not None
    assert (trip.ble_ok, trip.ble_latency_ms) == (True, 5.0)


def test_a_receipt_before_the_ping_s_end_waits_for_it_and_a_second_end_is_ignored() -> None:
    trips = Trips()
    cid = trips.sent(1, 10.0) or ""
    assert trips.delivered(1, 10.1) is None
    assert trips.ping_ended(cid, False, None) is not None
    assert trips.ping_ended(cid, True, 3.0) is None
    assert trips.delivered(1, 10.3) is None


def test_the_robot_is_not_asked_twice_in_a_second_nor_while_it_has_not_answered() -> None:
    trips = Trips()
    first = trips.sent(1, 10.0) or ""
    assert trips.sent(2, 11.5) is None
    trips.ping_ended(first, True, 1.0)
    assert trips.sent(3, 11.6) not in {None, first}
    trips.ping_ended("unknown", True, 1.0)


def test_after_a_lost_connection_nothing_is_waited_for() -> None:
    trips = Trips()
    cid = trips.sent(1, 10.0) or ""
    trips.forget()
    assert trips.unanswered() == ()
    assert trips.delivered(1, 11.0) is None
    assert trips.ping_ended(cid, True, 1.0) is None
