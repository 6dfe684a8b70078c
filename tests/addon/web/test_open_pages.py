"""Driving from the page over a real WebSocket: the robot moves while the stick is held, and never longer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.addon.web.lab import PageClient, PageLab
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bb8_core.manual_driving import hold_to_drive
from bb8_core.routines.scene_folder import Scenes
from bb8_core.routines.scene_reader import read_scene
from bb8_core.web.open_pages import MAX_BAD, MAX_PAGES
from bb8_core.web.page_messages import BadMessage, Lateness, read
from bb8_core.web.websocket import MAX_MESSAGE

LIMIT_S = 0.25
SLACK_S = 0.75
"""Threads of the lab may wait for each other; the lab in tests/e2e measures the limit."""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[PageLab]:
    lab = PageLab(tmp_path)
    await lab.open()
    yield lab
    await lab.shut()


def rolls(lab: PageLab) -> list[tuple[int, int]]:
    """Speed and heading of each drive that the robot heard."""
    return [
        (command.data[0], int.from_bytes(command.data[1:3], "big"))
        for _, command in lab.motor_commands()
        if command.is_motor and not command.is_stop
    ]


async def drove(lab: PageLab, before: int = 0) -> None:
    """Wait until the robot has heard more drives than before; by then it may have stopped again."""
    await lab.until(lambda: len(rolls(lab)) > before)


async def test_the_robot_moves_while_the_stick_is_held_and_stops_when_the_beats_end(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.hold(0.5, 90, 45)
        await drove(lab)
        assert lab.link.channel.open
        assert await lab.seconds_to_stop() < LIMIT_S + SLACK_S
        assert set(rolls(lab)) == {(90, 45)}


async def silent(_page: PageClient) -> None:
    """The page is frozen: nothing more comes, and the socket stays open."""


async def release(page: PageClient) -> None:
    await page.send(op="release")


async def leave(page: PageClient) -> None:
    await page.send(op="leave")


async def close(page: PageClient) -> None:
    await page.ws.close()


async def cut(page: PageClient) -> None:
    page.cut()


async def nonsense(page: PageClient) -> None:
    with contextlib.suppress(ConnectionClosed):
        for _ in range(MAX_BAD):
            await page.ws.send("{")


@pytest.mark.parametrize("end", [silent, release, leave, close, cut, nonsense])
async def test_whatever_ends_the_beats_ends_the_motion(
    lab: PageLab, end: Callable[[PageClient], Awaitable[None]]
) -> None:
    with contextlib.suppress(ConnectionClosed):
        async with lab.page() as page:
            await page.hold(0.3)
            await drove(lab)
            assert await lab.seconds_to_stop(lambda: end(page)) < LIMIT_S + SLACK_S
            heard = len(rolls(lab))
            await asyncio.sleep(0.3)
            assert len(rolls(lab)) == heard


async def test_a_stop_ends_the_grip_until_the_stick_is_taken_again(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.hold(0.3)
        lab.send("stop")
        await lab.until_stopped_s()
        before = len(rolls(lab))
        await page.hold(0.3)
        assert (await page.next("hold", code="STOPPED"))["reason"].startswith("the robot was stopped")
        assert len(rolls(lab)) == before
        page.grip += 1
        await page.hold(0.3)
        await drove(lab, before)


async def test_a_page_that_wakes_up_does_not_drive_on(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.hold(0.3)
        await lab.until_stopped_s()
        await asyncio.sleep(1.1)
        before = len(rolls(lab))
        await page.hold(0.2)
        await page.next("hold", code="PAUSED")
        assert len(rolls(lab)) == before


async def test_beats_that_waited_on_the_way_do_not_move_the_robot(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.hold(0.2)
        await lab.until_stopped_s()
        old = time.monotonic() - 0.5
        before = len(rolls(lab))
        for _ in range(5):
            await page.beat(90, 0, at=old)
        await page.next("hold", code="LATE")
        assert len(rolls(lab)) == before


async def test_one_page_drives_and_another_takes_over_on_purpose(lab: PageLab) -> None:
    async with lab.page("Anna") as anna, lab.page("Ben") as ben:
        await anna.hold(0.2, heading=10)
        state = await ben.next("state", driver={"number": anna.number, "name": "Anna"})
        assert state["pages"] == 2
        await ben.hold(0.2, heading=20)
        refused = await ben.next("hold", code="NOT_DRIVER")
        assert refused["reason"] == "Anna is driving; press Take over to drive yourself"
        await anna.hold(0.2, heading=10)
        await drove(lab)
        assert await lab.seconds_to_stop(lambda: ben.send(op="take")) < LIMIT_S + SLACK_S
        await anna.hold(0.2, heading=10)
        await anna.next("hold", code="NOT_DRIVER")
        ben.grip += 1
        await ben.hold(0.2, heading=20)
        await lab.until(lambda: rolls(lab)[-1] == (90, 20))


async def test_an_mqtt_drive_waits_for_the_person_and_an_mqtt_stop_does_not(
    lab: PageLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine half a second can pass between a beat and the command, and the stick counts as let go.
    monkeypatch.setattr(hold_to_drive, "GRIP_GAP_S", 60.0)
    async with lab.page("Anna") as page:
        await page.hold(0.2)
        await drove(lab)
        lab.send("drive", json.dumps({"speed": 50, "heading": 180, "ms": 1000}))
        assert lab.ears.acks[-1][1]["code"] == "DRIVEN"
        assert "Anna is driving" in lab.ears.acks[-1][1]["reason"]
        lab.send("stop")
        await lab.until_stopped_s()


async def test_an_emergency_stop_shows_who_set_it(lab: PageLab) -> None:
    async with lab.page("Anna") as page:
        await page.hold(0.2)
        await page.send(op="ask", id=1, name="estop")
        await page.next("ack", id=1, status="confirmed")
        state = await page.next("state", estop=True)
        assert state["estop_by"] == "Anna"
        page.grip += 1
        await page.hold(0.2)
        await page.next("hold", code="ESTOP")
        await page.send(op="ask", id=2, name="clear_estop")
        assert (await page.next("state", estop=False))["estop_by"] == ""


async def test_speed_is_capped_by_the_same_gate_as_mqtt(lab: PageLab) -> None:
    lab.send("speed_cap", '{"value": 40}')
    async with lab.page() as page:
        await page.hold(0.2, 255)
        await drove(lab)
        assert set(rolls(lab)) == {(40, 0)}


async def test_aiming_lights_the_tail_and_sets_heading_zero(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.send(op="aim")
        await lab.until(lambda: lab.robot.mind.tail == 255)
        await page.hold(0.6, 0, 90)
        assert lab.bridge.motion.state.heading == 90
        await page.send(op="aimed")
        await lab.until(lambda: lab.robot.mind.tail == 0)
        await lab.until(lambda: lab.bridge.motion.state.heading == 0)


async def test_the_tail_light_goes_out_with_a_page_that_was_aiming(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.send(op="aim")
        await lab.until(lambda: lab.robot.mind.tail == 255)
        page.cut()
        await lab.until(lambda: lab.robot.mind.tail == 0)


async def test_the_robot_streams_its_place_only_while_the_map_is_shown(lab: PageLab) -> None:
    assert lab.robot.mind.stream is None
    async with lab.page() as page:
        await page.send(op="look", map=True, log=True)
        await lab.until(lambda: lab.robot.mind.stream is not None)
        await page.hold(0.8, 120)
        path = await page.next("path")
        assert path["items"][0][1] == "start"
        packets = await page.next("packets")
        assert {"out"} <= {item[2] for item in packets["items"]}
    await lab.until(lambda: lab.robot.mind.stream is None)


async def test_lights_and_gestures_reach_the_robot(lab: PageLab) -> None:
    async with lab.page() as page:
        await page.send(op="ask", id=1, name="led", payload={"r": 1, "g": 2, "b": 3})
        await page.next("ack", id=1, status="confirmed")
        assert lab.robot.mind.led == (1, 2, 3)
        await page.send(op="ask", id=2, name="macro", payload={"name": "no such"})
        assert "no gesture" in (await page.next("ack", id=2, status="rejected"))["reason"]


async def refused_code(lab: PageLab, send: Callable[[PageClient], Awaitable[None]]) -> int:
    async with lab.page() as page:
        with contextlib.suppress(ConnectionClosed):
            await send(page)
            while True:
                await asyncio.wait_for(page.ws.recv(), 60)
        return page.ws.close_code or 0


async def flood(page: PageClient) -> None:
    while True:  # until it is closed: a slow sender stays within the rate for longer
        await page.ws.send('{"op":"alive"}')
        await asyncio.sleep(0)


async def long_message(page: PageClient) -> None:
    await page.ws.send("x" * (MAX_MESSAGE + 1))


async def bytes_message(page: PageClient) -> None:
    await page.ws.send(b"\0" * 10)


@pytest.mark.parametrize(
    ("send", "codes"),
    # A client that is still sending may get a reset before the code.
    [(flood, {1008, 1006}), (long_message, {1009}), (bytes_message, {1003}), (nonsense, {1008})],
)
async def test_what_no_page_sends_ends_its_connection_alone(
    lab: PageLab, send: Callable[[PageClient], Awaitable[None]], codes: set[int]
) -> None:
    async with lab.page() as other:
        assert await refused_code(lab, send) in codes
        await other.hold(0.2)
        await drove(lab)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
)
async def test_another_sites_page_gets_no_socket(lab: PageLab, headers: dict[str, str]) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{lab.port}/ws", additional_headers=headers):
            pass
    assert refused.value.response.status_code == 403


async def test_a_socket_behind_home_assistants_proxies_is_allowed(lab: PageLab) -> None:
    headers = {"Origin": "http://ha.example:8123", "X-Forwarded-Host": "ha.example:8123"}
    async with connect(f"ws://127.0.0.1:{lab.port}/ws", additional_headers=headers) as ws:
        await ws.send(json.dumps({"op": "hello", "ticket": await asyncio.to_thread(lab.ticket)}))
        assert json.loads(await ws.recv())["type"] == "welcome"


@pytest.mark.parametrize("first", ['{"op":"hello","ticket":"guessed"}', '{"op":"take"}', "no"])
async def test_a_socket_without_a_ticket_is_closed(lab: PageLab, first: str) -> None:
    async with connect(f"ws://127.0.0.1:{lab.port}/ws") as ws:
        await ws.send(first)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(ws.recv(), 60)
        assert ws.close_code == 1008


async def test_a_ticket_opens_one_socket_only(lab: PageLab) -> None:
    ticket = await asyncio.to_thread(lab.ticket)
    codes = []
    for _ in range(2):
        async with connect(f"ws://127.0.0.1:{lab.port}/ws") as ws:
            await ws.send(json.dumps({"op": "hello", "ticket": ticket}))
            with contextlib.suppress(ConnectionClosed):
                codes.append(json.loads(await asyncio.wait_for(ws.recv(), 60))["type"])
    assert codes == ["welcome"]


async def test_more_pages_than_the_limit_are_refused(lab: PageLab) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(MAX_PAGES):
            await stack.enter_async_context(lab.page())
        with pytest.raises(ConnectionClosed) as refused:
            await stack.enter_async_context(lab.page())
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 1013


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"op":1}',
        '{"op":"hold"}',
        '{"op":"hold","grip":1,"speed":256,"heading":0,"t":1}',
        '{"op":"hold","grip":1,"speed":1,"heading":360,"t":1}',
        '{"op":"hold","grip":1,"speed":1,"heading":1,"t":NaN}',
        '{"op":"hold","grip":1,"speed":true,"heading":1,"t":1}',
        '{"op":"ask","id":1,"name":"heading"}',
        '{"op":"ask","id":1,"name":"led","payload":[]}',
        '{"op":"hello","ticket":""}',
        "[" * 100_000,
    ],
)
def test_a_message_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(BadMessage):
        read(text)


def test_lateness_is_measured_against_the_fastest_message() -> None:
    late = Lateness()
    assert [
        round(late.of(sent, now), 3) for sent, now in [(0, 5.1), (50, 5.12), (100, 5.6), (600, 5.67)]
    ] == [
        0.0,
        0.0,
        0.43,
        0.0,
    ]


async def test_a_page_that_is_leaving_while_news_come_does_not_disturb_the_others(lab: PageLab) -> None:
    async with lab.page() as other:
        for _ in range(20):
            async with lab.page() as page:
                await page.beat()
                await page.beat(at=time.monotonic() - 5)
                await page.ws.close()
        await other.next("state", pages=1)
        await other.next("state")


SQUARE = "steps:\n  - drive: {speed: 40, seconds: 8}\n"


@pytest.mark.parametrize("ending", ["closed", "hidden", "taken over"])
async def test_a_scene_ends_with_the_page_that_started_it(lab: PageLab, ending: str) -> None:
    lab.bridge.routines.scenes.scenes = Scenes({"square": read_scene("square", SQUARE)})
    async with lab.page("Ann") as ann, lab.page("Bob") as bob:
        await ann.send(op="preview", name="square")
        assert len((await ann.next("preview", name="square"))["points"]) > 10
        await ann.send(op="ask", id=1, name="scene", payload={"name": "square"})
        await lab.until_moving()

        async def end() -> None:
            match ending:
                case "closed":
                    ann.cut()
                case "hidden":
                    await ann.send(op="leave")
                case _:
                    await bob.send(op="take")

        assert await lab.seconds_to_stop(end) < 1
