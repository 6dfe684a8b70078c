"""The app's AppArmor profile, enforced by a real kernel: the app works under it, and attacks are refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from ops.lab.bluetooth import kernel, run_story
from ops.lab.engine import Engine
from ops.lab.errors import LabUnavailable
from tests.e2e import app_image

STORY = Path(__file__).with_name("apparmor_story.py")
NAME = "local_beep_boop_bb8"
LABELS = {"python": f"{NAME}//python", "s6": NAME}
TOOLS = ("apparmor_parser", "mosquitto", "openssl")
# If there is no kernel in the cache, the first test of this lab or the Bluetooth lab builds one.
pytestmark = pytest.mark.timeout(4000)


@pytest.fixture(scope="module", params=list(app_image.BASES))
def told(
    request: pytest.FixtureRequest, docker: Engine, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What the story reported, on each base."""
    scratch = tmp_path_factory.mktemp(f"apparmor-{request.param}")
    for tool in TOOLS:
        if shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin") is None:
            pytest.skip(f"SKIPPED: {tool} is not installed")
    try:
        kernel()
        image = app_image.build(docker, str(request.param), scratch)
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    root = app_image.unpack(docker, image, scratch)
    out = scratch / "out"
    out.mkdir()
    result = run_story(STORY, (str(root),), out, timeout_s=500)
    shutil.rmtree(root)
    if "unavailable" in result:
        pytest.skip(f"SKIPPED: {result['unavailable']}")
    guest_log = (out / "guest.log").read_text(errors="replace")
    assert "error" not in result, result["error"] + guest_log[-20000:]
    print(f"{request.param}: {result['seconds']} s in the guest")
    return result


def test_each_process_runs_under_the_profile_that_is_meant_for_it(told: dict[str, Any]) -> None:
    labels = told["labels"]
    assert len(labels) > 5, labels
    for process, label in labels.items():
        kind = "python" if "python" in process else "s6"
        assert label == f"{LABELS[kind]} (enforce)", process


def test_a_whole_story_has_no_denials(told: dict[str, Any]) -> None:
    assert told["calm"] == []


@pytest.mark.parametrize(("kind", "at_least"), [("python", 40), ("s6", 30)])
def test_each_attack_is_refused_and_logged(told: dict[str, Any], kind: str, at_least: int) -> None:
    outcomes = dict(told["attacks"][kind]["outcomes"])
    assert {name: outcome for name, outcome in outcomes.items() if outcome != "refused"} == {}
    logged = {comm for label, comm, _ in told["attacks"][kind]["denials"] if label == LABELS[kind]}
    assert {name for name in outcomes if name[:15] not in logged} == set()
    assert len({name[:15] for name in outcomes}) == len(outcomes) >= at_least
