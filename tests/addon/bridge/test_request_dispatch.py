"""What the bridge says when the robot is not there, and what the status page asks of it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.build_identity import Identity
from bb8_core.manual_driving.control_owner import Pilot
from bb8_core.radio.advertisement_match import Target
from bb8_core.requests.acknowledgement import AckStatus, Outcome, silent
from bb8_core.requests.payload_parsing import Ping, Request, parse
from bb8_core.requests.thread_inbox import BROKER_QUEUE
from bb8_core.robot import commands
from bb8_core.web.status_page import Page, StopFailed

NOBODY = Target("D0:00:00:00:00:99")


@pytest.mark.parametrize(
    ("cmd", "payload"),
    [
        ("led", '{"r":1,"g":2,"b":3,"cid":"x"}'),
        ("tail", '{"brightness":9,"cid":"x"}'),
        ("heading", '{"heading":0,"cid":"x"}'),
        ("ping", '{"cid":"x"}'),
        ("power", '{"action":"sleep","cid":"x"}'),
        ("drive", '{"speed":9,"heading":0,"ms":100,"cid":"x"}'),
        ("macro", '{"name":"nod","cid":"x"}'),
        ("stabilize", '{"on":true,"cid":"x"}'),
    ],
)
def test_without_a_robot_a_command_is_refused_with_the_reason(tmp_path: Path, cmd: str, payload: str) -> None:
    async def story(rig: Rig) -> None:
        await asyncio.sleep(40)
        rig.send(cmd, payload)
        await asyncio.sleep(0.1)
        ack = rig.ears.last(cmd, "x")
        assert (ack["status"], ack["code"]) == ("rejected", "NOT_READY")
        assert "not heard" in ack["reason"]

    play(tmp_path, story, target=NOBODY)


def test_a_robot_that_does_not_come_is_reported_with_what_to_do(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.send("connect", '{"cid":"c"}')
        await asyncio.sleep(31)
        ack = rig.ears.last("connect", "c")
        assert (ack["status"], ack["code"]) == ("expired", "NOT_REACHED")
        assert "charger" in ack["reason"]

    play(tmp_path, story, target=NOBODY)


def test_a_stop_without_a_robot_claims_nothing_and_an_emergency_stop_latches(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        rig.send("stop", '{"cid":"s"}')
        rig.send("estop", '{"cid":"e"}')
        await asyncio.sleep(0.1)
        assert rig.ears.last("stop", "s")["code"] == "NOT_CONNECTED"
        assert rig.ears.last("estop", "e")["status"] == "accepted"
        assert rig.bridge.stopping.latched
        assert rig.ears.states["estop"] == {"state": "ON"}

    play(tmp_path, story, target=NOBODY)


DRIVE = '{"speed":50,"heading":9,"ms":2000}'


@pytest.mark.parametrize(
    ("moving", "rush", "latched"),
    [(True, BROKER_QUEUE, True), (False, BROKER_QUEUE, False), (True, 900, False)],
)
def test_a_rush_in_which_the_broker_may_have_lost_a_stop_latches_the_emergency_stop_of_a_moving_robot(
    tmp_path: Path, moving: bool, rush: int, latched: bool
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        if moving:
            rig.deliver("drive", DRIVE)
            await rig.until(lambda: rig.bridge.motion.state.moving)
        for _ in range(rush):
            rig.deliver("ping", "garbage")
        await asyncio.sleep(0.2)
        assert rig.bridge.stopping.latched is latched
        assert rig.bridge.motion.state.moving is (moving and not latched)
        assert any(command.is_stop for _, command in rig.motor_commands()) is latched

    play(tmp_path, story)


def test_a_rush_while_the_robot_is_still_stops_the_drive_that_came_before_it(tmp_path: Path) -> None:
    """The stop that may be lost was perhaps meant for this drive, which has not been looked at yet."""

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        for cmd, payload in (("drive", DRIVE[:-1] + ',"cid":"x"}'), ("macro", '{"name":"nod","cid":"x"}')):
            rig.deliver(cmd, payload)
            rig.loop.jumping.now += 0.001  # type: ignore[attr-defined]
            rig.bridge.stopping.rushed()
            await asyncio.sleep(0.3)
            assert rig.ears.last(cmd, "x")["code"] == "STOPPED"
        assert not rig.motor_commands()
        assert not rig.bridge.stopping.latched

    play(tmp_path, story)


def test_a_rush_that_lasts_latches_and_stops_once(tmp_path: Path) -> None:
    saves: list[object] = []

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.deliver("drive", DRIVE)
        await rig.until(lambda: rig.robot.motor.moving)
        rig.slow_wire(0.05)
        for _ in range(100):
            rig.bridge.stopping.rushed()
            await asyncio.sleep(0.0001)
        assert len(saves) == 1
        assert len(rig.bridge.motion.pump) < 10
        await asyncio.sleep(1)
        assert rig.bridge.stopping.latched
        assert not rig.robot.motor.moving

    play(tmp_path, story, save=saves.append)


def test_an_emergency_stop_that_cannot_be_saved_is_saved_as_soon_as_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(rig: Rig) -> None:
        await asyncio.sleep(0.1)
        rig.latch_file.unlink()
        rig.latch_file.mkdir()
        rig.deliver("estop")
        await asyncio.sleep(60)
        rig.latch_file.rmdir()
        await asyncio.sleep(10)
        assert json.loads(rig.latch_file.read_text()) == {"estop": True}
        written = rig.latch_file.stat().st_mtime_ns
        await asyncio.sleep(60)
        assert rig.latch_file.stat().st_mtime_ns == written
        assert len([record for record in caplog.records if "cannot save" in record.message]) == 1

    play(tmp_path, story)


def test_the_balance_is_switched_and_put_right_again_by_a_stop(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("stabilize", '{"on":false,"cid":"off"}')
        await rig.until(lambda: rig.ears.statuses_of("stabilize", "off")[-1] == "confirmed")
        rig.send("stop")
        await asyncio.sleep(0.5)
        said = [command.key for _, command in rig.commands()][-3:]
        wanted = [commands.stop(), commands.motors_off(), commands.stabilisation(1)]
        assert said == [command.key for command in wanted]

    play(tmp_path, story)


def test_heading_zero_is_the_heading_of_everything_that_follows(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("drive", '{"speed":50,"heading":90,"ms":300}')
        await asyncio.sleep(2)
        rig.send("heading", '{"heading":0,"cid":"h"}')
        await rig.until(lambda: rig.ears.statuses_of("heading", "h")[-1] == "confirmed")
        assert rig.ears.states["motion"]["heading"] == 0
        rig.send("stop")
        await asyncio.sleep(0.5)
        assert rig.last_motor().data == commands.stop(0).data

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("cmd", "payload"),
    [("drive", '{"speed":50,"heading":9,"ms":500,"cid":"x"}'), ("macro", '{"name":"nod","cid":"x"}')],
)
@pytest.mark.parametrize("state", ["released", "asleep"])
def test_a_wish_of_a_person_connects_and_wakes_the_robot_first(
    tmp_path: Path, cmd: str, payload: str, state: str
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send(*(("disconnect", "{}") if state == "released" else ("power", '{"action":"sleep"}')))
        await rig.until(lambda: rig.link.status.state.value == state)
        await asyncio.sleep(1)
        rig.send(cmd, payload)
        await rig.until(lambda: rig.ears.statuses_of(cmd, "x")[-1] == "confirmed")
        await asyncio.sleep(4)
        assert rig.last_motor().is_stop
        assert not rig.robot.motor.moving

    play(tmp_path, story)


@pytest.mark.parametrize("end", ["stop", "estop", "disconnect", "vanish", "expiry"])
def test_a_wish_that_waits_for_the_robot_is_dropped_by_a_stop_and_in_time(tmp_path: Path, end: str) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.send("disconnect")
        await rig.until(lambda: not rig.robot.connected)
        rig.robot.vanish()
        await asyncio.sleep(1)
        expiry = f',"expires_at":{time.time() + 2}' if end == "expiry" else ""
        rig.deliver("drive", f'{{"speed":50,"heading":9,"ms":500,"cid":"x"{expiry}}}')
        await asyncio.sleep(1)
        if end in {"stop", "estop", "disconnect"}:
            rig.deliver(end)
            await asyncio.sleep(0.1)
            rig.robot.in_reach = True
            rig.deliver("connect")
        await asyncio.sleep(2.5 if end == "expiry" else 10)
        code = "STOPPED" if end in {"stop", "estop", "disconnect"} else "NOT_REACHED"
        assert rig.ears.last("drive", "x")["code"] == code
        assert all(command.is_stop for _, command in rig.motor_commands())

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("cmd", "payload"),
    [("macro", {"name": "nod"}), ("return_to_start", {}), ("drive", {"speed": 50, "heading": 9, "ms": 1500})],
)
def test_what_a_page_asked_for_does_not_begin_after_it_was_closed(
    tmp_path: Path, cmd: str, payload: dict[str, Any]
) -> None:
    """A gesture waits for the robot to wake, the way home for a position, a drive for its turn."""

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        ann, heard = Pilot(1, "Ann"), list[Outcome]()
        if cmd == "macro":
            rig.send("disconnect")
            await rig.until(lambda: not rig.robot.connected)
        rig.slow_wire(0.05)
        rig.bridge.obey_page(Request("ping", Ping(), None, rig.loop.time()), ann, silent)
        await asyncio.sleep(0.01)
        request = Request(cmd, parse(cmd, payload), None, rig.loop.time())
        rig.bridge.obey_page(request, ann, heard.append)
        await asyncio.sleep(0.001)
        rig.bridge.helm.leave(ann)
        rig.send("connect")
        await asyncio.sleep(30)
        assert heard[-1].code == "STOPPED"
        assert all(command.is_stop for _, command in rig.motor_commands())

    play(tmp_path, story)


# The page runs on a loop of its own, so its robot's loop lives in a thread here.


class Stage:
    """A rig on a real loop in a thread, and the page in front of it."""

    def __init__(self, folder: Path, target: Target | None = None) -> None:
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(folder, target)))
        self._thread.start()
        assert self._ready.wait(60)

    async def _live(self, folder: Path, target: Target | None) -> None:
        self.rig = Rig(folder, target=target)
        self.loop = asyncio.get_running_loop()
        if target is None:
            await self.rig.until_ready()
        identity = Identity("1.2.3", "t" * 64, "c", "r", "3", "now")
        self.page = Page(self.rig.bridge, self.loop, identity, True, lambda: {"connected": False})
        self._ready.set()
        await self._end.wait()
        await self.rig.close()

    def ask(self, action: Callable[[Page], Coroutine[Any, Any, None]]) -> None:
        asyncio.run(action(self.page))

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(60)


def test_the_page_stops_latches_and_lifts_and_shows_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    try:
        stage.ask(lambda page: page.stop())
        assert stage.rig.last_motor().is_stop
        stage.ask(lambda page: page.estop())
        assert stage.page.snapshot()["estop"] is True
        assert stage.page.snapshot()["connection"]["state"] == "ready"
        stage.ask(lambda page: page.clear_estop())
        assert stage.page.snapshot()["estop"] is False
        assert stage.page.snapshot()["version"] == "1.2.3"
    finally:
        stage.close()


def test_the_page_reports_that_a_stop_was_not_confirmed_and_latches_all_the_same(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    try:
        stage.rig.robot.faults.silence = True
        with pytest.raises(StopFailed, match="motion is locked"):
            stage.ask(lambda page: page.estop())
        assert stage.page.snapshot()["estop"] is True
    finally:
        stage.close()


def test_the_page_latches_without_a_robot(tmp_path: Path) -> None:
    stage = Stage(tmp_path, NOBODY)
    try:
        stage.ask(lambda page: page.estop())
        with pytest.raises(StopFailed, match="not connected"):
            stage.ask(lambda page: page.stop())
        assert stage.rig.bridge.stopping.latched
    finally:
        stage.close()


def test_an_unanswered_stop_is_reported_as_such(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.silence = True
        outcome = await rig.bridge.stopping.stop_and_wait(0.05)
        assert (outcome.status, outcome.code) == (AckStatus.EXPIRED, "NO_ANSWER")

    play(tmp_path, story)
