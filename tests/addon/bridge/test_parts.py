"""The bridge's small parts: lanes, latch, dead-man, inbox, lights, presence."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples
from tests.addon.link.stories import play
from tests.addon.rig import Rig
from tests.addon.voices import Ears

from bb8_core.bridge.acks import Outcome
from bb8_core.bridge.deadman import Deadman
from bb8_core.bridge.desk import Desk, Raw
from bb8_core.bridge.gate import Limits, Refused, Situation, decide
from bb8_core.bridge.inbox import BROKER_QUEUE, RUSH_S, Inbox, Rush
from bb8_core.bridge.inbox import MAX_WAITING as INBOX_LIMIT
from bb8_core.bridge.intents import BadPayload, Drive, Led, LedChange
from bb8_core.bridge.latch import EstopLatch
from bb8_core.bridge.lights import Light, after, light_json, tail_json
from bb8_core.bridge.outbox import MAX_WAITING, Item, Lane, Outbox, silent
from bb8_core.bridge.presence import summary, wish_of
from bb8_core.bridge.telemetry import Telemetry, event_json, with_event
from bb8_core.link.states import Cause, explain
from bb8_core.robot import commands
from bb8_core.robot.sensors import DidSleep, PowerEvent, PreSleep

READY = Situation(False, explain(Cause.ANSWERED), True, True)


def item(lane: Lane, expires_at: float = 100.0) -> Item:
    command = commands.roll(1, 1) if lane is Lane.DRIVE else commands.ping()
    return Item(lane, command, silent, expires_at)


def test_a_drive_or_colour_replaces_the_one_that_waits() -> None:
    box = Outbox()
    first, second = item(Lane.DRIVE), item(Lane.DRIVE)
    assert box.put(first) is None
    assert box.put(second) is first
    assert box.take() is second
    assert box.take() is None


def test_discrete_commands_keep_their_order_and_their_limit() -> None:
    box = Outbox()
    items = [item(Lane.DISCRETE) for _ in range(MAX_WAITING)]
    assert [box.put(one) for one in items] == [None] * MAX_WAITING
    extra = item(Lane.DISCRETE)
    assert box.put(extra) is extra
    assert [box.take() for _ in items] == items


def test_a_stream_of_drives_starves_nobody_and_waits_for_one_at_most() -> None:
    box = Outbox()
    others = [item(Lane.DISCRETE) for _ in range(5)]
    for other in (*others, item(Lane.LED), item(Lane.TAIL)):
        box.put(other)
    taken = []
    for _ in range(14):
        box.put(item(Lane.DRIVE))
        one = box.take()
        assert one is not None
        taken.append(one.lane)
    assert taken[::2] == [Lane.DRIVE] * 7
    assert set(taken[1::2]) == {Lane.DISCRETE, Lane.LED, Lane.TAIL}


def test_what_waited_too_long_is_taken_out_but_stops_stay() -> None:
    box = Outbox()
    late, fresh, stop = item(Lane.DISCRETE, 1.0), item(Lane.LED, 9.0), item(Lane.URGENT, 0.0)
    for one in (late, fresh, stop):
        box.put(one)
    assert box.next_expiry() == 1.0
    assert box.expire(5.0) == [late]
    assert box.take_urgent() is stop
    assert len(box) == 1


@examples(50)
@given(
    st.integers(0, 255), st.integers(0, 359), st.integers(0, 5000), st.integers(0, 255), st.integers(1, 5000)
)
def test_no_drive_passes_the_caps(speed: int, heading: int, ms: int, cap: int, longest: int) -> None:
    allowed = decide(Drive(speed, heading, ms), READY, Limits(cap, longest), 0.0)
    assert not isinstance(allowed, Refused)
    assert allowed.speed <= cap
    assert allowed.ms <= longest
    assert allowed.command.data[0] == allowed.speed


@pytest.mark.parametrize(
    ("situation", "age_s", "code"),
    [
        (Situation(True, explain(Cause.ANSWERED), True, True), 0.0, "ESTOP"),
        (READY, 0.6, "STALE"),
        (Situation(False, explain(Cause.DROPPED), False, False), 0.0, "NOT_READY"),
        (Situation(False, explain(Cause.ANSWERED), True, False), 0.0, "UNARMED"),
        (Situation(False, explain(Cause.ANSWERED), True, True, parting=True), 0.0, "PARTING"),
    ],
)
def test_motion_is_refused_for_a_reason(situation: Situation, age_s: float, code: str) -> None:
    refused = decide(Drive(1, 1, 1), situation, Limits(), age_s)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert refused.reason


def test_the_latch_survives_and_a_broken_file_counts_as_latched(tmp_path: Path) -> None:
    file = tmp_path / "data" / "estop.json"
    latch = EstopLatch(file)
    assert not latch.latched
    latch.set()
    assert latch.save()
    assert EstopLatch(file).latched
    latch.clear()
    assert latch.save()
    assert not EstopLatch(file).latched
    for broken in ("", "{", "[]", '{"estop": 0}', '{"estop": null}'):
        file.write_text(broken)
        assert EstopLatch(file).latched


def test_a_latch_that_cannot_be_saved_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    latch = EstopLatch(tmp_path / "estop.json")
    latch._path = tmp_path / "file" / "estop.json"
    latch.set()
    assert latch.save() is False
    assert latch.unsaved


def test_the_dead_man_acts_only_if_nobody_disarms_it() -> None:
    fired = threading.Event()
    deadman = Deadman(fired.set, grace_s=0.0)
    deadman.start()
    deadman.arm(0.05)
    assert fired.wait(10)
    fired.clear()
    deadman.arm(0.2)
    deadman.disarm()
    assert not fired.wait(0.3)
    deadman.close()


async def test_the_dead_man_acts_although_the_event_loop_hangs() -> None:
    fired = threading.Event()
    deadman = Deadman(fired.set, grace_s=0.0)
    deadman.start()
    deadman.arm(0.02)
    assert fired.wait(10), "this very wait blocks the loop"
    deadman.close()


async def test_stops_overtake_a_flood_in_the_inbox() -> None:
    taken: list[str] = []
    dropped: list[int] = []
    rushes: list[bool] = []
    inbox = Inbox(
        asyncio.get_running_loop(),
        lambda raw: taken.append(raw.cmd),
        dropped.append,
        lambda: rushes.append(True),
    )

    def flood() -> None:
        for _ in range(INBOX_LIMIT + 50):
            inbox.put(Raw("led", b"", False, 0.0))
        inbox.put(Raw("stop", b"", False, 0.0))
        inbox.urge(lambda: taken.append("urged"))

    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    while len(taken) < INBOX_LIMIT + 2:  # noqa: ASYNC110 - one turn of the loop each
        await asyncio.sleep(0)
    assert taken[:2] == ["stop", "urged"]
    assert dropped == [50]
    assert rushes == []


async def test_a_rush_of_messages_is_told_although_none_of_them_is_a_command() -> None:
    rushes: list[bool] = []
    loop = asyncio.get_running_loop()
    inbox = Inbox(loop, lambda raw: None, lambda dropped: None, lambda: rushes.append(True))
    for _ in range(BROKER_QUEUE):
        inbox.arrived(7.0)
    await asyncio.sleep(0)
    assert rushes == [True]


def test_as_many_messages_a_second_as_a_broker_keeps_are_no_rush_and_more_are() -> None:
    slow, fast = Rush(), Rush()
    step = RUSH_S / (BROKER_QUEUE - 1)
    assert not any(slow.arrived(number * 1.001 * step) for number in range(5 * BROKER_QUEUE))
    told = [fast.arrived(number * 0.999 * step) for number in range(BROKER_QUEUE)]
    assert told == [*[False] * (BROKER_QUEUE - 1), True]


def test_a_flood_is_counted_and_told_of(caplog: pytest.LogCaptureFixture) -> None:
    ears = Ears()
    desk = Desk(ears, lambda request: None)
    desk.flooded(50)
    desk.flooded(82)
    assert ears.statuses["refusals"] == {"FLOOD": 82}
    assert len(caplog.records) == 1


def test_lights_follow_home_assistants_wishes() -> None:
    red = after(Light(), LedChange(True, (255, 0, 0), 128))
    assert red.shown == (128, 0, 0)
    assert after(red, LedChange(False, None, None)).shown == (0, 0, 0)
    again = after(after(red, LedChange(False, None, None)), LedChange(True, None, None))
    assert again == red
    assert after(red, LedChange(True, None, 255)).shown == (255, 0, 0)
    assert light_json(Light()) == {"state": None}
    assert light_json(after(red, Led(0, 0, 0)))["state"] == "OFF"
    assert tail_json(7) == {"state": "ON", "color_mode": "brightness", "brightness": 7}


@examples(50)
@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_plain_colour_comes_out_as_it_went_in(red: int, green: int, blue: int) -> None:
    shown = after(Light(), Led(red, green, blue)).shown
    assert max(abs(a - b) for a, b in zip(shown, (red, green, blue), strict=True)) <= 1
    assert max(shown) == max(red, green, blue)


def test_events_are_told_once_and_in_the_words_of_the_contract() -> None:
    low = PowerEvent("low")
    assert event_json(Telemetry(battery_state="ok"), low) == {"event_type": "battery_low"}
    assert event_json(with_event(Telemetry(), low), low) is None
    assert event_json(Telemetry(battery_state="charging"), PowerEvent("ok")) == {
        "event_type": "charging_ended"
    }
    assert event_json(Telemetry(), PreSleep()) == {"event_type": "falling_asleep"}
    assert event_json(Telemetry(), DidSleep()) == {"event_type": "asleep"}


def test_presence_is_seen_by_ping_or_advertisement_and_never_made_up(tmp_path: Path) -> None:
    async def story(rig: Rig) -> None:
        await rig.until_ready()
        assert (await summary(rig.link, 1.0, "n"))["source"] == "ping"
        rig.send("disconnect")
        await asyncio.sleep(5)
        seen = await summary(rig.link, 5.0, "n")
        assert (seen["detected"], seen["source"]) == (True, "advertisement")
        rig.robot.vanish()
        await asyncio.sleep(0.01)
        gone = await summary(rig.link, 2.0, 7)
        assert (gone["detected"], gone["latency_ms"], gone["rssi"], gone["nonce"]) == (False, None, None, 7)

    play(tmp_path, story)


@pytest.mark.parametrize("payload", [b'{"timeout_s":-1}', b'{"timeout_s":true}', b'{"nonce":[]}', b"[]"])
def test_a_senseless_presence_question_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPayload):
        wish_of(payload)


def test_an_outcome_knows_whether_it_is_the_last() -> None:
    from bb8_core.bridge.acks import ACCEPTED, NO_ANSWER, SENT, rejected

    finals: list[Outcome] = [NO_ANSWER, rejected("X", "y")]
    assert not ACCEPTED.final
    assert not SENT.final
    assert all(outcome.final for outcome in finals)
