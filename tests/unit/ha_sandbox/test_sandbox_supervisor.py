"""The sandbox's Supervisor behaves as the recorded one, on a host in memory."""

from __future__ import annotations

from typing import Any

import pytest

from ha_sandbox.supervisor.tokens_and_roles import Caller, Role


def test_a_reload_notices_nothing_while_the_newest_mtime_stays(installed: Any) -> None:
    path = installed.folder / "config.yaml"
    before = path.stat()
    path.write_text(path.read_text().replace("1.0.0", "1.0.1"))
    import os

    os.utime(path, (before.st_mtime, before.st_mtime))
    os.utime(installed.folder, (before.st_mtime, before.st_mtime))
    installed.ok("POST", "/store/reload")
    assert installed.info["version_latest"] == "1.0.0"
    installed.touch()
    installed.ok("POST", "/store/reload")
    assert installed.info["version_latest"] == "1.0.1"
    assert installed.info["update_available"] is True


def test_an_empty_map_crashes_one_reload_and_the_next_one_reads_nothing(installed: Any) -> None:
    installed.write(map=None, version="2.0.0")
    assert installed.key("POST", "/store/reload") == (400, "'NoneType' object is not iterable")
    installed.ok("POST", "/store/reload")
    assert installed.info["version_latest"] == "1.0.0"


def test_a_config_that_does_not_validate_detaches_the_app(installed: Any) -> None:
    installed.write(arch=...)
    installed.ok("POST", "/store/reload")
    assert installed.info["detached"] is True
    assert installed.key("POST", "/addons/local_probe/rebuild") == (400, "app_not_in_store_error")
    assert installed.key("GET", "/store/addons/local_probe") == (404, "store_app_not_found_error")
    assert "required key not provided" in installed.call("GET", "/supervisor/logs")[1]


@pytest.mark.parametrize("folder", [".staging", "rootfs"])
def test_hidden_folders_and_rootfs_are_not_apps(host: Any, folder: str) -> None:
    place = host.root / "addons" / folder
    place.mkdir()
    (place / "config.yaml").write_text((host.folder / "config.yaml").read_text().replace("probe", "ghost"))
    host.touch()
    host.ok("POST", "/store/reload")
    assert [row["slug"] for row in host.ok("GET", "/store/addons")["addons"]] == ["local_probe"]


def test_a_failed_install_leaves_nothing_installed(host: Any) -> None:
    (host.folder / "Dockerfile").write_text("FAIL")
    host.ok("POST", "/store/reload")
    assert host.key("POST", "/store/addons/local_probe/install") == (500, "app_build_failed_unknown_error")
    assert host.info["installed"] is False
    assert "step 1 said FAIL" in host.call("GET", "/supervisor/logs")[1]


def test_an_update_builds_before_it_stops_the_old_one(started: Any) -> None:
    started.write(version="1.1.0")
    started.ok("POST", "/store/reload")
    started.runtime.events.clear()
    started.ok("POST", "/store/addons/local_probe/update")
    assert started.runtime.events == ["build 1.1.0", "remove 1.0.0", "start 1.1.0"]
    assert started.info["version"] == "1.1.0"


def test_a_failed_update_keeps_the_old_one_running(started: Any) -> None:
    started.write(version="1.1.0")
    (started.folder / "Dockerfile").write_text("FAIL")
    started.ok("POST", "/store/reload")
    assert started.key("POST", "/store/addons/local_probe/update") == (500, "app_build_failed_unknown_error")
    assert (started.info["version"], started.info["state"]) == ("1.0.0", "started")
    assert started.runtime.containers[-1].stopped_with is None


def test_a_rebuild_removes_before_it_builds(started: Any) -> None:
    started.runtime.events.clear()
    started.ok("POST", "/addons/local_probe/rebuild")
    assert started.runtime.events == ["remove 1.0.0", "build 1.0.0", "start 1.0.0"]


def test_a_failed_rebuild_leaves_error_and_a_good_one_does_not_start_it(started: Any) -> None:
    (started.folder / "Dockerfile").write_text("FAIL")
    assert started.key("POST", "/addons/local_probe/rebuild") == (500, "app_unknown_error")
    assert started.info["state"] == "error"
    assert started.key("POST", "/addons/local_probe/start") == (500, "app_unknown_error")
    (started.folder / "Dockerfile").write_text("FROM scratch")
    started.ok("POST", "/addons/local_probe/rebuild")
    assert started.info["state"] == "error"
    started.ok("POST", "/addons/local_probe/start")
    assert started.info["state"] == "started"


def test_a_rebuild_is_refused_after_a_version_change_even_by_force(started: Any) -> None:
    started.write(version="1.0.1")
    started.ok("POST", "/addons/local_probe/rebuild")  # not reloaded: goes in under the old version
    started.ok("POST", "/store/reload")
    refused = (400, "app_rebuild_version_changed_error")
    assert started.key("POST", "/addons/local_probe/rebuild") == refused
    assert started.key("POST", "/addons/local_probe/rebuild", {"force": True}) == refused


