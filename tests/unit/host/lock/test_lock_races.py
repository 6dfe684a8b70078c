"""A command that takes its lock while the release of another one removes the state folder of all apps.

A release removes that folder if it is empty. Here it does so when a taker is not done with it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.unit.host.localhost import Place, folder_of

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.lock import mount_lock
from bb8deploy.host.lock.lock_owner import HostLocked
from bb8deploy.host.shell import run_programs

TIMES = 3
DEADLINE = 60.0
LOCK, STATE, REMOVED = "*.lock", "*.bb8deploy", "*.lock.unlock"
Hook = Callable[[Path], None]


def before(place: Place, patch: pytest.MonkeyPatch, name: str, of: str, lines: str, hook: Hook) -> None:
    """Has the host run `lines` before each call of `name` whose last path is like `of`; on a share `hook`.

    It is a function of the shell: busybox does not look for its own programs on the PATH.
    """
    if place.shell:
        real_program = run_programs.program
        case = f"for path do :; done\ncase $path in {of}) {lines} ;; esac"
        wrapper = f'{name}() {{\n{case}\ncommand {name} "$@"\n}}\n'
        patch.setattr(run_programs, "program", lambda *names: wrapper + real_program(*names))
        return
    real = getattr(os, name)

    def call(path: Any, *rest: Any, **named: Any) -> None:
        if Path(path).is_absolute() and Path(path).match(of):
            hook(Path(path))
        real(path, *rest, **named)

    patch.setattr(os, name, call)


class Signals:
    """Files by which two commands wait for each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def give(self, name: str) -> None:
        (self.folder / name).touch()

    def wait(self, name: str) -> None:
        end = time.monotonic() + DEADLINE
        while not (self.folder / name).exists():
            assert time.monotonic() < end, f"nobody came to {name}"
            time.sleep(0.005)

    def meet(self, mine: str, other: str) -> str:
        """Lines of a shell that do both."""
        return f"touch '{self.folder}/{mine}'; until [ -e '{self.folder}/{other}' ]; do sleep 0.01; done"


def test_a_command_takes_the_lock_that_another_one_releases_at_this_moment(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = Signals(tmp_path)

    def release(_: Path) -> None:
        signals.give("released")
        signals.wait("taker")

    def take(_: Path) -> None:
        signals.give("taker")
        signals.wait("gone")

    before(place, monkeypatch, "rmdir", STATE, signals.meet("released", "taker"), release)
    first = place.hold("run-1")
    before(place, monkeypatch, "mkdir", LOCK, signals.meet("taker", "gone"), take)
    with ThreadPoolExecutor(2) as pool:
        ended = pool.submit(first.release)
        signals.wait("released")
        taken = pool.submit(place.hold, "run-2")
        ended.result(DEADLINE)
        assert not place.lock_folder.parent.exists()
        signals.give("gone")
        second = taken.result(DEADLINE)
    assert '"run-2"' in (place.lock_folder / "owner").read_text()
    second.release()


def test_a_release_leaves_no_empty_folder_and_nothing_of_another_app_is_touched(place: Place) -> None:
    holding = place.hold("run-1")
    place.files.look()
    holding.release()
    assert not place.lock_folder.parent.exists()
    for name in ("other.lock", "other"):
        other = place.lock_folder.with_name(name)
        other.mkdir(parents=True)
        place.hold("run-2").release()
        assert [*place.lock_folder.parent.iterdir()] == [other]
        other.rmdir()


def count(folder: Path) -> int:
    return len([*folder.glob("call.*")])


@pytest.mark.parametrize("of", [LOCK, STATE], ids=["between the two mkdir", "within the first mkdir"])
def test_a_lock_is_taken_however_often_others_remove_the_state_folder(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    """`mkdir -p` finds the folder there, looks what it is, and does not find it any more."""
    state = place.lock_folder.parent
    state.mkdir()

    def hook(_: Path) -> None:
        if count(tmp_path) < TIMES:
            (tmp_path / f"call.{count(tmp_path)}").touch()
            if state.exists():
                state.rmdir()
            if of == STATE:
                raise FileExistsError

    refuse = "echo 'mkdir: cannot create directory: File exists' >&2; return 1" if of == STATE else ":"
    action = (
        f"if [ \"$(ls '{tmp_path}' | grep -c call)\" -lt {TIMES} ]; then"
        f" mktemp '{tmp_path}/call.XXXXXX' >&2; rmdir '{state}' 2>/dev/null; {refuse}; fi"
    )
    with monkeypatch.context() as patch:
        before(place, patch, "mkdir", of, action, hook)
        holding = place.hold("run-1")
    assert count(tmp_path) == TIMES
    assert '"run-1"' in (place.lock_folder / "owner").read_text()
    holding.release()
    assert not place.lock_folder.exists()


def test_a_state_folder_that_cannot_be_made_is_an_error_after_some_tries(place: Place) -> None:
    place.lock_folder.parent.symlink_to(place.runtime.parent / "nowhere")
    with pytest.raises(Bb8Error) as caught:
        place.hold("run-1")
    assert caught.value.code in {"SYNC_HOST_FAILED", "MOUNT_FAILED"}


def test_a_lock_that_is_released_right_after_it_was_found_is_no_failure_of_the_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "beep", MountFiles(tmp_path / "beep"), None)
    place.lock_folder.mkdir(parents=True)
    real = mount_lock._owner_text

    def released(folder: Path) -> str:
        shutil.rmtree(folder, ignore_errors=True)
        return real(folder)

    monkeypatch.setattr(mount_lock, "_owner_text", released)
    with pytest.raises(HostLocked):
        place.hold("run-1")


def test_a_lock_that_its_owner_releases_while_another_one_removes_it_is_gone(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding = place.hold("run-1")
    held = folder_of(place).look()
    assert held is not None
    name, of = ("mv", REMOVED) if place.shell else ("rmdir", LOCK)
    with monkeypatch.context() as patch:
        before(
            place, patch, name, of, f"rm -rf '{place.lock_folder}'", lambda lock: lock.rename(f"{lock}.gone")
        )
        assert not folder_of(place).remove(held)
    assert folder_of(place).look() is None
    holding.release()
