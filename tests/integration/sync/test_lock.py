"""The host's lock: who has it, who gets it next, and that nobody keeps it by dying."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.sync.conftest import FILES, Lab, MakeLab

from bb8deploy.base.errors import Locked
from bb8deploy.host.lock.lock_owner import Owner
from bb8deploy.lanes.sync.sync import sync

DEADLINE = 60.0


def test_a_held_lock_names_its_owner(lab: Lab) -> None:
    first = lab.run()
    with lab.host() as holder, holder.lock(first), lab.host() as other:
        with pytest.raises(Locked) as caught, other.lock(lab.run()):
            pytest.fail("two runs held the lock")
        assert caught.value.code == "HOST_LOCKED"
        assert caught.value.exit_code == 5
        for word in (str(os.getpid()), first.id, "`sync`"):
            assert word in caught.value.cause
    assert not lab.lock_folder.exists()


def test_a_sync_stops_at_a_lock_before_it_changes_anything(lab: Lab) -> None:
    with lab.host() as holder, holder.lock(lab.run()), lab.host() as other, pytest.raises(Locked):
        sync(lab.run(), other)
    assert not lab.runtime.exists()


def test_the_lock_inside_the_lock_is_the_same_lock(lab: Lab) -> None:
    run = lab.run()
    with lab.host() as host, host.lock(run):
        with host.lock(run):
            assert host.locked
        assert host.locked
        assert lab.lock_folder.exists()
    assert not lab.lock_folder.exists()


def test_an_error_inside_lets_go(lab: Lab) -> None:
    with lab.host() as host, pytest.raises(KeyboardInterrupt), host.lock(lab.run()):
        raise KeyboardInterrupt
    assert not lab.lock_folder.exists()


def test_closing_the_host_lets_go(lab: Lab) -> None:
    host = lab.host()
    guard = host.lock(lab.run())
    guard.__enter__()
    assert lab.lock_folder.exists()
    host.close()
    host.close()
    assert not lab.lock_folder.exists()
    guard.__exit__(None, None, None)


def plant(lab: Lab, owner: Owner | str, *, expires: int | None) -> None:
    """Leaves a lock as another user would."""
    lab.lock_folder.mkdir(parents=True)
    text = owner if isinstance(owner, str) else owner.line()
    (lab.lock_folder / "owner").write_text(f"{text}\n")
    if expires is not None:
        (lab.lock_folder / "expires").write_text(f"{expires}\n")


ELSEWHERE = Owner("eve", "elsewhere", 4711, "run-0", "deploy", "2026-01-01T00:00:00+00:00")


def test_an_expired_lock_is_taken_over_with_a_note(lab: Lab) -> None:
    plant(lab, ELSEWHERE, expires=int(time.time()) - 10)
    with lab.host() as host, host.lock(lab.run()):
        assert Owner.parse((lab.lock_folder / "owner").read_text()) != ELSEWHERE
    assert any("took over" in line and "eve@elsewhere" in line for line in lab.watcher.lines)
    assert list(lab.lock_folder.parent.glob("*.lock*")) == []


def test_a_lock_of_another_machine_is_respected_until_it_expires(lab: Lab) -> None:
    plant(lab, ELSEWHERE, expires=int(time.time()) + 1000)
    with lab.host() as host, pytest.raises(Locked) as caught, host.lock(lab.run()):
        pytest.fail("the lock was not respected")
    assert "eve@elsewhere" in caught.value.cause
    assert (lab.lock_folder / "owner").exists()


@pytest.mark.parametrize("expires", ["", "soon"])
def test_a_lock_without_a_readable_expiry_is_respected_while_it_is_fresh(lab: Lab, expires: str) -> None:
    plant(lab, "torn", expires=None)
    (lab.lock_folder / "expires").write_text(expires)
    with lab.host() as host, pytest.raises(Locked) as caught, host.lock(lab.run()):
        pytest.fail("the lock was not respected")
    assert "an unknown owner" in caught.value.cause


def test_an_old_lock_without_an_owner_is_taken_over(lab: Lab) -> None:
    lab.lock_folder.mkdir(parents=True)
    old = time.time() - 1000
    os.utime(lab.lock_folder, (old, old))
    with lab.host() as host, host.lock(lab.run()):
        assert (lab.lock_folder / "owner").exists()


def test_the_lock_of_a_process_that_is_gone_is_taken_over(lab: Lab) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = Owner.of_run("run-0", "deploy")
    dead = Owner(mine.user, mine.host, gone.pid, "run-0", "deploy", mine.since)
    plant(lab, dead, expires=int(time.time()) + 1000)
    with lab.host() as host, host.lock(lab.run()):
        owner = Owner.parse((lab.lock_folder / "owner").read_text())
    assert owner is not None
    assert owner.pid == os.getpid()


def test_a_killed_client_leaves_no_lock_over_ssh(ssh_lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "hold.py"
    script.write_text(
        "import sys, time\nfrom pathlib import Path\nfrom types import SimpleNamespace as N\n"
        "from bb8deploy.host.open_host import open_host\nfrom bb8deploy.settings.load_settings import load\n"
        "tell = N(note=print, warn=print)\n"
        "host = open_host(load(Path('.')), tell)\n"
        "with host.lock(N(id='r1', command='deploy')):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    environ = {**os.environ, **ssh_lab.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environ, cwd=tmp_path)
    assert child.stdout
    assert child.stdout.readline() == b"held\n"
    assert ssh_lab.lock_folder.exists()
    child.kill()
    child.wait()
    child.stdout.close()
    end = time.monotonic() + DEADLINE
    while ssh_lab.lock_folder.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("kind", ["full", "mount"])
def test_what_a_cut_run_left_between_two_renames_is_restored_first(make_lab: MakeLab, kind: str) -> None:
    lab = make_lab(kind)
    with lab.host() as host:
        sync(lab.run(), host)
    lab.runtime.rename(lab.state.parent / "aside")
    lab.state.mkdir(exist_ok=True)
    (lab.state.parent / "aside").rename(lab.state / "previous")
    (lab.state / "next.run-0").mkdir()
    (lab.state / "next.run-0/half").write_text("x")
    (lab.state / "swapping").write_text("1\n")
    with lab.host() as host, host.lock(lab.run()):
        assert lab.on_host() == FILES
    assert any("earlier tree was put back" in line for line in lab.watcher.lines)
    assert list(lab.state.iterdir()) == []


@pytest.mark.parametrize("kind", ["full", "mount"])
def test_either_route_finishes_a_copy_in_place_that_was_cut(make_lab: MakeLab, kind: str) -> None:
    lab = make_lab(kind)
    with lab.host() as host:
        sync(lab.run(), host)
    lab.state.mkdir(exist_ok=True)
    lab.runtime.rename(lab.state / "previous")
    lab.runtime.mkdir()
    (lab.runtime / "run.sh").write_text("torn")
    (lab.runtime / "stray").write_text("torn")
    (lab.state / "inplace").write_text("1\n")
    with lab.host() as host, host.lock(lab.run()):
        assert lab.on_host() == FILES
    assert not (lab.state / "inplace").exists()


def test_a_folder_that_was_removed_by_hand_is_not_resurrected(lab: Lab) -> None:
    with lab.host() as host:
        sync(lab.run(), host)
    lab.state.mkdir(exist_ok=True)
    lab.runtime.rename(lab.state / "previous")
    with lab.host() as host, host.lock(lab.run()):
        assert not lab.runtime.exists()
    (lab.state / "swapping").write_text("0\n")
    with lab.host() as host, host.lock(lab.run()):
        assert not lab.runtime.exists()


def test_an_owner_reads_back_from_its_line() -> None:
    owner = Owner.of_run("run-1", "deploy")
    assert Owner.parse(owner.line()) == owner
    assert not owner.is_dead()
    assert not ELSEWHERE.is_dead()
    assert json.loads(owner.line())["pid"] == os.getpid()
    for text in ("", "x", "[]", "{}", '{"user": 1}'):
        assert Owner.parse(text) is None
