"""The link on a simulated robot: handshake order, healing, sleep, idleness, and a reason for every state."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.client import BaseBleakClient
from bleak.backends.service import BleakGATTServiceCollection
from bleak.exc import BleakDBusError, BleakError
from bleak_retry_connector import BleakClientWithServiceCache
from tests.addon.link.stories import play
from tests.addon.rig import Rig

from bb8_core.guard.guard_interface import SameFate
from bb8_core.link.after_connect import Wishes
from bb8_core.link.connection_states import Cause, LinkState, explain
from bb8_core.link.radio_interface import AnswerTimeout, LinkError, Peer, Sighting
from bb8_core.link.robot_connection import LinkConfig
from bb8_core.radio.advertisement_match import Target
from bb8_core.robot import commands


def names(rig: Rig) -> list[tuple[int, int]]:
    return [command.key for _, command in rig.commands()]


def test_the_handshake_pings_arms_the_stops_and_writes_flash_once(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        said = names(rig)
        assert said[0] == (0x00, 0x01)
        assert said.index((0x02, 0x37)) < said.index((0x00, 0x02))
        assert said.count((0x02, 0x35)) == 1
        readiness = rig.link.readiness
        assert readiness is not None
        assert readiness.stop_on_disconnect
        assert readiness.motion_timeout_ms == 1000
        assert readiness.firmware
        rig.air.drop_link(rig.robot)
        await rig.until(lambda: rig.link.connections == 2)
        assert names(rig).count((0x02, 0x35)) == 1

    play(tmp_path, story)


def test_flash_is_not_written_where_the_option_forbids_it(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        assert (0x02, 0x35) not in names(rig)
        assert rig.link.readiness is not None
        assert rig.link.readiness.motion_timeout_ms == 0
        assert rig.link.readiness.stop_on_disconnect

    play(tmp_path, story, config=LinkConfig(True, wishes=Wishes(motion_timeout=False)))


def test_a_lost_link_heals_and_reports_it(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        for count in range(2, 22):
            rig.air.drop_link(rig.robot)
            await rig.until(lambda: rig.link.status.state is LinkState.LOST)
            assert rig.link.status.reason
            await rig.until(lambda n=count: rig.link.connections == n and rig.link.ready)
        assert rig.link.losses == 20

    play(tmp_path, story)


def test_a_client_whose_link_broke_is_closed_before_the_next_one_connects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BlueZ serves a client until it is closed: each loss would add one more copy of every notification."""

    async def story(rig: Rig) -> None:
        backends = rig.radio._backends
        assert backends is not None
        calls: list[tuple[str, int]] = []
        for name in ("connect", "disconnect"):
            monkeypatch.setattr(backends.client, name, noted(name, getattr(backends.client, name), calls))
        await rig.until_ready()
        for count in (2, 3, 4):
            rig.air.drop_link(rig.robot)
            await rig.until(lambda n=count: rig.link.connections == n and rig.link.ready)
        clients = [client for name, client in calls if name == "connect"]
        assert len(set(clients)) == 4
        open_now: set[int] = set()
        for name, client in calls:
            (open_now.add if name == "connect" else open_now.discard)(client)
            assert len(open_now) <= 1

    def noted(name: str, real: Any, calls: list[tuple[str, int]]) -> Any:
        async def call(self: BaseBleakClient, *arguments: Any, **more: Any) -> Any:
            calls.append((name, id(self)))
            kept.append(self)
            return await real(self, *arguments, **more)

        return call

    kept: list[BaseBleakClient] = []
    play(tmp_path, story)


