"""What happens between the app and a real Home Assistant; test_home_assistant.py runs it beside one."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ops.lab.broker import Ear, ear
from ops.lab.home_assistant import Home

from bb8_core import build_identity
from bb8_core.app import App
from bb8_core.app_options import Options
from bb8_core.robot import commands, packet_framing
from bb8_core.simulator.bluetooth_robot import SimulatedBB8

pytestmark = pytest.mark.e2e
QUIET = {"button", "event", "light", "notify"}
"""Kinds whose state is `unknown` until something happens; the robot cannot be asked what its LEDs show."""


@dataclass
class House:
    """Home Assistant, the broker's traffic, and the simulated robot at the far end."""

    home: Home
    ear: Ear
    robot: SimulatedBB8

    def entity(self, key: str) -> str:
        """The entity id that Home Assistant gave to a component."""
        entries = self.home.entities()
        return str(
            next(entry["entity_id"] for unique, entry in entries.items() if unique.endswith(f"_{key}"))
        )

    def state(self, key: str) -> str:
        return str(self.home.states().get(self.entity(key), {}).get("state"))

    def components(self) -> dict[str, Any]:
        topic = next(topic for topic in self.ear.newest if topic.startswith("homeassistant/device/"))
        return dict(self.ear.json(topic)["components"])

    def parts_with_entity(self) -> list[dict[str, Any]]:
        """The components without the device triggers."""
        return [part for part in self.components().values() if "unique_id" in part]

    def until(self, true: Callable[[], Any], what: str) -> Any:
        return self.home.until(true, what)

    def rolls(self) -> list[bytes]:
        """All roll commands that the robot got."""
        roll = packet_framing.encode(commands.stop(0), 0)[2:4]
        return [frame for _, frame in list(self.robot.log) if frame[2:4] == roll]

    def stops_sent(self) -> int:
        return sum(1 for frame in self.rolls() if is_stop(frame))


def is_stop(frame: bytes) -> bool:
    """Whether a roll command has speed 0 and state 0."""
    return frame[6] == 0 and frame[9] == 0


class Bridge(threading.Thread):
    """The app's program in a thread, its simulated robot within reach."""

    def __init__(self, options: Options) -> None:
        super().__init__(name="bridge", daemon=True)
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # it ends what is left, as main does
            runner.run(self._live())

    async def _live(self) -> None:
        app = App(self._options, build_identity.load(Path("no stamp")))
        await app.run(self._stopping)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self.join(60)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    robot = SimulatedBB8()
    patch = pytest.MonkeyPatch()
    patch.setattr("bb8_core.simulator.bluetooth_robot.SimulatedBB8", lambda: robot)
    patch.setitem(os.environ, "BB8_DATA", str(tmp_path_factory.mktemp("data")))
    patch.setitem(os.environ, "BB8_PAGE_PORT", "0")
    home = Home()
    options = Options(mqtt_host="127.0.0.1", mqtt_port=home.mqtt_port, simulate=True, keep_connected=True)
    bridge = Bridge(options)
    with ear(home.mqtt_port) as own_ear:
        bridge.start()
        yield House(home, own_ear, robot)
        bridge.stop()
    home.close()
    patch.undo()


def test_every_component_of_the_discovery_message_is_an_entity(house: House) -> None:
    house.ear.until(lambda: any("/device/" in topic for topic in house.ear.newest), "the discovery message")
    wanted = {part["unique_id"]: part["platform"] for part in house.parts_with_entity()}
    assert len(wanted) >= 25

    def there() -> bool:
        return set(wanted) <= set(house.home.entities())

    house.until(there, "all entities")
    entries = house.home.entities()
    assert {unique: entries[unique]["entity_id"].partition(".")[0] for unique in wanted} == wanted
    noisy = {
        part["unique_id"] for part in house.parts_with_entity() if not part.get("enabled_by_default", True)
    }
    assert {unique for unique in wanted if entries[unique]["disabled_by"]} == noisy


