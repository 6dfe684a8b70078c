"""Each thing that would stop a deploy is an obstacle of its own, with its cause and its remedy."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from tests.unit.host.localhost import Place as HostPlace

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.host_capabilities import HostFacts
from bb8deploy.host.host_readiness import Obstacle, first_blocking, place_obstacles, supervisor_obstacles
from bb8deploy.host.shell.host_probe import FolderSurroundings, Surroundings, look_around

SLUG = "local_beep"
FINE: dict[str, dict[str, Any]] = {
    "supervisor/info": {
        "version": "2026.08.2",
        "version_latest": "2026.08.2",
        "update_available": False,
        "healthy": True,
    },
    "resolution/info": {"unhealthy": [], "unsupported": []},
    "host/info": {"disk_free": 20.0},
    "network/info": {"host_internet": True, "supervisor_internet": True},
    "jobs/info": {"jobs": []},
}
NOW = 1_800_000_000
HERE = FolderSurroundings(present=True, readable=True, parent=True, writable=True, free=10**9)


def with_(document: str, **values: Any) -> dict[str, dict[str, Any]]:
    return {**FINE, document: {**FINE[document], **values}}


def around(ahead: float | None = 0.0, **values: Any) -> Surroundings:
    fields = {name: getattr(HERE, name) for name in HERE.__slots__}
    return Surroundings(
        HostFacts(user="root", clock=NOW), FolderSurroundings(**{**fields, **values}), ahead, 0.5
    )


def codes(found: tuple[Obstacle, ...]) -> list[tuple[str, bool]]:
    for each in found:
        assert each.remedy.endswith(".")
        assert not each.cause.endswith(".")
    return [(each.entry.code, each.blocks) for each in found]


def test_a_host_without_obstacles() -> None:
    assert supervisor_obstacles(FINE, SLUG) == ()
    assert supervisor_obstacles({}, SLUG) == ()
    assert place_obstacles(around(), 1000) == ()
    assert place_obstacles(None) == ()


@pytest.mark.parametrize(
    ("documents", "code", "blocks", "word"),
    [
        (
            with_("supervisor/info", version_latest="2026.09.0", update_available=True),
            "SUPERVISOR_OUTDATED",
            True,
            "2026.09.0",
        ),
        (with_("supervisor/info", healthy=False), "SUPERVISOR_UNHEALTHY", True, "no reason"),
        (with_("resolution/info", unhealthy=["setup"]), "SUPERVISOR_UNHEALTHY", True, "setup"),
        (with_("network/info", host_internet=False), "HOST_OFFLINE", True, "the host"),
        (with_("network/info", supervisor_internet=False), "HOST_OFFLINE", True, "Supervisor"),
        (with_("host/info", disk_free=1.2), "HOST_DISK_LOW", True, "1.2 GB"),
        (with_("host/info", disk_free=3.0), "HOST_DISK_LOW", False, "3 GB"),
        (with_("jobs/info", jobs=[{"name": "backup", "done": False}]), "SUPERVISOR_BUSY", False, "backup"),
    ],
)
def test_each_condition_of_the_supervisor(
    documents: dict[str, dict[str, Any]], code: str, blocks: bool, word: str
) -> None:
    found = supervisor_obstacles(documents, SLUG)
    assert codes(found) == [(code, blocks)]
    assert word in found[0].cause
    error = first_blocking(found)
    assert (error is not None) is blocks
    if isinstance(error, Bb8Error):
        assert (error.code, error.exit_code) == (code, 3)


def test_setup_is_cleared_by_a_restart_alone() -> None:
    (found,) = supervisor_obstacles(with_("resolution/info", unhealthy=["setup"]), SLUG)
    assert "ha supervisor restart" in found.remedy


def test_a_job_about_another_app_is_not_in_the_way() -> None:
    jobs = [{"name": "update", "reference": "local_other", "done": False}]
    assert supervisor_obstacles(with_("jobs/info", jobs=jobs), SLUG) == ()
    assert supervisor_obstacles(with_("jobs/info", jobs="nonsense"), SLUG) == ()


@pytest.mark.parametrize(
    ("seen", "code", "blocks", "word"),
    [
        (around(parent=False), "RUNTIME_PATH_INVALID", True, "does not exist"),
        (around(writable=False), "RUNTIME_NOT_WRITABLE", True, "root"),
        (around(free=1000), "HOST_DISK_FULL", True, "disk of the app folder"),
        (around(ahead=-120.0), "CLOCK_SKEW", False, "behind"),
        (around(newest=(NOW + 86_400, "/addons/x/y")), "FILES_AHEAD", False, "/addons/x/y"),
    ],
)
def test_each_condition_of_the_place(seen: Surroundings, code: str, blocks: bool, word: str) -> None:
    found = place_obstacles(seen, need=10_000)
    assert codes(found) == [(code, blocks)]
    assert word in found[0].cause


def test_our_own_config_file_is_not_ahead() -> None:
    assert place_obstacles(around(newest=(NOW + 2, "/addons/beep/config.yaml"))) == ()


def test_the_place_comes_with_the_lock_and_by_itself(place: HostPlace) -> None:
    if place.shell is None:
        pytest.skip("SKIPPED: a share shows nothing of its host")
    other = place.runtime.parent / "other/file"
    other.parent.mkdir()
    other.write_text("x")
    later = int(time.time()) + 86_400
    os.utime(other, (later, later))
    holding = place.hold("run-1")
    try:
        by_lock, alone = holding.surroundings, look_around(place.shell)
    finally:
        holding.release()
    assert by_lock
    for seen in (by_lock, alone):
        assert seen.place.newest == (later, str(other))
        assert seen.place.writable
        assert (seen.place.free or 0) > 0
        assert abs(seen.ahead or 0.0) < 60
    assert "run-1" in alone.place.owner
    assert by_lock.place.owner == ""