def test_a_waiting_request_fails_at_once_when_the_link_drops(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.silence = True
        waiting = await rig.link.channel.send(commands.ping(), 30.0)
        rig.air.drop_link(rig.robot)
        before = rig.loop.time()
        with pytest.raises(LinkError):
            await waiting
        assert rig.loop.time() - before < 0.5

    play(tmp_path, story)


def test_a_request_that_waited_for_the_wire_of_an_ended_link_is_not_sent_on_the_next(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        async with rig.link.channel.turn(lambda: False):
            waiting = asyncio.ensure_future(rig.link.channel.request(commands.set_heading(7)))
            await asyncio.sleep(0.01)
            rig.air.drop_link(rig.robot)
            await rig.until(lambda: not rig.link.channel.open)
            await rig.until(lambda: rig.link.channel.open)
        with pytest.raises(LinkError):
            await waiting
        await rig.until_ready()
        assert commands.set_heading(7).key not in names(rig)

    play(tmp_path, story)


def test_a_write_that_fails_after_its_link_ended_leaves_the_next_link_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        backends = rig.radio._backends
        assert backends is not None
        real = backends.client.write_gatt_char

        async def hang(self: BaseBleakClient, *_: Any, **__: Any) -> None:
            monkeypatch.setattr(backends.client, "write_gatt_char", real)
            await asyncio.sleep(100)

        monkeypatch.setattr(backends.client, "write_gatt_char", hang)
        hanging = asyncio.ensure_future(rig.link.channel.request(commands.ping()))
        await asyncio.sleep(0.01)
        rig.air.drop_link(rig.robot)
        with pytest.raises(LinkError):
            await hanging
        await rig.until_ready()
        told = [value["reason"] for key, value in rig.ears.history if key == "connection"]
        assert explain(Cause.DROPPED).reason in told
        assert explain(Cause.WRITE_FAILED).reason not in told

    play(tmp_path, story)


def test_a_link_that_breaks_in_the_moment_of_connecting_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bleak forgets the services with the link, and reports it with an error of its own."""

    async def story(rig: Rig) -> None:
        backends = rig.radio._backends
        assert backends is not None
        real = backends.client.connect
        tries = []

        async def connect(self: BaseBleakClient, pair: bool, **more: object) -> None:
            await real(self, pair, **more)
            tries.append(self.address)
            if len(tries) == 1:
                rig.air.drop_link(rig.robot)

        monkeypatch.setattr(backends.client, "connect", connect)
        await rig.until_ready()
        assert len(tries) == 2

    play(tmp_path, story)


def test_all_who_ask_at_the_same_time_whether_the_robot_is_there_share_one_ping(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        before = len(rig.frames())
        await asyncio.gather(*(rig.link.channel.probe() for _ in range(50)))
        assert len(rig.frames()) == before + 1
        rig.robot.faults.silence = True
        outcomes = await asyncio.gather(*(rig.link.channel.probe() for _ in range(3)), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [AnswerTimeout] * 3

    play(tmp_path, story)


def test_an_unanswered_request_times_out_and_a_late_answer_does_no_harm(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.delay_ms = 1500
        with pytest.raises(AnswerTimeout):
            await rig.link.channel.request(commands.ping(), 1.0)
        rig.robot.faults.delay_ms = 0
        await asyncio.sleep(2)
        assert (await rig.link.channel.request(commands.ping(), 1.0)).ok
        assert rig.link.counters["late_answers"] >= 1

    play(tmp_path, story)


def test_a_robot_that_vanishes_is_absent_with_a_remedy_and_returns(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.vanish()
        await rig.until(lambda: rig.link.status.state is LinkState.ABSENT, 120)
        assert rig.link.status.cause is Cause.SILENT
        assert rig.link.status.remedy
        rig.robot.in_reach = True
        await rig.until(lambda: rig.link.ready, 120)

    play(tmp_path, story)


def test_a_robot_never_heard_is_absent(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until(lambda: rig.link.status.cause is Cause.NEVER_SEEN, 120)
        assert "robot_address" in rig.link.status.remedy

    play(tmp_path, story, target=Target("D0:00:00:00:00:99"))


def test_an_adapter_that_is_off_is_named_and_healed(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.air.adapter_on = False
        await rig.until(lambda: rig.link.status.state is LinkState.ADAPTER_OFF, 120)
        assert "hci7" in rig.link.status.reason
        rig.air.adapter_on = True
        await rig.until(lambda: rig.link.ready, 120)

    play(tmp_path, story, config=LinkConfig(True, adapter="hci7"))


def test_an_idle_link_is_released_and_taken_up_on_demand(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        ready_at = rig.loop.time()
        await rig.until(lambda: rig.link.status.state is LinkState.RELEASED, 200, every_s=1.0)
        assert 110 < rig.loop.time() - ready_at < 130
        await asyncio.sleep(300)
        assert rig.link.connections == 1
        rig.link.want()
        await rig.until_ready()

    play(tmp_path, story, config=LinkConfig(keep_connected=False, idle_disconnect_s=120))


def test_probes_keep_a_kept_link_alive_but_let_the_robot_sleep(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        start = len(rig.commands())
        await asyncio.sleep(300)
        later = [command for _, command in rig.commands()[start + 4 :]]
        assert later
        assert all(not command.reset_timer for command in later)

    play(tmp_path, story)


def test_a_robot_that_fell_asleep_is_left_asleep_until_it_is_wanted(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await rig.until(lambda: rig.link.status.state is LinkState.ASLEEP, 900, every_s=0.1)
        kinds = [event["event_type"] for event in rig.ears.events]
        assert "falling_asleep" in kinds
        await asyncio.sleep(120)
        assert rig.link.status.state is LinkState.ASLEEP
        rig.send("power", '{"action":"wake","cid":1}')
        await rig.until_ready()
        await rig.until(lambda: rig.ears.statuses_of("power", 1)[-1] == "confirmed")

    play(tmp_path, story)


def test_a_write_that_fails_because_the_robot_fell_asleep_is_not_a_loss(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()

        def warned() -> bool:
            return "falling_asleep" in [event["event_type"] for event in rig.ears.events]

        await rig.until(warned, 900, every_s=0.2)
        rig.link.cut(Cause.WRITE_FAILED)
        await rig.until(lambda: not rig.link.channel.open)
        await asyncio.sleep(30)
        assert rig.link.status.cause is Cause.SLEEP_REPORTED
        assert (rig.link.connections, rig.link.losses) == (1, 0)

    play(tmp_path, story)


def test_a_link_that_breaks_after_the_robot_was_woken_is_taken_up_again(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await rig.until(lambda: rig.link.status.state is LinkState.ASLEEP, 900, every_s=0.2)
        rig.link.want()
        await rig.until_ready()
        rig.air.drop_link(rig.robot)
        await rig.until(lambda: rig.link.connections == 3 and rig.link.ready)

    play(tmp_path, story)


@pytest.mark.parametrize("pause_s", [0.0, 0.001])
def test_letting_the_robot_go_while_its_link_breaks_is_remembered(tmp_path: Path, pause_s: float) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.link.cut(Cause.WRITE_FAILED)
        await asyncio.sleep(pause_s)
        rig.link.release(Cause.USER)
        await asyncio.sleep(60)
        assert rig.link.status.cause is Cause.USER
        assert rig.link.connections == 1

    play(tmp_path, story)


def test_a_silent_robot_is_dropped_and_tried_again(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.faults.silence = True
        await rig.until(lambda: rig.link.status.cause is Cause.NO_ANSWER, 120)
        rig.robot.faults.silence = False
        await rig.until(lambda: rig.link.ready, 120)

    play(tmp_path, story)


def test_closing_lets_the_robot_go(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        await rig.close()
        assert not rig.robot.connected
        assert rig.link.status.cause is Cause.SHUTDOWN

    play(tmp_path, story)


def test_an_adapter_switched_off_while_the_robot_is_away_is_noticed(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.vanish()
        await asyncio.sleep(3)
        rig.air.adapter_on = False
        await rig.until(lambda: rig.link.status.state is LinkState.ADAPTER_OFF, 60)

    play(tmp_path, story)


def test_an_outdated_service_list_is_cleared_once_and_then_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[str] = []

    async def clear_cache(self: BleakClientWithServiceCache) -> bool:
        cleared.append(self.address)
        return True

    monkeypatch.setattr(BleakClientWithServiceCache, "clear_cache", clear_cache)

    async def story(rig: Rig) -> None:
        backends = rig.radio._backends
        assert backends is not None
        real = backends.client.connect
        tries = []

        async def connect(self: BaseBleakClient, pair: bool, **more: object) -> None:
            await real(self, pair, **more)
            tries.append(self.address)
            if len(tries) == 1:
                self.services = BleakGATTServiceCollection()

        monkeypatch.setattr(backends.client, "connect", connect)
        await rig.until_ready()
        assert cleared == tries[:1]
        assert len(tries) == 2

    play(tmp_path, story)


def test_a_device_that_never_has_the_services_is_not_a_bb8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rig: Rig) -> None:
        backends = rig.radio._backends
        assert backends is not None
        real = backends.client.connect

        async def connect(self: BaseBleakClient, pair: bool, **more: object) -> None:
            await real(self, pair, **more)
            self.services = BleakGATTServiceCollection()

        monkeypatch.setattr(backends.client, "connect", connect)
        await rig.until(lambda: rig.link.status.cause is Cause.NOT_A_BB8, 60)
        assert rig.frames() == []

    play(tmp_path, story)


def test_a_busy_radio_is_given_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rig: Rig) -> None:
        backends = rig.radio._backends
        assert backends is not None
        tries: list[float] = []

        async def connect(self: BaseBleakClient, pair: bool, **more: object) -> None:
            tries.append(rig.loop.time())
            raise BleakDBusError("org.bluez.Error.InProgress", ["Operation already in progress"])

        monkeypatch.setattr(backends.client, "connect", connect)
        await rig.until(lambda: rig.link.status.cause is Cause.RADIO_BUSY, 60)
        await asyncio.sleep(60)
        assert len(tries) < 20

    play(tmp_path, story)


def test_a_write_that_is_cancelled_as_the_link_drops_leaves_the_stops_working(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pump's task once ended in silence: no stop reached the wire any more, and the state said ready."""

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        backends = rig.radio._backends
        assert backends is not None
        real = backends.client.write_gatt_char

        async def cancelled(self: BaseBleakClient, *_: Any, **__: Any) -> None:
            monkeypatch.setattr(backends.client, "write_gatt_char", real)
            pending = asyncio.get_running_loop().create_future()
            rig.loop.call_later(0.05, pending.cancel)
            rig.loop.call_later(0.05, rig.air.drop_link, rig.robot)
            await pending

        monkeypatch.setattr(backends.client, "write_gatt_char", cancelled)
        rig.send("led", '{"r":1,"g":2,"b":3,"cid":"l"}')
        await rig.until(lambda: rig.link.connections == 2 and rig.link.ready)
        assert rig.ears.last("led", "l")["code"] == "LINK_LOST"
        rig.send("stop", '{"cid":"s"}')
        await asyncio.sleep(0.5)
        assert rig.ears.last("stop", "s")["status"] == "confirmed"

    play(tmp_path, story)


def test_a_disconnect_while_connecting_is_carried_out_at_once(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until(lambda: rig.link.search.sighting is not None)
        rig.air.silent = True
        await rig.until(lambda: rig.link.status.state is LinkState.CONNECTING)
        before = rig.loop.time()
        rig.send("disconnect", '{"cid":"d"}')
        await rig.until(lambda: rig.link.status.cause is Cause.USER, 1)
        assert rig.loop.time() - before < 0.1
        rig.air.silent = False
        await asyncio.sleep(30)
        assert rig.link.status.cause is Cause.USER
        assert not rig.robot.connected

    play(tmp_path, story)


def test_a_disconnect_while_the_scan_ends_is_carried_out(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        stop = rig.link._radio.stop_scan

        async def slow() -> None:
            await asyncio.sleep(2)
            await stop()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rig.link._radio, "stop_scan", slow)
            await rig.until(lambda: rig.link.status.cause is Cause.FOUND)
            rig.send("disconnect", '{"cid":"d"}')
            await asyncio.sleep(30)
        assert rig.link.status.cause is Cause.USER
        assert not rig.robot.connected

    play(tmp_path, story)


def test_a_connect_restarts_a_scanner_that_became_deaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of the host's Bluetooth service: the scanner seems to run and hears nothing."""

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        rig.robot.vanish()
        await asyncio.sleep(17)
        scanner = rig.radio._scan._scanner
        assert scanner is not None
        backend = scanner._backend  # type: ignore[attr-defined]
        backend._timer.cancel()
        rig.robot.in_reach = True
        await asyncio.sleep(5)
        assert not rig.link.ready
        before = rig.loop.time()
        rig.send("connect")
        await rig.until_ready()
        assert rig.loop.time() - before < 3

    play(tmp_path, story)


def test_a_characteristic_that_is_listed_twice_clears_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared: list[str] = []
    real = BleakGATTServiceCollection.get_characteristic

    def twice(self: BleakGATTServiceCollection, uuid: Any) -> Any:
        if not cleared:
            raise BleakError("Multiple Characteristics with this UUID, refer to your desired one by handle")
        return real(self, uuid)

    async def clear(self: BleakClientWithServiceCache) -> bool:
        cleared.append(self.address)
        return True

    monkeypatch.setattr(BleakGATTServiceCollection, "get_characteristic", twice)
    monkeypatch.setattr(BleakClientWithServiceCache, "clear_cache", clear)

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        assert len(cleared) == 1

    play(tmp_path, story)


class Watching(SameFate):
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def watch(self, path: str) -> None:
        self.asked.append("watch")

    def forget(self) -> None:
        self.asked.append("forget")

    def cut(self) -> None:
        self.asked.append("cut")


def test_a_link_that_bluez_does_not_end_is_left_to_the_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A robot without a motion timeout of its own would roll on over a link that nobody watches."""
    guard = Watching()

    async def story(rig: Rig) -> None:
        await rig.until_ready()
        backends = rig.radio._backends
        assert backends is not None
        real = backends.client.disconnect

        async def refuse(self: BaseBleakClient) -> None:
            raise BleakError("[org.bluez.Error.Failed] Input/output error")

        monkeypatch.setattr(backends.client, "disconnect", refuse)
        rig.link.cut(Cause.STOP_UNANSWERED)
        await rig.until(lambda: guard.asked == ["watch", "cut"])
        monkeypatch.setattr(backends.client, "disconnect", real)
        rig.air.drop_link(rig.robot)
        await rig.until(lambda: rig.link.connections == 2)
        rig.link.cut(Cause.STOP_UNANSWERED)
        await rig.until(lambda: guard.asked == ["watch", "cut", "watch", "forget"])

    play(tmp_path, story, guard=guard)


def test_a_connection_that_is_made_as_the_app_ends_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BlueZ keeps a connection that nobody closes, and the robot cannot be found any more."""

    async def story(rig: Rig) -> None:
        real = rig.radio.connect
        connected = asyncio.Event()

        async def deaf(sighting: Sighting, on_drop: Any) -> Peer:
            peer = await real(sighting, on_drop)
            connected.set()
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                return peer
            return peer

        monkeypatch.setattr(rig.radio, "connect", deaf)
        await connected.wait()
        assert rig.robot.connected

    async def closed(rig: Rig) -> None:
        await story(rig)
        await rig.close()
        assert not rig.robot.connected

    play(tmp_path, closed)
