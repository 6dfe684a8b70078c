"""The lock: who holds it, until when, how it is waited for and removed, and what is not a lock at all."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.host.localhost import LocalTransport, Place, folder_of

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.lock.lock_lifetime import HostLock
from bb8deploy.host.lock.lock_owner import Held, HostLocked, Owner
from bb8deploy.host.lock.ssh_lock import SshHolding
from bb8deploy.host.shell.run_programs import Shell
from bb8deploy.workspace.ignore_patterns import Ignore

IGNORE = Ignore.parse("")
ELSEWHERE = Owner("eve", "elsewhere", 4711, "run-0", "deploy", "2026-01-01T00:00:00+00:00")
ME = Owner.of_run("run-1", "deploy")


def plant(place: Place, owner: Owner, seconds: int) -> None:
    """Leaves a lock of another machine that expires in so many seconds."""
    place.lock_folder.mkdir(parents=True)
    (place.lock_folder / "owner").write_text(f"{owner.line()}\n")
    (place.lock_folder / "expires").write_text(f"{int(time.time()) + seconds}\n")


def test_a_lock_that_does_not_exist_has_no_owner(place: Place) -> None:
    assert folder_of(place).look() is None


def test_a_held_lock_shows_owner_and_expiry(place: Place) -> None:
    plant(place, ELSEWHERE, 3600 * 5 + 60)
    held = folder_of(place).look()
    assert held is not None
    assert held.owner == ELSEWHERE
    assert "eve@elsewhere" in str(held)
    assert "in 5 hours" in str(held)
    with pytest.raises(HostLocked) as caught:
        place.hold("run-1")
    assert "in 5 hours" in caught.value.cause
    assert "bb8deploy unlock" in caught.value.remedy
    assert "--lock-wait" in caught.value.remedy


def test_an_expiry_in_centuries_is_a_date_like_any_other() -> None:
    assert "in 317 years" in str(Held(ELSEWHERE.line(), 12_000_000_000, 2_000_000_000))
    assert "expired" in str(Held(ELSEWHERE.line(), 1_000_000_000, 2_000_000_000))
    assert "not a date" in str(Held(ELSEWHERE.line(), 10**30, 2_000_000_000))
    assert str(Held("torn")) == "an unknown owner"


def test_the_expiry_of_a_lock_that_the_dev_loop_renews_is_not_a_promise() -> None:
    held = Held(replace(ELSEWHERE, command="dev").line(), 5000, 1000)
    assert str(held).endswith("in 66 minutes, unless `dev` renews it")
    assert "quit `dev`" in HostLocked(held, "ha").remedy
    assert "unless" not in str(Held(ELSEWHERE.line(), 5000, 1000))
    assert "--lock-wait" in HostLocked(Held(ELSEWHERE.line()), "ha").remedy


def test_a_lock_is_removed_only_from_the_owner_that_was_shown(place: Place) -> None:
    plant(place, ELSEWHERE, 3600)
    folder = folder_of(place)
    assert not folder.remove(Held(replace(ELSEWHERE, run="run-9").line()))
    assert place.lock_folder.exists()
    held = folder.look()
    assert held
    assert folder.remove(held)
    assert folder.look() is None
    assert not folder.remove(held)
    assert [path.name for path in place.lock_folder.parent.iterdir()] == []


def test_a_run_whose_lock_was_removed_changes_nothing(place: Place) -> None:
    if place.shell is None:
        pytest.skip("SKIPPED: on a share the holder is this process")
    place.send("run-0", "v0")
    holding = place.hold("run-1")
    held = folder_of(place).look()
    assert held
    assert folder_of(place).remove(held)
    with pytest.raises(Bb8Error) as caught:
        place.files.restore_previous("run-1", IGNORE)
    holding.release()
    assert caught.value.code in {"LOCK_LOST", "PREVIOUS_MISSING"}
    assert place.text == "v0"


def test_a_lock_is_waited_for_and_the_wait_is_reported_once(place: Place) -> None:
    plant(place, ELSEWHERE, 3600)
    said: list[str] = []
    lock = HostLock(folder_of(place), said.append)
    timer = threading.Timer(0.5, lambda: subprocess.run(["rm", "-r", str(place.lock_folder)], check=True))
    timer.start()
    with lock.held(ME, build_deadline=0, wait=60):
        assert lock.holding
    timer.join()
    assert len(said) == 1
    assert "eve@elsewhere" in said[0]
    assert not place.lock_folder.exists()


def test_without_a_wait_the_answer_comes_at_once(place: Place) -> None:
    plant(place, ELSEWHERE, 3600)
    said: list[str] = []
    with (
        pytest.raises(HostLocked),
        HostLock(folder_of(place), said.append).held(ME, build_deadline=0, wait=0),
    ):
        pytest.fail("the lock was not respected")
    assert said == []  # a wait would be reported


@pytest.mark.skipif(os.geteuid() != 0, reason="SKIPPED: only root can start a process of another user")
@pytest.mark.parametrize("kind", ["no state folder", "a state folder of another user"])
def test_a_folder_that_cannot_be_made_is_not_a_lock(
    transport: LocalTransport, tmp_path: Path, kind: str
) -> None:
    runtime = tmp_path / "addons/beep"
    runtime.parent.mkdir(mode=0o755)
    if kind != "no state folder":
        (runtime.parent / ".bb8deploy").mkdir(mode=0o755)
    for path in (tmp_path, *tmp_path.parents):
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    transport.user = 65534
    with pytest.raises(Bb8Error) as caught:
        SshHolding(Shell(transport, str(runtime)), ME, lease=60, receipt="/nowhere")
    assert caught.value.code == "SYNC_HOST_FAILED"
    assert "cannot be written" in caught.value.cause
    assert any("denied" in line for line in caught.value.details)


def moved(place: Place, name: str, owner: Owner, seconds: int) -> Path:
    """A lock that a take-over has moved away; its owner's time ends in so many seconds."""
    folder = place.lock_folder.with_name(f"{place.lock_folder.name}.{name}")
    folder.mkdir(parents=True)
    (folder / "owner").write_text(f"{owner.line()}\n")
    (folder / "expires").write_text(f"{int(time.time()) + seconds}\n")
    return folder


def test_locks_that_killed_take_overs_left_go_if_their_owner_is_gone(place: Place) -> None:
    gone = [moved(place, "run-7", ELSEWHERE, -5), moved(place, "unlock", ELSEWHERE, -7200)]
    held = moved(place, "run-8", ELSEWHERE, 3600)
    other = moved(place, "run-9", ELSEWHERE, -5)
    (other / "mine.txt").write_text("by hand")
    another_app = moved(place, "x.lock", ELSEWHERE, -5)
    with place.locked("run-1"):
        end = time.monotonic() + 60
        while any(folder.exists() for folder in gone) and time.monotonic() < end:
            threading.Event().wait(0.02)
    assert [folder for folder in gone if folder.exists()] == []
    for folder in (held, other, another_app):
        assert (folder / "owner").read_text() == f"{ELSEWHERE.line()}\n"
    assert (other / "mine.txt").read_text() == "by hand"
