"""What Home Assistant is told: one device message, in the right order, and removals of what is no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.addon.virtual import run_virtually

from bb8_core.link.connection_states import LinkState
from bb8_core.mqtt.announced_record import Memory, load_memory, save_memory
from bb8_core.mqtt.discovery_message import (
    About,
    Robot,
    components,
    message,
    page_url,
)
from bb8_core.mqtt.discovery_readings import BATTERY_STATES, CONNECTION_STATES
from bb8_core.mqtt.publisher import Announcer
from bb8_core.mqtt.topics import Topics
from bb8_core.robot.async_messages import POWER_STATES

ROBOT = Robot("C9:00:00:00:B5:4A", "BB-B54A", "4.69")
CONFIG = "homeassistant/device/bb8_c9000000b54a/config"


class Line:
    """A broker connection that keeps what goes through it."""

    def __init__(self) -> None:
        self.connected = True
        self.full = False
        self.sent: list[tuple[str, str, int, bool]] = []

    def publish(self, topic: str, payload: str, qos: int = 0, retain: bool = False) -> bool:
        if self.full:
            return False
        self.sent.append((topic, payload, qos, retain))
        return True

    def topics(self) -> list[str]:
        return [topic for topic, *_ in self.sent]


def at_once(write: Callable[[], object]) -> None:
    write()


def announcer(tmp_path: Path, line: Line) -> Announcer:
    made = Announcer(Topics(), About("1.2.3", ("nod",), 180), tmp_path / "robot.json", at_once)
    made.attach(line)
    return made


def parts() -> dict[str, dict[str, Any]]:
    return components(ROBOT, Topics(), About("1", ("nod", "shake")))


def entities() -> dict[str, dict[str, Any]]:
    return {key: part for key, part in parts().items() if part["platform"] != "device_automation"}


def test_every_entity_has_an_id_from_the_address_and_an_availability() -> None:
    for key, part in entities().items():
        assert part["unique_id"] == f"bb8_c9000000b54a_{key}"
        assert part["availability"][0] == {"topic": "bb8/status"}
        assert part["availability_mode"] == "all"
    assert len({part["unique_id"] for part in entities().values()}) == len(entities())


def test_the_device_links_to_the_page_if_the_supervisor_started_the_app() -> None:
    page = page_url({"HOSTNAME": "local-beep-boop-bb8", "SUPERVISOR_TOKEN": "t"})
    assert page == "homeassistant://app/local_beep_boop_bb8"
    device = message(ROBOT, Topics(), About("1", (), page=page))["device"]
    assert device["configuration_url"] == page
    assert page_url({"HOSTNAME": "laptop"}) == ""
    assert "configuration_url" not in message(ROBOT, Topics(), About("1", ()))["device"]


def test_what_needs_the_robot_depends_on_it_and_stops_do_not() -> None:
    robot_topic = {"topic": "bb8/status/robot"}
    assert robot_topic in parts()["light"]["availability"]
    for key in ("stop", "estop", "clear_estop", "connect", "connection"):
        assert robot_topic not in parts()[key]["availability"]


def test_the_noisy_readings_are_off_by_default() -> None:
    off = {key for key, part in parts().items() if part.get("enabled_by_default") is False}
    assert off == {"rssi", "radio", "latency", "odometer", "link_losses"}


def test_enums_name_every_state_there_is() -> None:
    assert set(CONNECTION_STATES) == {state.value for state in LinkState}
    assert set(BATTERY_STATES) >= set(POWER_STATES.values())


def test_a_button_press_is_a_payload_that_the_desk_understands() -> None:
    from bb8_core.requests.payload_parsing import parse, parse_object

    for part in parts().values():
        if part["platform"] == "button":
            cmd = Topics().command_of(part["command_topic"])
            assert cmd is not None
            parse(cmd, parse_object(part["payload_press"].encode()))


def test_a_former_component_is_removed_by_an_entry_with_its_platform_alone() -> None:
    payload = message(ROBOT, Topics(), About("1", ("nod",)), ("sensor.old_thing", "light.light"))
    assert payload["components"]["old_thing"] == {"platform": "sensor"}
    assert payload["components"]["light"]["schema"] == "json"
    assert payload["origin"]["name"]


def test_connecting_sends_discovery_then_states_then_online(tmp_path: Path) -> None:
    async def story() -> list[str]:
        line = Line()
        save_memory(tmp_path / "robot.json", Memory(ROBOT, ()))
        voice = announcer(tmp_path, line)
        line.connected = False
        voice.state("led", {"state": "OFF"})
        await asyncio.sleep(1)
        line.connected = True
        voice.connected()
        assert all(retain for *_, retain in line.sent)
        return line.topics()

    assert run_virtually(story()) == [CONFIG, "bb8/state/led", "bb8/status"]


def test_home_assistants_birth_sends_everything_again(tmp_path: Path) -> None:
    async def story() -> list[str]:
        line = Line()
        voice = announcer(tmp_path, line)
        voice.robot_known(ROBOT.address, ROBOT.name, ROBOT.firmware)
        line.sent.clear()
        voice.born()
        await asyncio.sleep(5)
        return line.topics()

    assert run_virtually(story()) == ["bb8/status", CONFIG]


def test_a_thousand_births_are_answered_once_and_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    async def story() -> tuple[list[str], int]:
        line, writes = Line(), list[Callable[[], object]]()
        voice = Announcer(Topics(), About("1", ("nod",), 180), tmp_path / "robot.json", writes.append)
        voice.attach(line)
        voice.robot_known(ROBOT.address, ROBOT.name, ROBOT.firmware)
        line.sent.clear()
        for _ in range(1000):
            voice.born()
        await asyncio.sleep(5)
        return line.topics(), len(writes)

    assert run_virtually(story()) == (["bb8/status", CONFIG], 1)


def test_a_state_that_a_full_queue_refused_is_sent_again(tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str]]:
        line = Line()
        voice = announcer(tmp_path, line)
        voice.state("motion", {"moving": True})
        await asyncio.sleep(1)
        line.full = True
        voice.state("motion", {"moving": False})
        await asyncio.sleep(60)
        line.full = False
        await asyncio.sleep(5)
        return [(topic, payload) for topic, payload, *_ in line.sent]

    told = run_virtually(story())
    assert told == [("bb8/state/motion", '{"moving": true}'), ("bb8/state/motion", '{"moving": false}')]


def test_what_a_full_queue_refused_at_the_connection_is_sent_again_completely(tmp_path: Path) -> None:
    async def story() -> list[str]:
        line = Line()
        save_memory(tmp_path / "robot.json", Memory(ROBOT, ()))
        voice = announcer(tmp_path, line)
        line.full = True
        voice.connected()
        await asyncio.sleep(10)
        line.full = False
        await asyncio.sleep(10)
        return line.topics()

    assert run_virtually(story()) == ["bb8/status", CONFIG]


def test_the_farewell_sends_what_was_held_back_and_nothing_follows_it(tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str]]:
        line = Line()
        voice = announcer(tmp_path, line)
        voice.born()
        voice.state("motion", {"moving": False})
        voice.status("telemetry", {"battery": 1})
        voice.farewell()
        voice.state("motion", {"moving": True})
        await asyncio.sleep(10)
        return [(topic, payload) for topic, payload, *_ in line.sent]

    assert run_virtually(story()) == [
        ("bb8/state/motion", '{"moving": false}'),
        ("bb8/status/telemetry", '{"battery": 1}'),
    ]


def test_a_state_that_changes_fast_is_sent_once_with_its_newest_value(tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str, int, bool]]:
        line = Line()
        voice = announcer(tmp_path, line)
        for n in range(100):
            voice.status("telemetry", {"n": n})
        await asyncio.sleep(5)
        return line.sent

    assert run_virtually(story()) == [("bb8/status/telemetry", '{"n": 99}', 1, True)]


def test_another_robot_replaces_the_device_of_the_first(tmp_path: Path) -> None:
    async def story() -> Line:
        line = Line()
        voice = announcer(tmp_path, line)
        voice.robot_known(ROBOT.address, ROBOT.name, "1")
        voice.robot_known("D0:00:00:00:00:01", "BB-0001", "1")
        return line

    sent = run_virtually(story()).sent
    assert sent[1] == (CONFIG, "", 1, True)
    assert sent[2][0] == "homeassistant/device/bb8_d00000000001/config"


def test_a_robot_that_another_run_announced_is_removed_although_the_change_was_seen_without_a_broker(
    tmp_path: Path,
) -> None:
    save_memory(tmp_path / "robot.json", Memory(ROBOT, ()))

    async def unheard() -> None:
        voice = Announcer(Topics(), About("1", ("nod",), 180), tmp_path / "robot.json", at_once)
        voice.robot_known("D0:00:00:00:00:01", "BB-0001", "")

    async def heard() -> list[tuple[str, str]]:
        line = Line()
        announcer(tmp_path, line).connected()
        return [(topic, payload) for topic, payload, *_ in line.sent]

    run_virtually(unheard())
    assert load_memory(tmp_path / "robot.json").gone == ("bb8_c9000000b54a",)
    told = run_virtually(heard())
    assert told[0] == (CONFIG, "")
    assert told[1][0] == "homeassistant/device/bb8_d00000000001/config"
    assert load_memory(tmp_path / "robot.json").gone == ()


def test_a_robot_that_comes_back_is_not_removed(tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str]]:
        line = Line()
        voice = announcer(tmp_path, line)
        line.connected = False
        for address in (ROBOT.address, "D0:00:00:00:00:01", ROBOT.address):
            voice.robot_known(address, "BB", "")
        line.connected = True
        voice.connected()
        return [(topic, payload) for topic, payload, *_ in line.sent if not payload]

    assert run_virtually(story()) == [("homeassistant/device/bb8_d00000000001/config", "")]


def test_what_an_earlier_version_announced_is_removed_by_this_one(tmp_path: Path) -> None:
    save_memory(tmp_path / "robot.json", Memory(ROBOT, ("sensor.gone",)))

    async def story() -> dict[str, Any]:
        line = Line()
        announcer(tmp_path, line).connected()
        return dict(json.loads(line.sent[0][1]))

    assert run_virtually(story())["components"]["gone"] == {"platform": "sensor"}
    assert "sensor.gone" in load_memory(tmp_path / "robot.json").former


def test_a_broken_memory_is_not_a_memory(tmp_path: Path) -> None:
    (tmp_path / "robot.json").write_text('{"address": "x"}')
    assert load_memory(tmp_path / "robot.json") == Memory()


def test_without_collision_events_there_is_no_such_entity_and_an_earlier_one_is_removed() -> None:
    about = About("1", ("nod",), collisions=False)
    off = components(ROBOT, Topics(), about)
    assert "collision" not in off
    assert "trigger_collision" not in off
    payload = message(ROBOT, Topics(), about, ("event.collision",))
    assert payload["components"]["collision"] == {"platform": "event"}


def test_the_limits_of_the_numbers_are_those_of_the_options() -> None:
    numbers = components(ROBOT, Topics(), About("1", (), speed_cap=90, duration_cap_ms=1500))
    assert {key: numbers[key]["max"] for key in ("speed_cap", "steer_speed", "steer_time")} == {
        "speed_cap": 90,
        "steer_speed": 90,
        "steer_time": 1500,
    }


def test_each_device_trigger_names_an_event_that_the_bridge_sends() -> None:
    events = {
        kind for part in parts().values() if part["platform"] == "event" for kind in part["event_types"]
    }
    triggers = {part["payload"]: part["type"] for part in parts().values() if "automation_type" in part}
    assert set(triggers) <= events
    assert triggers["collision"] == "bumped"