def test_a_lower_version_counts_as_an_update(started: Any) -> None:
    started.write(version="0.9.0")
    started.ok("POST", "/store/reload")
    assert started.info["update_available"] is True
    started.ok("POST", "/store/addons/local_probe/update")
    assert started.info["version"] == "0.9.0"
    assert started.key("POST", "/store/addons/local_probe/update") == (400, "app_no_update_available_error")


def test_one_job_per_app(started: Any, in_thread: Any) -> None:
    import threading

    started.runtime.building.clear()
    started.runtime.gate = threading.Event()
    thread = in_thread(lambda: started.ok("POST", "/addons/local_probe/rebuild"))
    assert started.runtime.building.wait(60)
    busy = (400, "Another job is running for job group app_local_probe")
    assert started.key("POST", "/addons/local_probe/start") == busy
    jobs = started.ok("GET", "/jobs/info")["jobs"]
    assert [(job["name"], job["reference"]) for job in jobs] == [("app_manager_rebuild", "local_probe")]
    assert started.ok("GET", f"/jobs/{jobs[0]['uuid']}")["child_jobs"][0]["name"] == "app_rebuild"
    started.runtime.gate.set()
    thread.join()
    assert started.ok("GET", "/jobs/info")["jobs"] == []
    assert started.key("GET", f"/jobs/{jobs[0]['uuid']}") == (404, "Job does not exist")


def test_a_background_update_answers_with_a_job_and_fails_silently(started: Any) -> None:
    started.write(version="3.0.0")
    (started.folder / "Dockerfile").write_text("FAIL")
    started.ok("POST", "/store/reload")
    data = started.ok("POST", "/store/addons/local_probe/update", {"background": True})
    assert len(data["job_id"]) == 32
    started.manager.jobs.join()
    assert started.info["version"] == "1.0.0"


def test_a_container_that_dies_turns_the_state_to_error_though_start_returned_200(started: Any) -> None:
    started.runtime.containers[-1].die(1)
    assert started.info["state"] == "error"
    assert started.key("GET", "/addons/local_probe/stats") == (400, "app_not_running_error")


def test_a_late_death_of_an_old_container_does_not_touch_the_new_one(started: Any) -> None:
    old = started.runtime.containers[-1]
    started.ok("POST", "/addons/local_probe/restart")
    old.die(1)
    assert started.info["state"] == "started"


def test_a_container_that_cannot_start_is_an_unknown_error(installed: Any) -> None:
    (installed.folder / "Dockerfile").write_text("NOSTART")
    installed.ok("POST", "/addons/local_probe/rebuild")
    assert installed.key("POST", "/addons/local_probe/start") == (500, "app_unknown_error")
    assert installed.info["state"] == "error"


def test_start_and_stop_twice_do_nothing_the_second_time(started: Any) -> None:
    started.ok("POST", "/addons/local_probe/start")
    assert len(started.runtime.containers) == 1
    for _ in range(2):
        started.ok("POST", "/addons/local_probe/stop")
    assert started.info["state"] == "stopped"
    assert started.runtime.containers[0].stopped_with == 10.0


def test_options_replace_each_other_drop_unknown_keys_and_reset_with_null(installed: Any) -> None:
    path = "/addons/local_probe/options"
    installed.ok("POST", path, {"options": {"level": "debug", "n": 4, "zzz": 1}})
    assert installed.info["options"] == {"level": "debug", "n": 4}
    assert installed.key("POST", path, {"options": {"level": "loud", "n": 4}}) == (
        400,
        "app_configuration_invalid_error",
    )
    installed.ok("POST", path, {"options": None})
    assert installed.info["options"] == {"level": "info", "n": 3}
    assert installed.key("POST", path, {"foo": 1}) == (400, "extra keys not allowed @ data['foo']. Got 1")


def test_options_reach_the_container_as_options_json(installed: Any) -> None:
    import json

    installed.ok("POST", "/addons/local_probe/options", {"options": {"level": "warn", "n": 4}})
    installed.ok("POST", "/addons/local_probe/start")
    file = installed.runtime.containers[-1].spec.data / "options.json"
    assert json.loads(file.read_text()) == {"level": "warn", "n": 4}


def test_bad_defaults_show_first_at_start(host: Any) -> None:
    host.write(options={"level": "info", "n": 99})
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    status, answer = host.call("POST", "/addons/local_probe/start")
    assert (status, answer["error_key"]) == (400, "app_configuration_invalid_error")
    assert answer["extra_fields"]["validation_error"].startswith("value must be at most 10.0. Got ")


