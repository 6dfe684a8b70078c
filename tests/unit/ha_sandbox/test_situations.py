"""Situations begin, end and expire; what a Supervisor answers in each of them."""

from __future__ import annotations

from typing import Any

import pytest

from ha_sandbox.situations import Faults, Situation, parse_situation

BLOCKED = "'{}' blocked from execution, {}"


def test_a_situation_is_in_force_until_it_is_ended() -> None:
    faults = Faults()
    with faults.during(Situation.NO_INTERNET):
        assert faults.active == (Situation.NO_INTERNET,)
    assert faults.active == ()
    assert faults.end(Situation.NO_INTERNET) is False


def test_a_start_passes_through_its_states_and_ends_by_itself() -> None:
    faults = Faults()
    faults.begin(Situation.NOT_READY, 60)
    assert faults.startup_state == "setup"
    faults.begin(Situation.NOT_READY, 0)
    assert (faults.startup_state, Situation.NOT_READY in faults) == ("", False)


def test_only_a_start_has_a_duration() -> None:
    with pytest.raises(ValueError, match="has no duration"):
        Faults().begin(Situation.NO_INTERNET, 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not-ready", (Situation.NOT_READY, None)),
        ("not-ready=3.5", (Situation.NOT_READY, 3.5)),
        ("core-stopped", (Situation.CORE_STOPPED, None)),
    ],
)
def test_a_situation_is_read_from_the_command_line(text: str, expected: object) -> None:
    assert parse_situation(text) == expected


@pytest.mark.parametrize("text", ["nothing", "core-stopped=3", "not-ready=soon"])
def test_an_unknown_situation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_situation(text)


def test_each_situation_has_a_meaning() -> None:
    assert all(situation.meaning for situation in Situation)


def test_a_starting_supervisor_answers_every_call_with_400(started: Any) -> None:
    with started.faults.during(Situation.NOT_READY, 60):
        for path in ("/addons/local_probe/info", "/supervisor/ping", "/addons/local_probe/logs"):
            assert started.key("GET", path) == (400, "System is not ready with state: setup")
    assert started.info["state"] == "started"


@pytest.mark.parametrize(
    ("situation", "why", "methods"),
    [
        (
            Situation.UPDATE_PENDING,
            "supervisor needs to be updated first",
            {"StoreManager.reload", "AppManager.update"},
        ),
        (
            Situation.NO_INTERNET,
            "no host internet connection",
            {"AppManager.rebuild", "AppManager.update"},
        ),
        (
            Situation.LOW_DISK_SPACE,
            "not enough free space (1.1GB) left on the device",
            {"AppManager.rebuild", "AppManager.update"},
        ),
        (
            Situation.UNHEALTHY_SETUP,
            "system is not healthy - setup",
            {"AppManager.rebuild", "AppManager.update"},
        ),
    ],
)
def test_a_condition_blocks_the_jobs_that_have_it(
    started: Any, situation: Situation, why: str, methods: set[str]
) -> None:
    calls = {
        "StoreManager.reload": "/store/reload",
        "AppManager.rebuild": "/addons/local_probe/rebuild",
        "AppManager.update": "/store/addons/local_probe/update",
    }
    with started.faults.during(situation):
        for method in methods:
            assert started.key("POST", calls[method]) == (400, BLOCKED.format(method, why))
        assert started.info["state"] == "started"
    assert started.runtime.events.count("build 1.0.0") == 1


def test_each_blocking_situation_shows_in_what_the_host_reports(started: Any) -> None:
    with started.faults.during(Situation.UPDATE_PENDING):
        info = started.ok("GET", "/supervisor/info")
        assert info["update_available"]
        assert info["version_latest"] > info["version"]
    with started.faults.during(Situation.NO_INTERNET):
        assert started.ok("GET", "/network/info")["host_internet"] is False
    with started.faults.during(Situation.UNHEALTHY_SETUP):
        assert started.ok("GET", "/supervisor/info")["healthy"] is False
        assert started.ok("GET", "/resolution/info")["unhealthy"] == ["setup"]
        assert started.ok("GET", "/store/addons")["addons"] == []
        assert started.info["detached"] is True
    with started.faults.during(Situation.LOW_DISK_SPACE):
        assert started.ok("GET", "/host/info")["disk_free"] < 2


