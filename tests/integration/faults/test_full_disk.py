"""Whole deploys on a disk that is really full: the app folder's, and the one of the reports."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.deploy.test_choice_of_the_earlier_tree import next_second
from tests.integration.deploylab import Lab, config, open_lab
from tests.integration.small_addon import RUN_SH

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.deploy import deploy as lane
from bb8deploy.lanes.deploy.rollback import roll_back_host
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.lanes.verify.verify_types import VerifyOutcome
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, walk

PAGE = os.sysconf("SC_PAGESIZE")
FULL = "HOST_DISK_FULL"
APPROVE = lane._approve


@dataclass
class Disk:
    """A small disk of its own, mounted at `place`."""

    place: Path

    @property
    def ballast(self) -> Path:
        return self.place / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Writes until nothing is free but so many pages."""
        self.free()
        with self.ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(PAGE)):
                pass
        os.truncate(self.ballast, max(0, self.ballast.stat().st_size - leave * PAGE))

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[Disk]:
    """A disk of 512 KiB; skips where nothing may be mounted."""
    place.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=755", "tmpfs", str(place)]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"SKIPPED: there is no mount command: {error}")
    if done.returncode:
        pytest.skip(f"SKIPPED: this user may not mount a disk: {done.stderr.strip()}")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@dataclass
class Full:
    """A lab whose local apps have a disk of their own."""

    lab: Lab
    disk: Disk

    @property
    def folder(self) -> Path:
        return Path(self.lab.environ["HA_REMOTE_RUNTIME"])

    @property
    def content(self) -> str:
        return walk(self.folder, Ignore(())).digest

    def left_behind(self) -> list[str]:
        """What no ended run may leave in the state folder."""
        state = self.folder.parent / ".bb8deploy"
        names = (*state.glob("*.lock*"), *(state / self.folder.name).glob("*"))
        kept = ("previous", "earlier.", "put_in", "gone.")
        return [path.name for path in names if not path.name.startswith(kept)]

    def change(self, version: str) -> None:
        self.lab.write(config=config(version), run_sh=f"{RUN_SH}# {version}\n")


@pytest.fixture(params=["ssh", "mount"])
def full(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Full]:
    """The same host by ssh or as a mounted share."""
    with small_disk(tmp_path / "box" / "addons") as disk, open_lab(tmp_path) as lab:
        if request.param == "mount":
            lab.environ.update(lab.box.mount_env(), HA_SSH_HOST_ALIAS="")
        yield Full(lab, disk)


def test_wherever_the_disk_becomes_full_nothing_is_lost_and_the_next_deploy_works(
    full: Full, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the lock, then after the last look before the transfer: in the tar, at the mark of the swap."""
    full.lab.deploy()
    full.change("1.0.1")
    before, now = full.content, full.lab.state()["version"]
    full.disk.fill()
    codes = [_failed(full, before)]
    full.disk.free()
    for leave in (2, 8, 60):
        fill_at(monkeypatch, full, leave)
        if not (code := _failed(full, before)):
            break
        codes.append(code)
        assert full.lab.state()["version"] == now
        full.disk.free()
    assert len(codes) > 1
    assert set(codes) == {FULL}
    assert "VERIFY_OK" in full.lab.tokens
    assert full.lab.state()["version"] == "1.0.1"


def fill_at(monkeypatch: pytest.MonkeyPatch, full: Full, leave: int) -> None:
    """Fills the disk after the last look before the transfer, but for some pages."""

    def approve(*given: object) -> None:
        APPROVE(*given)  # type: ignore[arg-type]
        full.disk.fill(leave)

    monkeypatch.setattr(lane, "_approve", approve)


def _failed(full: Full, before: str) -> str:
    """The code with which a deploy failed, after which everything is as before; empty if it did not."""
    try:
        full.lab.deploy()
    except Bb8Error as error:
        assert "VERIFY_OK" not in full.lab.tokens
        assert (full.content, full.left_behind()) == (before, [])
        return error.code
    return ""


def test_a_rollback_needs_no_room_for_a_copy(full: Full) -> None:
    next_second(full.lab.deploy().synced.run_id_on_host)
    first = full.content
    full.change("1.0.1")
    full.lab.deploy()
    second = full.content
    full.disk.fill(leave=2)  # the two files of the lock
    roll_back_host(full.lab.run())
    assert "ROLLBACK_OK" in full.lab.tokens
    assert (full.content, full.left_behind()) == (first, [])
    assert full.lab.state()["version"] == "1.0.0"
    kept = full.folder.parent / ".bb8deploy" / full.folder.name / "previous"
    assert walk(kept, Ignore(())).digest == second


def test_a_rollback_that_is_killed_on_a_full_disk_is_completed_by_the_next(
    full: Full, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two files of the lock have room, and no third: the record of the swap is only a name."""
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        full.change(version)
        next_second(full.lab.deploy().synced.run_id_on_host)
    (full.folder.parent / ".bb8deploy" / full.folder.name / "put_in").unlink()
    full.disk.fill(leave=2)

    def kill(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as killed:
        killed.setattr(Attempt, "opened", kill)
        with pytest.raises(SystemExit):
            roll_back_host(full.lab.run())
    assert Stamp.parse((full.folder / STAMP).read_text()).version == "1.0.1"  # type: ignore[union-attr]
    assert roll_back_host(full.lab.run()).version == "1.0.1"
    assert full.left_behind() == []
    full.disk.free()
    assert roll_back_host(full.lab.run()).version == "1.0.0"


@pytest.mark.parametrize("full", ["ssh"], indirect=True)
def test_a_build_that_fails_on_a_full_disk_leaves_what_ran_before(
    full: Full, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are what fills a disk: the files are there, and then nothing else has room."""
    full.lab.deploy()
    before = full.content
    full.lab.write(config=config("1.0.1"), run_sh="#!/bin/sh\nexit 1\n")
    real = lane.carry_out

    def carry_out(attempt: Attempt) -> VerifyOutcome:
        full.disk.fill()
        return real(attempt)

    monkeypatch.setattr(lane, "carry_out", carry_out)
    with pytest.raises(Bb8Error) as caught:
        full.lab.deploy()
    assert caught.value.exit_code == 4
    assert "ROLLBACK_OK" in full.lab.tokens
    assert (full.content, full.left_behind()) == (before, [])
    assert full.lab.state()["version"] == "1.0.0"


@pytest.fixture
def reports(tmp_path: Path) -> Iterator[Full]:
    """A lab whose reports have a disk of their own."""
    with small_disk(tmp_path / "work" / "reports") as disk, open_lab(tmp_path) as lab:
        yield Full(lab, disk)


def test_wherever_the_reports_have_no_room_the_app_is_whole_and_the_next_deploy_works(reports: Full) -> None:
    reports.lab.deploy()
    codes = []
    for number, leave in enumerate((0, 2, 3), 1):
        reports.change(f"1.0.{number}")
        reports.disk.fill(leave)
        with pytest.raises(Bb8Error) as caught:
            reports.lab.deploy()
        codes.append(caught.value.code)
        assert reports.left_behind() == []
        assert reports.lab.state()["state"] == "started"
        receipt = (reports.lab.folder / "reports" / "deploy_receipt.txt").read_text()
        assert all(reports.lab.runs[-1].id in line for line in receipt.splitlines())
        reports.disk.free()
    assert set(codes) == {"REPORTS_UNWRITABLE"}
    reports.lab.deploy()
    assert "VERIFY_OK" in reports.lab.tokens