def test_tokens_open_what_their_role_may_reach(installed: Any) -> None:
    assert installed.call("GET", "/addons", token="") == (401, "401: Unauthorized")
    assert installed.call("GET", "/addons", token="wrong") == (403, "403: Forbidden")
    manager = installed.access.grant(Caller(Role.MANAGER))
    assert installed.call("GET", "/addons", token=manager)[0] == 200
    security = ("POST", "/addons/local_probe/security", {"protected": False})
    assert installed.call(*security, token=manager) == (403, "403: Forbidden")
    default = installed.access.grant(Caller(Role.DEFAULT, "local_probe"))
    assert installed.call("GET", "/addons/local_probe/info", token=default)[0] == 200
    assert installed.call("POST", "/store/reload", token=default) == (403, "403: Forbidden")
    assert installed.call("GET", "/addons/self/info", token=default)[0] == 200


def test_an_add_on_without_the_api_reaches_itself_and_its_services_alone(host: Any) -> None:
    host.write(services=["mqtt:want"])
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    host.ok("POST", "/addons/local_probe/start")
    token = host.runtime.containers[-1].spec.environment["SUPERVISOR_TOKEN"]
    status, answer = host.call("GET", "/services/mqtt", token=token)
    assert (status, answer["data"]["username"], answer["data"]["password"]) == (200, "user", "word")
    assert host.call("GET", "/addons", token=token) == (403, "403: Forbidden")
    host.ok("POST", "/addons/local_probe/stop")
    assert host.call("GET", "/services/mqtt", token=token) == (403, "403: Forbidden")


def test_logs_come_with_lines_times_and_only_since_the_last_start(started: Any) -> None:
    started.runtime.containers[-1].spec.on_line("first life")
    started.ok("POST", "/addons/local_probe/restart")
    started.runtime.containers[-1].spec.on_line("\x1b[31msecond life\x1b[0m")
    started.runtime.containers[-1].spec.on_line("goes on")
    logs = "/addons/local_probe/logs"
    assert started.call("GET", logs)[1].splitlines()[0] == "first life"
    assert started.call("GET", f"{logs}/latest")[1] == "second life\ngoes on\n"
    assert len(started.call("GET", f"{logs}?lines=2")[1].splitlines()) == 2
    assert "app_local_probe[1]: goes on" in started.call("GET", f"{logs}?verbose=")[1]


def test_an_uninstalled_app_is_known_by_the_store_alone(started: Any) -> None:
    started.ok("POST", "/addons/local_probe/uninstall", {"remove_config": False})
    assert (started.info["installed"], started.info["state"]) == (False, "unknown")
    assert started.key("POST", "/addons/local_probe/rebuild") == (400, "App is not installed")


@pytest.mark.parametrize("kind", ["tcp", "udp"])
def test_a_port_that_another_app_holds_is_a_conflict_for_the_same_protocol(started: Any, kind: str) -> None:
    started.write(version="1.0.1", ports={"80/tcp": 18080})
    started.ok("POST", "/store/reload")
    started.ok("POST", "/store/addons/local_probe/update")
    other = started.root / "addons" / "other"
    other.mkdir()
    text = (started.folder / "config.yaml").read_text()
    (other / "config.yaml").write_text(text.replace('"probe"', '"other"').replace("80/tcp", f"80/{kind}"))
    (other / "Dockerfile").write_text("FROM scratch")
    started.tick += 100
    started.touch()
    started.ok("POST", "/store/reload")
    started.ok("POST", "/store/addons/local_other/install")
    status, answer = started.call("POST", "/addons/local_other/start")
    expected = (400, "app_port_conflict") if kind == "tcp" else (200, None)
    assert (status, answer.get("error_key")) == expected


def test_an_unexpected_error_is_answered_and_logged(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_request: object) -> str:
        raise PermissionError("the image folder cannot be written")

    monkeypatch.setattr(host.runtime, "build", fail)
    host.ok("POST", "/store/reload")
    status, body = host.call("POST", "/store/addons/local_probe/install")
    assert status == 500
    assert "the image folder cannot be written" in str(body)
    assert "PermissionError" in host.call("GET", "/supervisor/logs")[1]


def test_an_app_with_an_image_is_pulled_and_not_built(host: Any) -> None:
    host.write(image="example/probe-{arch}")
    host.ok("POST", "/store/reload")
    host.ok("POST", "/store/addons/local_probe/install")
    arch = host.manager.arch
    assert host.runtime.events == [f"pull example/probe-{arch}:1.0.0"]
    assert host.info["build"] is False
    assert host.key("POST", "/addons/local_probe/rebuild") == (400, "app_rebuild_image_based_error")
    host.ok("POST", "/addons/local_probe/rebuild", {"force": True})
    assert host.runtime.events[-1] == f"pull example/probe-{arch}:1.0.0"


def test_an_image_that_cannot_be_pulled_is_an_unknown_error_with_its_reason_in_the_log(host: Any) -> None:
    host.write(image="example/missing")
    host.ok("POST", "/store/reload")
    assert host.key("POST", "/store/addons/local_probe/install") == (500, "app_unknown_error")
    assert "Can't install example/missing:1.0.0: not found" in host.call("GET", "/supervisor/logs")[1]
