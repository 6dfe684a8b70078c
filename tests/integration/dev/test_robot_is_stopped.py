"""A live restart of the bridge stops the robot first: shown with the moving simulated robot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from ops.lab.broker import Ear, ear
from tests.integration.deploylab import Lab, env_file
from tests.integration.dev.conftest import running

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.e2e


@pytest.fixture
def bridge(lab: Lab) -> Lab:
    """A host on which the bridge runs with a simulated robot, and a workspace with its source."""
    shutil.rmtree(lab.addon)
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    shutil.copytree(ROOT / "addon", lab.addon, ignore=ignored)
    lab.box.install(lab.addon, {"simulate": True, "duration_cap_ms": 5000, "keep_connected": True})
    env_file(lab, BB8_BUILD_DEADLINE="300")
    return lab


def test_a_moving_robot_is_stopped_before_the_new_bridge_begins(bridge: Lab) -> None:
    login = (bridge.environ["MQTT_USERNAME"], bridge.environ["MQTT_PASSWORD"])
    with ear(bridge.box.broker.port, login) as heard, running(bridge) as loop:
        loop.wait_for("live", way="build")
        heard.until(lambda: b'"ready"' in heard.newest.get("bb8/status/connection", b""), "a robot")
        heard.tell("bb8/cmd/drive", {"speed": 80, "heading": 45, "ms": 5000, "cid": "d"})
        heard.until(lambda: _moves(heard), "the robot moves")
        source = bridge.addon / "bb8_core" / "build_identity.py"
        source.write_text(f"{source.read_text()}\n# saved while the robot moves\n")
        began = len(heard.heard)
        push = loop.wait_for("live")
        assert push["way"] == "live"
        heard.until(lambda: _tree(heard) == push["tree"], "the new bridge")
        told = heard.heard[began:]
        stopped = next(at for at, one in enumerate(told) if _is_still(*one))
        offline = told.index(("bb8/status", b"offline"))
        identities = [at for at, (topic, _) in enumerate(told) if topic == "bb8/status/identity"]
        assert stopped < offline < identities[-1]


def _moves(heard: Ear) -> bool:
    return bool(json.loads(heard.newest.get("bb8/state/motion", b"{}")).get("moving"))


def _tree(heard: Ear) -> object:
    return json.loads(heard.newest.get("bb8/status/identity", b"{}")).get("tree")


def _is_still(topic: str, payload: bytes) -> bool:
    return topic == "bb8/state/motion" and json.loads(payload)["moving"] is False