def test_an_update_of_the_supervisor_lifts_its_condition(started: Any) -> None:
    started.faults.restart_seconds = 0
    started.faults.begin(Situation.UPDATE_PENDING)
    before = started.ok("GET", "/supervisor/info")["version_latest"]
    started.ok("POST", "/supervisor/update")
    assert started.ok("GET", "/supervisor/info")["version"] == before
    started.ok("POST", "/store/reload")


def test_only_a_restart_clears_an_unhealthy_setup(started: Any) -> None:
    started.faults.restart_seconds = 0
    started.write(map=None)
    started.ok("POST", "/supervisor/restart")
    blocked = BLOCKED.format("AppManager.rebuild", "system is not healthy - setup")
    assert started.key("POST", "/addons/local_probe/rebuild") == (400, blocked)
    started.write()
    started.ok("POST", "/store/reload")
    assert started.key("POST", "/addons/local_probe/rebuild") == (400, blocked)
    started.ok("POST", "/supervisor/restart")
    started.ok("POST", "/addons/local_probe/rebuild")


def test_a_broken_neighbour_crashes_the_reload_and_goes_away_again(started: Any) -> None:
    with started.faults.during(Situation.BROKEN_NEIGHBOUR):
        started.touch()
        assert started.key("POST", "/store/reload") == (400, "'NoneType' object is not iterable")
        assert started.info["state"] == "started"
    started.touch()
    started.ok("POST", "/store/reload")


def test_a_job_goes_on_through_a_restart_of_the_supervisor(started: Any) -> None:
    started.faults.restart_seconds = 0
    started.faults.begin(Situation.RESTART_IN_JOB)
    started.write(version="1.1.0")
    started.ok("POST", "/store/reload")
    started.ok("POST", "/store/addons/local_probe/update")
    assert (started.info["version"], started.power.restarts) == ("1.1.0", 1)
    assert Situation.RESTART_IN_JOB not in started.faults


def test_a_job_may_be_lost_with_a_restart_of_the_supervisor(started: Any) -> None:
    started.faults.restart_seconds = 0
    started.write(version="1.1.0")
    started.ok("POST", "/store/reload")
    started.faults.begin(Situation.RESTART_LOSES_JOB)
    started.call("POST", "/store/addons/local_probe/update")
    assert (started.info["version"], started.info["state"]) == ("1.0.0", "started")


def test_a_new_required_option_lets_the_update_pass_and_refuses_the_start(started: Any) -> None:
    schema = {"level": "str", "n": "int", "secret": "password"}
    started.ok("POST", "/addons/local_probe/options", {"options": {"level": "info", "n": 3, "secret": "x"}})
    started.write(version="1.1.0", schema=schema)
    started.ok("POST", "/store/reload")
    status, answer = started.call("POST", "/store/addons/local_probe/update")
    assert (status, answer["error_key"]) == (400, "app_configuration_invalid_error")
    assert "Missing option 'secret'" in answer["message"]
    assert (started.info["version"], started.info["state"]) == ("1.1.0", "stopped")
    options = {"level": "info", "n": 3, "secret": "x"}
    started.ok("POST", "/addons/local_probe/options", {"options": options})
    started.ok("POST", "/addons/local_probe/start")


def test_a_build_error_is_logged_twice(host: Any) -> None:
    (host.folder / "Dockerfile").write_text("FAIL")
    host.ok("POST", "/store/reload")
    host.call("POST", "/store/addons/local_probe/install")
    log = host.call("GET", "/supervisor/logs")[1]
    assert log.count("step 1 said FAIL") == 2
    assert "Docker build failed for local/" in log


def test_an_update_of_an_app_that_is_not_installed_names_it(host: Any) -> None:
    host.ok("POST", "/store/reload")
    expected = (400, "App local_probe is not installed")
    assert host.key("POST", "/store/addons/local_probe/update") == expected


def test_the_installed_copy_decides_whether_a_rebuild_is_image_based(started: Any) -> None:
    started.write(image="example/probe-{arch}")
    started.ok("POST", "/store/reload")
    started.ok("POST", "/addons/local_probe/rebuild")


def test_an_update_replaces_the_apparmor_profile_and_a_rebuild_does_not(started: Any) -> None:
    assert started.info["apparmor"] == "default"
    (started.folder / "apparmor.txt").write_text("profile probe {}\n")
    started.ok("POST", "/addons/local_probe/rebuild")
    assert started.info["apparmor"] == "default"
    started.write(version="1.1.0")
    started.ok("POST", "/store/reload")
    started.ok("POST", "/store/addons/local_probe/update")
    assert started.info["apparmor"] == "profile"
