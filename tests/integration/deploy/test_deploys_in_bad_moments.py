"""Whole deploys while the host is in a bad moment: waited for, or given up with the host as it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest
from tests.integration.deploylab import DEADLINE, Lab, Watcher, config
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.supervisor import wait_for_startup
from bb8deploy.lanes.diagnose.diagnose import diagnose
from bb8deploy.lanes.sync.sync import sync_host
from ha_sandbox import Situation

pytestmark = pytest.mark.e2e

PROVEN = {"VERIFY_OK", "RUNTIME_TOPOLOGY_OK"}


def over_ssh(lab: Lab) -> dict[str, str]:
    """`ha` over ssh, and no other route."""
    return {k: v for k, v in lab.box.env().items() if k not in {"HA_URL", "HA_LLAT"}}


def through_core(lab: Lab) -> dict[str, str]:
    """A mounted share, and Core's WebSocket."""
    return {k: v for k, v in lab.box.env().items() if not k.startswith("HA_SSH")} | lab.box.mount_env()


def inside(lab: Lab) -> dict[str, str]:
    """A mounted share, and the Supervisor's own address, as inside Home Assistant."""
    own = {"SUPERVISOR_URL": lab.box.supervisor_url, "SUPERVISOR_TOKEN": lab.box.supervisor_token}
    return {k: v for k, v in through_core(lab).items() if k not in {"HA_URL", "HA_LLAT"}} | own


ROUTES: dict[str, Callable[[Lab], dict[str, str]]] = {
    "ha": over_ssh,
    "websocket": through_core,
    "rest": inside,
}


REFUSALS = {"ha": "not ready", "websocket": "Core is starting", "rest": "not ready"}
"""What a host that starts answers first on each route."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks again soon; how long it waits in all is as ever."""
    monkeypatch.setattr(wait_for_startup, "POLL", 0.05)


def deploy_version(lab: Lab, version: str, route: str) -> None:
    """Deploys a version by one route. Raises what the deploy raises."""
    lab.environ = ROUTES[route](lab)
    lab.write(config=config(version))
    lab.deploy()


def start_when_waited_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is ready as soon as the deploy has said that it waits, however long that takes."""
    note = Watcher.note

    def told(watcher: Watcher, text: str) -> None:
        note(watcher, text)
        if "waiting up to" in text:
            lab.box.faults.end(Situation.NOT_READY)
            lab.box.faults.end(Situation.CORE_BOOTING)

    monkeypatch.setattr(Watcher, "note", told)


def test_a_supervisor_that_restarts_is_waited_for_on_every_route(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is starting at the first question, and restarts again in the middle of the build."""
    lab.box.faults.restart_seconds = 0.5
    start_when_waited_for(lab, monkeypatch)
    for number, route in enumerate(ROUTES):
        lab.box.faults.begin(Situation.NOT_READY, DEADLINE)
        lab.box.faults.begin(Situation.CORE_BOOTING, DEADLINE)
        lab.box.faults.begin(Situation.RESTART_IN_JOB)
        deploy_version(lab, f"1.0.{number}", route)
        assert set(lab.tokens) >= PROVEN, lab.lines()
        assert (lab.state()["version"], lab.state()["state"]) == (f"1.0.{number}", "started")
        assert any(REFUSALS[route] in line for line in lab.watcher.lines), lab.watcher.lines
        assert Situation.RESTART_IN_JOB not in lab.box.faults


def test_a_job_that_is_lost_with_a_restart_is_no_deploy_on_any_route(lab: Lab) -> None:
    lab.box.faults.restart_seconds = 0.1
    deploy_version(lab, "1.0.0", "ha")
    for route in ROUTES:
        lab.box.faults.begin(Situation.RESTART_LOSES_JOB)
        with pytest.raises(Bb8Error) as caught:
            deploy_version(lab, "1.0.1", route)
        assert caught.value.exit_code in {3, 4}, caught.value
        assert not {"VERIFY_OK", "DEPLOY_OK"} & set(lab.tokens), lab.lines()
        assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")
        assert 'version: "1.0.0"' in (runtime(lab) / "config.yaml").read_text()


def test_a_route_without_the_rights_of_a_deploy_is_left_for_the_next_one(lab: Lab) -> None:
    """An SSH app with the role `default` may read the app's info, and nothing of what a deploy does."""
    with lab.box.faults.during(Situation.ROLE_DEFAULT):
        lab.deploy()
    assert set(lab.tokens) >= PROVEN
    (put_in,) = [line for line in lab.lines() if line.startswith("TOKEN: DEPLOY_OK ")]
    assert "route=websocket" in put_in


@pytest.mark.parametrize(
    ("situation", "route"),
    [
        (Situation.SUPERVISOR_STOPPED, "ha"),
        (Situation.SUPERVISOR_STOPPED, "rest"),
        (Situation.CORE_STOPPED, "websocket"),
    ],
)
def test_a_host_that_is_silent_is_given_up_before_anything_is_sent(
    lab: Lab, situation: Situation, route: str
) -> None:
    lab.box.faults.no_route_seconds = 0.1
    with lab.box.faults.during(situation), pytest.raises(Bb8Error) as caught:
        deploy_version(lab, "1.0.0", route)
    assert caught.value.exit_code == 3
    assert not (runtime(lab) / "config.yaml").exists()
    assert "CLEAN_RUNTIME_OK" not in lab.tokens


def test_a_file_of_the_future_and_a_receipt_that_cannot_be_kept_stop_no_deploy(lab: Lab) -> None:
    other = lab.box.local_root / "other/file"
    other.parent.mkdir(parents=True)
    other.write_text("from a PC whose clock is ahead")
    ahead = time.time() + 86_400
    os.utime(other, (ahead, ahead))
    blocked = lab.folder / "blocked"
    blocked.write_text("a file where a folder is needed")
    lab.environ["HA_REPORTS_DIR"] = str(blocked)
    for version in ("1.0.0", "1.0.1"):
        lab.write(config=config(version))
        lab.deploy()
        assert set(lab.tokens) >= PROVEN
        assert lab.state()["version"] == version
        assert any("receipt on the host" in line for line in lab.watcher.lines)
    lab.write(config=config("1.0.2"))
    sync_host(lab.run())
    assert "CLEAN_RUNTIME_OK" in lab.tokens
    seen = [check for check in diagnose(lab.run()).checks if check.code == "FILES_AHEAD"]
    assert [str(other) in check.seen for check in seen] == [True]
