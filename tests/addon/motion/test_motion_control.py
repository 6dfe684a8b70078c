"""Motion through the bytes: caps, time, stops that overtake and insist, and nothing old after a loss."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig
from tests.addon.virtual import VirtualLoop

from bb8_core.guard.guard_interface import SameFate
from bb8_core.link.connection_states import Cause, LinkState
from bb8_core.link.robot_connection import LinkConfig
from bb8_core.motion.motion_gate import Limits
from bb8_core.motion.send_queue import Kind
from bb8_core.requests.acknowledgement import LINK_LOST, STOPPED, silent
from bb8_core.robot import commands
from bb8_core.robot.gesture_steps import GESTURES
from bb8_core.simulator.packet_codec import Heard


def drive(speed: int = 100, heading: int = 90, ms: int = 1000, **more: object) -> str:
    return json.dumps({"speed": speed, "heading": heading, "ms": ms, **more})


def test_a_drive_is_confirmed_by_the_robot_and_ends_by_its_own_time(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        started = rig.loop.time()
        rig.send("drive", drive(ms=700, cid="d"))
        await asyncio.sleep(0.3)
        assert rig.ears.statuses_of("drive", "d") == ["accepted", "sent", "confirmed"]
        assert rig.ears.last("drive", "d")["rtt_ms"] >= 0
        assert rig.bridge.motion.state.moving
        await asyncio.sleep(2)
        at, last = rig.motor_commands()[-1]
        assert last.is_stop
        assert 0.699 <= at - started <= 0.8
        assert not rig.bridge.motion.state.moving

    play(tmp_path, story)


def test_speed_and_time_are_capped(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        started = rig.loop.time()
        rig.send("drive", drive(255, 10, 5000))
        await asyncio.sleep(3)
        rolls = [command for _, command in rig.motor_commands() if not command.is_stop]
        assert {roll.data[0] for roll in rolls} == {60}
        at, last = rig.motor_commands()[-1]
        assert last.is_stop
        assert at - started <= 0.6

    play(tmp_path, story, limits=Limits(60, 500, 50))


@pytest.mark.parametrize("wish", ["drive", "macro"])
@pytest.mark.parametrize("stop", ["stop", "estop"])
def test_a_stop_right_behind_a_wish_is_the_last_word(tmp_path: Path, stop: str, wish: str) -> None:
    """Stops overtake on their way to us, so the older wish comes later: it must not move the robot again."""

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        body = {"speed": 100, "heading": 5, "ms": 900, "name": "nod"}
        rig.deliver(wish, json.dumps({"cid": "old", **body}))
        rig.deliver(stop, '{"cid":"s"}')
        await asyncio.sleep(0.1)
        assert rig.ears.last(stop, "s")["status"] == "confirmed"
        assert rig.ears.last(wish, "old")["code"] == "STOPPED"
        assert all(command.is_stop for _, command in rig.motor_commands())
        assert not rig.bridge.motion.state.moving

    play(tmp_path, story)


def test_a_drive_behind_a_stop_is_driven(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("stop", "{}")
        rig.deliver("drive", drive(cid="new"))
        await asyncio.sleep(0.3)
        assert rig.ears.statuses_of("drive", "new")[-1] == "confirmed"

    play(tmp_path, story)


def test_an_emergency_stop_right_behind_its_clearing_stays_latched(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("estop")
        await asyncio.sleep(0.1)
        rig.deliver("clear_estop", '{"cid":"c"}')
        rig.deliver("estop", "{}")
        await asyncio.sleep(0.1)
        assert rig.bridge.stopping.latched
        assert rig.ears.last("clear_estop", "c")["status"] == "expired"
        rig.deliver("clear_estop", '{"cid":"d"}')
        await asyncio.sleep(0.1)
        assert not rig.bridge.stopping.latched

    play(tmp_path, story)


def test_what_waits_while_the_page_or_the_broker_stops_the_robot_does_not_move_it(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        page = lambda: rig.bridge.stopping.stop(silent, rig.loop.time())  # noqa: E731
        stops = {"broker": rig.bridge.stopping.broker_lost, "page": page}
        for cid, stop in stops.items():
            rig.deliver("drive", drive(cid=cid))
            rig.loop.jumping.now += 0.001  # type: ignore[attr-defined]
            stop()
            await asyncio.sleep(0.3)
            assert rig.ears.last("drive", cid)["code"] == "STOPPED"
            assert not rig.bridge.motion.state.moving

    play(tmp_path, story)


def test_of_many_drives_the_newest_is_driven_within_the_spacing(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        for n in range(100):
            rig.send("drive", drive(50, n, cid=n))
            await asyncio.sleep(0.01)
        sent_at = rig.loop.time()
        rig.send("drive", drive(50, 359, cid="last"))
        await rig.until(lambda: "sent" in rig.ears.statuses_of("drive", "last"), 1)
        assert rig.loop.time() - sent_at <= 0.06
        times = [at for at, command in rig.motor_commands() if not command.is_stop]
        assert min(b - a for a, b in itertools.pairwise(times)) >= 0.0499
        superseded = [body for _, body in rig.ears.acks if body.get("code") == "SUPERSEDED"]
        assert len(superseded) > 50

    play(tmp_path, story)


def test_a_stop_overtakes_everything_that_waits(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        for n in range(60):
            rig.send("heading", json.dumps({"heading": n}))
        rig.send("led", '{"r":1,"g":2,"b":3}')
        rig.send("drive", drive(cid="d"))
        await asyncio.sleep(0.2)
        rig.send("drive", drive(200, cid="late"))
        rig.send("stop", '{"cid":"s"}')
        stopped = rig.loop.time()
        await rig.until(lambda: "sent" in rig.ears.statuses_of("stop", "s"), 1)
        assert rig.loop.time() - stopped <= 0.02
        await asyncio.sleep(5)
        assert rig.last_motor().is_stop
        assert rig.ears.last("drive", "late")["code"] == "STOPPED"
        assert rig.ears.last("stop", "s")["status"] == "confirmed"

    play(tmp_path, story)


def test_an_emergency_stop_latches_over_a_restart_until_cleared(tmp_path: Path) -> None:
    async def before(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive())
        await asyncio.sleep(0.2)
        rig.send("estop", '{"cid":"e"}')
        await asyncio.sleep(0.5)
        assert rig.ears.last("estop", "e")["status"] == "confirmed"
        assert (0x02, 0x55) in [command.key for _, command in rig.commands()]
        assert rig.last_motor().is_stop

    async def after(rig: Rig) -> None:
        await rig.until_ready()
        assert rig.ears.states["estop"] == {"state": "ON"}
        rig.send("drive", drive(cid="no"))
        rig.send("macro", '{"name":"nod","cid":"no"}')
        assert rig.ears.last("drive", "no")["code"] == "ESTOP"
        assert rig.ears.last("macro", "no")["code"] == "ESTOP"
        rig.send("led", '{"r":1,"g":1,"b":1,"cid":"l"}')
        rig.send("clear_estop")
        rig.send("drive", drive(cid="yes"))
        await asyncio.sleep(0.3)
        assert rig.ears.statuses_of("led", "l")[-1] == "confirmed"
        assert rig.ears.statuses_of("drive", "yes")[-1] == "confirmed"

    play(tmp_path, before)
    play(tmp_path, after)


def test_an_emergency_stop_without_a_robot_latches_all_the_same(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.robot.vanish()
        await asyncio.sleep(30)
        rig.send("estop", '{"cid":"e"}')
        await asyncio.sleep(0.1)
        assert rig.ears.last("estop", "e")["ok"] is True
        assert json.loads(rig.latch_file.read_text()) == {"estop": True}
        rig.send("stop", '{"cid":"s"}')
        assert rig.ears.last("stop", "s")["code"] == "NOT_CONNECTED"

    play(tmp_path, story)


def test_after_a_link_loss_nothing_old_is_sent(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        for n in range(20):
            rig.send("heading", json.dumps({"heading": n, "cid": n}))
        rig.send("drive", drive(ms=2000, cid="d"))
        await asyncio.sleep(0.12)
        rig.air.drop_link(rig.robot)
        dropped = rig.loop.time()
        await asyncio.sleep(0)
        assert rig.ears.last("heading", 19)["code"] == "LINK_LOST"
        await rig.until(lambda: rig.link.connections == 2)
        await asyncio.sleep(5)
        later = [command for at, command in rig.commands() if at > dropped]
        assert later
        assert not [command for command in later if command.is_motor and not command.is_stop]
        assert not [command for command in later if command.key == (0x02, 0x01)]
        assert not rig.bridge.motion.state.moving

    play(tmp_path, story)


def test_without_a_robot_motion_is_refused_with_reason_and_remedy(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.robot.vanish()
        await asyncio.sleep(30)
        rig.send("drive", drive(cid="d"))
        ack = rig.ears.last("drive", "d")
        assert (ack["ok"], ack["code"]) == (False, "NOT_READY")
        assert "charger" in ack["reason"]

    play(tmp_path, story)


def test_a_lost_broker_stops_a_moving_robot(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        rig.bridge.stopping.broker_lost()
        await asyncio.sleep(0.1)
        assert rig.last_motor().is_stop
        assert rig.loop.time() - rig.motor_commands()[-1][0] == pytest.approx(0.1)

    play(tmp_path, story)


def test_a_stop_that_stays_unanswered_is_repeated_and_at_last_cuts_the_link(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        rig.robot.faults.silence = True
        start = len(rig.motor_commands())
        rig.send("stop", '{"cid":"s"}')
        await rig.until(lambda: rig.link.status.state is not LinkState.READY, 5)
        stops = [command for _, command in rig.motor_commands()[start:] if command.is_stop]
        assert len(stops) == 4
        assert rig.link.status.cause is Cause.STOP_UNANSWERED
        assert rig.ears.last("stop", "s")["status"] == "expired"
        assert not rig.robot.connected

    play(tmp_path, story)


@pytest.mark.parametrize("hangs", ["a write before it", "its own write"])
def test_a_stop_that_cannot_be_written_cuts_the_link(tmp_path: Path, hangs: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        rig.slow_wire(60)
        if hangs == "a write before it":
            rig.send("led", '{"r":1,"g":2,"b":3}')
            await asyncio.sleep(0.1)
        asked = rig.loop.time()
        rig.send("stop", '{"cid":"s"}')
        await rig.until(lambda: not rig.robot.connected, 5)
        assert rig.loop.time() - asked < 1.05
        assert rig.link.status.cause is Cause.STOP_UNANSWERED
        assert rig.ears.last("stop", "s")["reason"] == LINK_LOST.reason

    play(tmp_path, story)


def test_a_stop_that_waited_while_the_process_stood_still_is_written_and_the_link_stays(
    tmp_path: Path,
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        rig.send("stop", '{"cid":"s"}')
        assert isinstance(rig.loop, VirtualLoop)
        rig.loop.jumping.now += 1.5
        await asyncio.sleep(0.5)
        assert rig.ears.last("stop", "s")["status"] == "confirmed"
        assert rig.link.losses == 0

    play(tmp_path, story)


def test_a_stop_whose_write_is_lost_is_written_again(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        rig.robot.faults.lost_write = 1.0
        rig.send("stop", '{"cid":"s"}')
        await asyncio.sleep(0.1)
        rig.robot.faults.lost_write = 0.0
        assert rig.robot.motor.moving
        await asyncio.sleep(0.2)
        assert not rig.robot.motor.moving
        assert rig.ears.last("stop", "s")["status"] == "confirmed"
        assert rig.link.losses == 0

    play(tmp_path, story)


class Told(SameFate):
    """Notes whether the robot counts as moving."""

    moves = False

    def moving(self, moves: bool) -> None:
        self.moves = moves


@pytest.mark.parametrize("fault", ["lost_write", "silence"])
def test_the_guard_counts_on_a_moving_robot_until_a_stop_is_answered(tmp_path: Path, fault: str) -> None:
    """A stop that was only written may be lost: a bridge that froze then left the robot moving."""
    guard = Told()

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        setattr(rig.robot.faults, fault, True)
        rig.send("stop")
        await asyncio.sleep(0.1)
        assert not rig.bridge.motion.state.moving
        assert guard.moves
        setattr(rig.robot.faults, fault, False)
        await asyncio.sleep(0.5)
        assert not guard.moves

    play(tmp_path, story, guard=guard)


def test_a_drive_that_waits_is_not_sent_after_the_guard_is_lost(tmp_path: Path) -> None:
    """As seed 104004465 of the stop stories: it was written 0.28 s later, and stopped by the next pulse."""
    guard = SameFate()

    async def story(rig: Rig) -> None:
        rig.robot.faults.refused = frozenset({(0x02, 0x34), (0x02, 0x36)})
        await rig.until_ready()
        await asyncio.sleep(5)
        rig.slow_wire(0.3)
        rig.send("led", '{"r":1,"g":2,"b":3}')
        await asyncio.sleep(0.01)
        rig.send("drive", drive(ms=1000, cid="d"))
        assert rig.bridge.motion.pump.waiting(Kind.DRIVE)
        guard.armed = False
        await asyncio.sleep(2)
        assert rig.ears.last("drive", "d")["code"] == STOPPED.code
        assert [command for _, command in rig.motor_commands() if not command.is_stop] == []

    play(tmp_path, story, guard=guard)


def test_one_answered_stop_does_not_answer_for_another(tmp_path: Path) -> None:
    guard = Told()

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.bridge.motion.balance_changed(on=False)
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.2)
        rig.slow_wire(0.05)
        rig.send("stop", '{"cid":"s"}')
        await rig.until(lambda: rig.ears.statuses_of("stop", "s")[-1] == "confirmed")
        rig.robot.faults.lost_write = 1.0
        await asyncio.sleep(0.2)
        assert guard.moves
        rig.robot.faults.lost_write = 0.0
        await asyncio.sleep(0.5)
        assert not guard.moves
        assert rig.link.losses == 0

    play(tmp_path, story, guard=guard)


def test_a_long_drive_is_sent_again_so_that_the_firmware_does_not_end_it(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        started = rig.loop.time()
        rig.send("drive", drive(ms=5000))
        await asyncio.sleep(6)
        times = [at for at, c in rig.motor_commands() if c.is_motor and not c.is_stop]
        assert max(b - a for a, b in itertools.pairwise(times)) < 0.9
        at, last = rig.motor_commands()[-1]
        assert last.is_stop
        assert 4.999 <= at - started <= 5.1

    play(tmp_path, story, limits=Limits(180, 5000, 50))


@pytest.mark.parametrize("name", sorted(GESTURES))
def test_a_gesture_runs_to_its_stop_and_is_confirmed(tmp_path: Path, name: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("macro", json.dumps({"name": name, "cid": "m"}))
        await rig.until(lambda: rig.ears.statuses_of("macro", "m")[-1] == "confirmed", 60)
        assert [c for _, c in rig.motor_commands() if not c.is_stop]
        assert rig.last_motor().is_stop
        assert not rig.bridge.motion.state.moving

    play(tmp_path, story)


@pytest.mark.parametrize("name", ["nod", "dance"])
def test_a_gesture_of_which_only_the_stop_was_answered_is_not_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        real = rig.robot.processor.carry_out
        lost = GESTURES[name].steps[0].command.key
        stop = commands.stop().data[0]

        def carry_out(heard: Heard) -> None:
            if heard.key != lost or (heard.key == commands.stop().key and heard.data[0] == stop):
                real(heard)

        monkeypatch.setattr(rig.robot.processor, "carry_out", carry_out)
        rig.send("macro", json.dumps({"name": name, "cid": "m"}))
        await asyncio.sleep(10)
        assert rig.ears.statuses_of("macro", "m") == ["accepted", "sent", "expired"]
        assert rig.ears.last("macro", "m")["code"] == "NO_ANSWER"
        assert rig.last_motor().is_stop

    play(tmp_path, story)


def test_a_gesture_whose_last_step_is_refused_after_its_stop_was_written_is_not_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        real = rig.robot.processor._outcome

        def refuse_balancing(heard: Heard) -> tuple[int, bytes]:
            return (8, b"") if heard.key == commands.stabilisation(1).key else real(heard)

        monkeypatch.setattr(rig.robot.processor, "_outcome", refuse_balancing)
        rig.robot.faults.delay_ms = 200
        rig.send("macro", '{"name":"nod","cid":"m"}')
        await asyncio.sleep(5)
        assert rig.ears.statuses_of("macro", "m") == ["accepted", "sent", "rejected"]
        assert rig.ears.last("macro", "m")["code"] == "ROBOT_EXECUTION_FAILED"

    play(tmp_path, story)


def test_a_stop_cuts_a_gesture(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("macro", '{"name":"dance","cid":"m"}')
        await asyncio.sleep(0.15)
        rig.send("stop", '{"cid":"s"}')
        await asyncio.sleep(5)
        assert rig.ears.last("macro", "m")["code"] == "STOPPED"
        assert rig.last_motor().is_stop
        assert rig.loop.time() - rig.motor_commands()[-1][0] > 4

    play(tmp_path, story)


def test_a_drive_takes_over_from_a_gesture(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("macro", '{"name":"dance","cid":"m"}')
        await asyncio.sleep(0.15)
        rig.send("drive", drive(33, 7, 300, cid="d"))
        await asyncio.sleep(2)
        assert rig.ears.last("macro", "m")["status"] == "expired"
        assert rig.ears.statuses_of("drive", "d")[-1] == "confirmed"
        assert rig.last_motor().is_stop

    play(tmp_path, story)


def test_a_drive_of_no_time_is_a_stop(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=0, cid="d"))
        await asyncio.sleep(0.2)
        assert all(command.is_stop for _, command in rig.motor_commands())
        assert rig.ears.statuses_of("drive", "d")[-1] == "confirmed"

    play(tmp_path, story)


def test_the_speed_cap_can_be_lowered_but_not_raised_over_the_option(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("speed_cap", '{"value":20,"cid":1}')
        rig.send("speed_cap", '{"value":200,"cid":2}')
        assert rig.ears.last("speed_cap", 1)["ok"] is True
        assert rig.ears.last("speed_cap", 2)["ok"] is False
        assert rig.ears.states["speed_cap"] == {"value": 20}
        rig.send("drive", drive(200))
        await asyncio.sleep(0.1)
        assert rig.last_motor().data[0] == 20

    play(tmp_path, story)


def test_a_light_connects_a_released_robot_first(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("disconnect")
        await rig.until(lambda: rig.link.status.state is LinkState.RELEASED)
        rig.send("ping", '{"cid":"p"}')
        assert rig.ears.last("ping", "p")["code"] == "NOT_READY"
        await asyncio.sleep(30)
        assert rig.link.status.state is LinkState.RELEASED
        rig.send("led", '{"state":"ON","color":{"r":255,"g":0,"b":0},"brightness":128,"cid":"l"}')
        await rig.until(lambda: rig.ears.statuses_of("led", "l")[-1] == "confirmed", 30)
        assert rig.ears.states["led"]["r"] == 128
        assert rig.ears.states["led"]["brightness"] == 128

    play(tmp_path, story, config=LinkConfig(keep_connected=True))


def test_sleep_stops_confirms_and_leaves_the_robot_alone(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(0.1)
        rig.send("power", '{"action":"sleep","cid":"z"}')
        await rig.until(lambda: rig.link.status.state is LinkState.ASLEEP)
        assert rig.ears.statuses_of("power", "z")[-1] == "confirmed"
        assert rig.last_motor().is_stop
        await asyncio.sleep(60)
        assert rig.link.connections == 1

    play(tmp_path, story)


def test_the_lights_of_a_robot_that_fell_asleep_by_itself_are_off(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("led", '{"r":255,"g":0,"b":0}')
        rig.send("tail", '{"brightness":200}')
        await rig.until(lambda: rig.ears.states["tail"]["state"] == rig.ears.states["led"]["state"] == "ON")
        rig.robot.processor.fall_asleep()
        await rig.until(lambda: rig.link.status.state is LinkState.ASLEEP)
        assert rig.ears.states["led"]["state"] == rig.ears.states["tail"]["state"] == "OFF"

    play(tmp_path, story)


def stream_of_drives(rig: Rig) -> asyncio.Task[None]:
    async def stream() -> None:
        while True:
            rig.deliver("drive", drive(cid="d"))
            await asyncio.sleep(0.02)

    return asyncio.create_task(stream())


def test_after_the_last_stop_before_the_end_nothing_is_driven(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.delay_ms = 90
        stream = stream_of_drives(rig)
        await rig.until(lambda: rig.robot.motor.moving)
        ended = rig.loop.time()
        await rig.bridge.end(0.8)
        await asyncio.sleep(1)
        stream.cancel()
        assert rig.ears.last("drive", "d")["code"] == "PARTING"
        assert all(command.is_stop for at, command in rig.motor_commands() if at > ended)

    play(tmp_path, story)


def test_a_robot_that_starts_up_gets_its_last_stop_but_its_answer_is_not_waited_for(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until(lambda: rig.link.channel.woken_at < rig.loop.time() - 0.35)
        assert not rig.link.channel.heard
        sent = rig.link.packets.ring.count
        began = rig.loop.time()
        await rig.bridge.end(0.8)
        assert rig.loop.time() - began < 0.1
        names = [packet.name for _, packet in rig.link.packets.ring.since(sent)]
        assert names, names

    play(tmp_path, story)


def test_the_last_stop_of_an_awake_robot_is_answered_even_if_nothing_was_before(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.air.silent = True
        rig.robot.processor.wake()
        await asyncio.sleep(1)
        rig.robot.tick()
        rig.robot.faults.delay_ms = 150
        rig.air.silent = False
        await rig.until(lambda: rig.link.channel.open)
        assert not rig.link.channel.heard
        await rig.bridge.end(0.8)
        assert rig.motor_commands()[-1][1].is_stop
        assert rig.link.channel.heard

    play(tmp_path, story)


def test_a_robot_that_is_let_go_is_not_driven_after_its_stop_but_again_once_it_is_back(
    tmp_path: Path,
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.delay_ms = 90
        stream = stream_of_drives(rig)
        await rig.until(lambda: rig.robot.motor.moving)
        await asyncio.sleep(0.05)
        asked = rig.loop.time()
        rig.deliver("disconnect")
        await rig.until(lambda: rig.link.status.state is LinkState.RELEASED)
        assert rig.motor_commands()[-1][0] >= asked
        assert all(command.is_stop for at, command in rig.motor_commands() if at > asked)
        rig.deliver("connect")
        await rig.until(lambda: rig.robot.motor.moving)
        stream.cancel()

    play(tmp_path, story)


def test_what_the_robot_refuses_is_rejected_with_its_own_code(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.silence = True
        rig.send("ping", '{"cid":"p"}')
        await asyncio.sleep(3)
        assert rig.ears.last("ping", "p")["code"] == "NO_ANSWER"
        assert rig.ears.statuses_of("ping", "p") == ["accepted", "sent", "expired"]

    play(tmp_path, story)


@pytest.mark.parametrize("delay_ms", [260, 400, 2000])
def test_a_robot_that_answers_late_is_usable(tmp_path: Path, delay_ms: int) -> None:
    """An answer to any try counts: once the handshake gave up, and each drive ended by cutting the link."""

    async def story(rig: Rig) -> None:
        rig.robot.faults.delay_ms = delay_ms
        await rig.until_ready()
        for cid in "ab":
            rig.send("drive", drive(ms=600, cid=cid))
            await asyncio.sleep(8)
            assert rig.ears.statuses_of("drive", cid)[-1] == "confirmed"
            assert rig.last_motor().is_stop
        rig.send("macro", '{"name":"nod","cid":"m"}')
        await rig.until(lambda: rig.ears.statuses_of("macro", "m")[-1] == "confirmed", 20)
        rig.send("led", '{"r":1,"g":2,"b":3,"cid":"l"}')
        await rig.until(lambda: rig.ears.statuses_of("led", "l")[-1] == "confirmed", 20)
        assert rig.link.losses == 0

    play(tmp_path, story)


def test_a_drive_is_not_repeated_while_it_is_unanswered(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.delay_ms = 1200
        rig.send("drive", drive(ms=2000))
        await asyncio.sleep(1.1)
        assert len([c for _, c in rig.motor_commands() if not c.is_stop]) == 1
        await asyncio.sleep(5)
        assert rig.link.losses == 0

    play(tmp_path, story)


def test_a_stream_of_drives_queues_at_most_three_in_a_slow_robot(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.delay_ms = 1500
        for heading in range(20):
            rig.send("drive", drive(heading=heading, ms=2000))
            await asyncio.sleep(0.06)
        assert len([c for _, c in rig.motor_commands() if not c.is_stop]) == 3

    play(tmp_path, story)


@pytest.mark.parametrize("cmd", ["stop", "estop"])
def test_one_write_serves_all_who_ask_for_a_stop_meanwhile(tmp_path: Path, cmd: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await asyncio.sleep(1)
        rig.slow_wire(0.03)
        rig.send("drive", drive(ms=2000))
        await rig.until(lambda: rig.robot.motor.moving)
        before = len(rig.frames())
        for number in range(300):
            rig.deliver(cmd, json.dumps({"cid": number}))
        rig.send("led", '{"r":1,"g":2,"b":3,"cid":"l"}')
        await rig.until(
            lambda: len([a for n, a in rig.ears.acks if a["status"] == "confirmed" and n == cmd]) == 300
        )
        await rig.until(lambda: rig.ears.statuses_of("led", "l")[-1] == "confirmed", 2)
        assert len(rig.frames()) - before < 25
        assert not rig.robot.motor.moving

    play(tmp_path, story)


def test_a_stop_that_is_still_unanswered_does_not_end_a_newer_drive(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.delay_ms = 1000
        rig.send("stop")
        await asyncio.sleep(0.1)
        rig.send("drive", drive(ms=800))
        await asyncio.sleep(0.5)
        assert rig.robot.motor.moving

    play(tmp_path, story)