def test_every_enabled_entity_is_available_and_reports_what_the_robot_reports(house: House) -> None:
    house.until(lambda: house.state("connection") == "ready", "connection: ready")
    enabled = {entry["entity_id"] for entry in house.home.entities().values() if not entry["disabled_by"]}
    enabled.discard(house.entity("last_command"))  # there was none yet

    def not_known() -> dict[str, str]:
        states = {entity: state["state"] for entity, state in house.home.states().items()}
        shown = {entity: states.get(entity, "unavailable") for entity in enabled}
        kinds = {entity: entity.partition(".")[0] for entity in enabled}
        return {
            entity: state
            for entity, state in shown.items()
            if state == "unavailable" or (state == "unknown" and kinds[entity] not in QUIET)
        }

    try:
        house.until(lambda: not not_known(), "every state known")
    except AssertionError:
        pytest.fail(f"not known: {not_known()}; telemetry: {house.ear.json('bb8/status/telemetry')}")
    assert float(house.state("battery_voltage")) == pytest.approx(house.robot.battery.volts, abs=0.2)
    assert house.state("battery_state") in {"ok", "charging"}
    assert house.state("estop_latched") == "off"
    assert float(house.state("speed_cap")) == 180
    assert re.search(r"\d+\.\d+", house.state("firmware"))


def test_the_lights_reach_the_robots_leds(house: House) -> None:
    light = house.entity("light")
    house.home.call("light.turn_on", light, rgb_color=[0, 255, 0], brightness=255)
    house.until(lambda: house.robot.mind.led == (0, 255, 0), "a green robot")
    house.until(lambda: house.state("light") == "on", "light on")
    house.home.call("light.turn_off", light)
    house.until(lambda: house.robot.mind.led == (0, 0, 0), "a dark robot")
    house.home.call("light.turn_on", house.entity("tail"), brightness=200)
    house.until(lambda: house.robot.mind.tail == 200, "a bright tail")


def test_gestures_and_the_heading_move_the_motor_and_end_in_a_stop(house: House) -> None:
    before = len(house.rolls())
    house.home.call("button.press", house.entity("macro_dance"))
    house.until(lambda: len(house.rolls()) > before + 2, "rolls of the gesture")
    house.until(lambda: is_stop(house.rolls()[-1]), "a stop at its end")
    house.home.call("number.set_value", house.entity("heading"), value=90)
    house.until(lambda: house.robot.motor.heading == 90, "a robot that looks to 90°")
    house.until(lambda: is_stop(house.rolls()[-1]), "the stop after the turn")


def test_the_buttons_drive_as_the_numbers_set_it(house: House) -> None:
    house.home.call("number.set_value", house.entity("steer_speed"), value=40)
    house.home.call("number.set_value", house.entity("steer_time"), value=300)
    house.until(lambda: float(house.state("steer_time")) == 300, "a drive time of 300 ms")
    before = len(house.rolls())
    house.home.call("button.press", house.entity("right"))
    house.until(lambda: len(house.rolls()) > before + 1, "a drive")
    house.until(lambda: is_stop(house.rolls()[-1]), "the stop at its end")
    assert house.rolls()[before][6] == 40


def test_automations_of_the_device_can_start_from_what_happens_to_the_robot(house: House) -> None:
    device = str(house.home.entities()[house.parts_with_entity()[0]["unique_id"]]["device_id"])
    expected = {part["type"] for part in house.components().values() if "automation_type" in part}
    assert len(expected) == 4
    assert {trigger["type"] for trigger in house.home.triggers(device)} >= expected


def documented(mark: str) -> str:
    """The YAML block of the app's documentation that contains `mark`."""
    docs = (Path(__file__).parents[2] / "addon" / "DOCS.md").read_text()
    return next(block for block in re.findall(r"```yaml\n(.*?)```", docs, re.DOTALL) if mark in block)


def automate(house: House, name: str, mark: str, inputs: dict[str, Any]) -> None:
    """Make an automation of a documented blueprint."""
    house.home.ask(type="blueprint/save", domain="automation", path=f"bb8/{name}.yaml", yaml=documented(mark))
    use = {"path": f"bb8/{name}.yaml", "input": inputs}
    house.home.post(f"/api/config/automation/config/{name}", {"alias": name, "use_blueprint": use})
    house.until(lambda: f"automation.{name}" in house.home.states(), f"the automation {name}")


