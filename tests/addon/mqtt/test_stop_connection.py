"""The second connection: made after the first, given up where the broker takes both for one."""

from __future__ import annotations

import pytest

from bb8_core.mqtt.stop_connection import COLLISION_S, StopConnection


class Connection:
    """Says what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def start(self) -> None:
        self.asked.append("start")

    def leave(self) -> None:
        self.asked.append("leave")


def test_it_starts_once_and_only_when_the_first_is_up() -> None:
    connection = Connection()
    stops = StopConnection(connection)
    stops.leave()
    assert connection.asked == []
    stops.first_up()
    stops.first_up()
    stops.leave()
    assert connection.asked == ["start", "leave"]


@pytest.mark.parametrize(("up", "ended"), [(10.0, 10.1), (10.1, 10.0)], ids=["up first", "ended first"])
def test_a_first_connection_that_ends_with_the_start_of_the_second_collides_with_it(
    up: float, ended: float
) -> None:
    stops = StopConnection(Connection())
    stops.first_ended(ended)
    assert not stops.collides
    stops.up(up)
    assert stops.collides


def test_a_broker_that_went_and_came_back_is_not_a_collision() -> None:
    stops = StopConnection(Connection())
    stops.up(1.0)
    stops.first_ended(50.0)
    stops.up(50.0 + 2 * COLLISION_S)
    assert not stops.collides


def test_a_reason_is_logged_once_until_the_connection_was_up(caplog: pytest.LogCaptureFixture) -> None:
    stops = StopConnection(Connection())
    for _ in range(3):
        stops.down("refused")
    assert len(caplog.records) == 1
    stops.up(1.0)
    stops.down("refused")
    assert len(caplog.records) == 2


def test_giving_up_reports_why_and_leaves(caplog: pytest.LogCaptureFixture) -> None:
    connection = Connection()
    stops = StopConnection(connection)
    stops.first_up()
    stops.give_up()
    assert connection.asked[-1] == "leave"
    assert "use_username_as_clientid" in caplog.text
