"""Tells the Supervisor's refusals apart, by key and by the words of old ones."""

from __future__ import annotations

import pytest

from bb8deploy.host.supervisor.route_interface import (
    AddonState,
    RefusalKind,
    SupervisorError,
    classify,
    parse_health,
    parse_jobs,
    unwrap,
)


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        ("app_rebuild_version_changed_error", "", RefusalKind.VERSION_CHANGED),
        ("", "Version changed, use Update instead Rebuild", RefusalKind.VERSION_CHANGED),
        ("", "Another job is running for job group app_local_x", RefusalKind.BUSY),
        ("", "System is not ready with state: startup", RefusalKind.NOT_READY),
        (
            "",
            "'AppManager.install' blocked from execution, system is not healthy - setup",
            RefusalKind.UNHEALTHY,
        ),
        ("", "App local_nope does not exist", RefusalKind.UNKNOWN_APP),
        ("store_app_not_found_error", "", RefusalKind.UNKNOWN_APP),
        ("", "Addon local_x is not installed", RefusalKind.NOT_INSTALLED),
        ("app_no_update_available_error", "", RefusalKind.NO_UPDATE),
        ("app_not_in_store_error", "", RefusalKind.NOT_IN_STORE),
        ("app_build_failed_unknown_error", "", RefusalKind.BUILD_FAILED),
        ("app_port_conflict", "", RefusalKind.PORT),
        ("addon_not_supported_architecture_error", "", RefusalKind.WRONG_ARCH),
        ("app_configuration_invalid_error", "", RefusalKind.OPTIONS),
        ("app_unknown_error", "An unknown error occurred", RefusalKind.OTHER),
        ("", "", RefusalKind.OTHER),
    ],
)
def test_a_refusal_is_known_by_its_key_or_its_words(key: str, text: str, problem: RefusalKind) -> None:
    assert classify(400, key, text) is problem


def test_an_envelope_gives_its_data_or_raises_its_words() -> None:
    assert unwrap({"result": "ok", "data": {"a": 1}}, doing="x") == {"a": 1}
    assert unwrap({"result": "ok"}, doing="x") == {}
    with pytest.raises(SupervisorError, match="No update available") as caught:
        unwrap({"result": "error", "message": "No update available for app X"}, doing="update x")
    assert caught.value.problem is RefusalKind.NO_UPDATE
    with pytest.raises(SupervisorError):
        unwrap([1], doing="x")


def test_states_are_read_whatever_is_left_out() -> None:
    bare = AddonState.parse("local_x", {})
    assert (bare.installed, bare.version, bare.state) == (False, "", "unknown")
    store_only = AddonState.parse("local_x", {"installed": False, "version": None, "version_latest": "1"})
    assert (store_only.installed, store_only.listed) == (False, "1")
    old = AddonState.parse(
        "local_x", {"version": "1", "version_latest": "2", "state": "started", "build": True}
    )
    assert (old.installed, old.version, old.listed, old.built_here) == (True, "1", "2", True)


def test_jobs_are_flat_and_health_forgives_silence() -> None:
    child = {"name": "app_rebuild", "reference": "local_x", "done": False}
    jobs = parse_jobs(
        {"jobs": [{"name": "app_manager_rebuild", "reference": "local_x", "child_jobs": [child]}, 3]}
    )
    assert [job.name for job in jobs] == ["app_manager_rebuild", "app_rebuild"]
    assert parse_jobs({}) == parse_jobs({"jobs": None}) == ()
    assert parse_health({}, {}).healthy
    assert parse_health({"healthy": False}, {"unhealthy": ["setup"]}).unhealthy == ("setup",)


def test_a_progress_that_is_not_a_number_is_decoration() -> None:
    rows = [{"progress": value} for value in ("50 %", None, [], 12, 12.5)]
    assert [job.progress for job in parse_jobs({"jobs": rows})] == [0, 0, 0, 12, 12.5]


def test_a_job_is_done_only_if_the_supervisor_reports_true() -> None:
    rows = [{"done": value} for value in (True, False, None, "false", 1)]
    assert [job.done for job in parse_jobs({"jobs": rows})] == [True, False, False, False, False]


@pytest.mark.parametrize("data", [{"jobs": 3}, {"jobs": {"a": 1}}, {"jobs": [{"child_jobs": "x"}]}])
def test_jobs_that_are_not_a_list_never_pass_for_an_idle_supervisor(data: dict[str, object]) -> None:
    with pytest.raises(SupervisorError, match="no list of jobs"):
        parse_jobs(data)


@pytest.mark.parametrize(
    ("said", "reasons"),
    [(True, ("True",)), ("disk", ("disk",)), (None, ()), (False, ()), (["a", 1], ("a", "1"))],
)
def test_reasons_of_ill_health_are_taken_as_they_come(said: object, reasons: tuple[str, ...]) -> None:
    health = parse_health({"healthy": False}, {"unhealthy": said, "unsupported": said})
    assert health.unhealthy == health.unsupported == reasons