def test_a_message_plays_a_gesture_in_its_colour(house: House) -> None:
    before = len(house.rolls())
    house.home.call("notify.send_message", house.entity("message"), message='The "washing machine" is done')
    house.until(lambda: house.robot.mind.led == (0, 255, 0), "a green robot")
    house.until(lambda: len(house.rolls()) > before + 2, "the rolls of the dance")
    house.until(lambda: is_stop(house.rolls()[-1]), "the stop at its end")


def test_the_documented_blueprints_work(house: House) -> None:
    house.home.post("/api/states/binary_sensor.bell", {"state": "off"})
    robot = house.entity("message")
    automate(house, "shows", "shows that something", {"source": "binary_sensor.bell", "robot": robot})
    house.home.post("/api/states/binary_sensor.bell", {"state": "on"})
    house.until(lambda: house.robot.mind.led == (0, 0, 255), "a robot in the doorbell's blue")
    house.home.post("/api/states/sensor.level", {"state": "80"})
    light = {
        "action": "light.turn_on",
        "target": {"entity_id": house.entity("tail")},
        "data": {"brightness": 77},
    }
    inputs = {"battery": "sensor.level", "charging": house.entity("charging"), "actions": [light]}
    automate(house, "charger", "needs its charger", inputs)
    house.home.post("/api/states/sensor.level", {"state": "20"})
    house.until(lambda: house.robot.mind.tail == 77, "the action of the second blueprint")


def test_the_documented_dashboard_shows_entities_that_exist(house: House) -> None:
    view = yaml.safe_load(documented("type: sections"))
    shown = set(re.findall(r"\b(?:button|sensor|binary_sensor|number|light)\.bb8_\w+", str(view)))
    assert len(shown) > 20
    assert shown <= set(house.home.states())


def test_stop_and_emergency_stop_reach_the_robot(house: House) -> None:
    before = house.stops_sent()
    house.home.call("button.press", house.entity("stop"))
    house.until(lambda: house.stops_sent() > before, "a stop on the wire")
    house.home.call("button.press", house.entity("estop"))
    house.until(lambda: house.state("estop_latched") == "on", "emergency stop latched")
    before = len(house.rolls())
    house.home.call("number.set_value", house.entity("heading"), value=180)
    house.home.call("button.press", house.entity("clear_estop"))
    house.until(lambda: house.state("estop_latched") == "off", "emergency stop cleared")
    assert all(is_stop(frame) for frame in house.rolls()[before:])


def test_home_assistant_itself_refuses_what_is_out_of_range(house: House) -> None:
    with pytest.raises(RuntimeError, match="400"):
        house.home.call("number.set_value", house.entity("speed_cap"), value=999)


def obeys_again(house: House, colour: tuple[int, int, int]) -> None:
    """After a restart: everything available, and a command comes through."""
    house.until(lambda: house.state("connection") == "ready", "connection: ready")
    house.until(lambda: house.state("light") in {"on", "off"}, "the light available")
    house.home.call("light.turn_on", house.entity("light"), rgb_color=list(colour), brightness=255)
    house.until(lambda: house.robot.mind.led == colour, f"the robot in {colour}")


def test_a_restart_of_home_assistant_heals(house: House) -> None:
    house.home.restart_core()
    house.until(lambda: not house.home.states(), "Home Assistant gone")
    house.until(lambda: house.home.states() and house.home.entities(), "Home Assistant back")
    obeys_again(house, (255, 0, 0))


def test_a_restart_of_the_broker_heals(house: House) -> None:
    house.home.restart_broker()
    obeys_again(house, (0, 0, 255))


def test_home_assistants_log_holds_nothing_against_us(house: House) -> None:
    """The broker's own restart is told by its client and is not about us."""
    bad = [line for line in house.home.log() if re.search(r" (WARNING|ERROR) ", line)]
    about = re.compile(r"bb8|bb_b54a|mqtt\.(discovery|entity|models|util|schemas)", re.IGNORECASE)
    assert [line for line in bad if about.search(line)] == []
