"""Two connections carry stops: each is obeyed once it is there on either, and a late copy cuts nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.requests.refuse_or_accept import RawCommand
from bb8_core.requests.stop_deduplication import OVERTAKEN_S, REMEMBERED, TWIN_S, StopCopies

DRIVE = '{"speed":80,"heading":0,"ms":2000,"cid":"d"}'


def test_a_twin_after_its_other_copy_has_no_effect() -> None:
    twins = StopCopies()
    twins.regular("stop", b"{}", 1.0)
    assert twins.twin("stop", b"{}", 1.0 + TWIN_S) is False


def test_a_twin_that_comes_first_or_alone_stops() -> None:
    twins = StopCopies()
    assert twins.twin("stop", b"{}", 1.0) is True
    twins.regular("stop", b"{}", 1.1)
    assert twins.twin("stop", b"{}", 1.2) is True, "the first stop's copy speaks for the first twin only"


def test_each_delivery_answers_for_one_twin() -> None:
    twins = StopCopies()
    twins.regular("stop", b"{}", 1.0)
    assert [twins.twin("stop", b"{}", 1.1), twins.twin("stop", b"{}", 1.1)] == [False, True]


def test_another_payload_or_another_stop_is_not_a_copy() -> None:
    twins = StopCopies()
    twins.regular("stop", b'{"cid":1}', 1.0)
    assert twins.twin("stop", b'{"cid":2}', 1.0) is True
    assert twins.twin("estop", b'{"cid":1}', 1.0) is True
    assert twins.twin("stop", b'{"cid":1}', 1.0) is False


def test_a_late_twin_stops_but_makes_nothing_that_comes_old() -> None:
    twins = StopCopies()
    twins.regular("stop", b"{}", 1.0)
    now = 1.0 + TWIN_S + 0.1
    assert twins.twin("stop", b"{}", now) is True
    assert twins.sent_by(now) == now


def test_while_the_other_copy_is_missing_what_comes_is_older_than_the_stop() -> None:
    twins = StopCopies()
    twins.twin("stop", b"{}", 1.0)
    assert twins.sent_by(3.0) < 1.0
    twins.regular("stop", b"{}", 3.1)
    assert twins.sent_by(3.2) == 3.2


def test_a_copy_that_never_came_is_forgotten_in_time_or_with_the_connection() -> None:
    twins = StopCopies()
    twins.twin("stop", b"{}", 1.0)
    assert twins.sent_by(1.0 + OVERTAKEN_S + 0.1) == 1.0 + OVERTAKEN_S + 0.1
    twins.forget()
    assert twins.sent_by(2.0) == 2.0


def test_after_a_reconnection_no_earlier_delivery_answers_for_a_twin() -> None:
    twins = StopCopies()
    twins.regular("stop", b"{}", 1.0)
    twins.forget()
    assert twins.twin("stop", b"{}", 1.1) is True


def test_a_flood_of_stops_is_remembered_in_bounds_and_each_still_stops() -> None:
    twins = StopCopies()
    assert all(twins.twin("stop", str(n).encode(), 1.0) for n in range(3 * REMEMBERED))
    assert len(twins._ahead) == REMEMBERED


@examples(200)
@given(st.lists(st.sampled_from(["regular", "twin"]), max_size=30), st.integers(1, 3))
def test_of_every_stop_at_least_one_copy_acts_whichever_are_lost(order: list[str], payloads: int) -> None:
    """Stops act as regular copies or as twins: never are fewer obeyed than the fuller connection brought."""
    twins, seen, acted = StopCopies(), {"regular": 0, "twin": 0}, 0
    for number, which in enumerate(order):
        payload = b"%d" % (number % payloads)
        seen[which] += 1
        if which == "twin":
            acted += twins.twin("stop", payload, 1.0)
        else:
            twins.regular("stop", payload, 1.0)
            acted += 1
    assert acted >= max(seen.values())


def test_a_stop_that_the_flood_took_stops_the_robot_unasked_and_unacknowledged(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("drive", DRIVE)
        await rig.until(lambda: rig.bridge.motion.state.moving)
        rig.overtake("stop", '{"cid":"lost"}')
        await rig.until(lambda: rig.last_motor().is_stop and not rig.bridge.motion.state.moving)
        assert rig.ears.statuses_of("stop", "lost") == []
        rig.deliver("drive", '{"speed":80,"heading":0,"cid":"older"}')
        await asyncio.sleep(0.2)
        assert [body["code"] for name, body in rig.ears.acks if body["cid"] == "older"] == ["STOPPED"]
        assert rig.last_motor().is_stop

    play(tmp_path, story)


def test_the_copy_that_comes_after_all_is_acknowledged_as_ever(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.overtake("stop", '{"cid":"s"}')
        rig.deliver("stop", '{"cid":"s"}')
        rig.deliver("drive", DRIVE)
        await rig.until(lambda: rig.bridge.motion.state.moving)
        assert rig.ears.statuses_of("stop", "s")[-1] == "confirmed"

    play(tmp_path, story)


def test_a_drive_right_behind_its_stop_is_not_cut_by_the_twin(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("stop", '{"cid":"s"}')
        rig.deliver("drive", DRIVE)
        await rig.until(lambda: rig.bridge.motion.state.moving)
        rig.overtake("stop", '{"cid":"s"}')
        await asyncio.sleep(0.3)
        assert rig.bridge.motion.state.moving

    play(tmp_path, story)


def test_an_emergency_stop_that_overtook_latches_at_once(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.overtake("estop")
        await rig.until(lambda: rig.bridge.stopping.latched)
        assert rig.ears.acks == []

    play(tmp_path, story)


def test_what_is_not_a_stop_does_nothing_on_the_stops_connection(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.overtake("drive", DRIVE)
        await asyncio.sleep(0.2)
        assert not rig.bridge.stopping.latched
        assert rig.motor_commands() == []

    play(tmp_path, story)


@pytest.mark.parametrize("connection", ["regular", "fast"])
def test_a_retained_emergency_stop_is_obeyed_on_either_connection(tmp_path: Path, connection: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("drive", DRIVE)
        await rig.until(lambda: rig.robot.motor.moving)
        getattr(rig.arrivals, connection)(RawCommand("estop", b"{}", True, rig.loop.time() + 1e-6))
        await asyncio.sleep(0.2)
        assert rig.bridge.stopping.latched
        assert not rig.robot.motor.moving

    play(tmp_path, story)


def test_an_emergency_stop_behind_its_clearing_stays_latched_while_another_stops_copy_is_missing(
    tmp_path: Path,
) -> None:
    """Both counted as older than the missing copy, equally old: the clearing, which came later, won."""

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.overtake("stop", '{"cid":"lost"}')
        await asyncio.sleep(0.5)
        rig.deliver("clear_estop", '{"cid":"c"}')
        rig.deliver("estop", '{"cid":"e"}')
        await asyncio.sleep(0.5)
        assert rig.bridge.stopping.latched
        assert rig.ears.last("clear_estop", "c")["code"] == "STOPPED"

    play(tmp_path, story)
