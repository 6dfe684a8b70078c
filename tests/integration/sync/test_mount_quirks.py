"""Shares as they are: no modes, foreign files, other Unicode, no case, refused renames."""

from __future__ import annotations

import errno
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sync.conftest import FILES, Lab, MakeLab

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.files import mount_tree
from bb8deploy.host.files import mounted_folder as files_mount
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.lanes.sync.outcome import SyncOutcome
from bb8deploy.lanes.sync.sync import sync


@pytest.fixture
def share(make_lab: MakeLab) -> Lab:
    """A lab on a share that holds the tree already."""
    lab = make_lab("mount")
    go(lab)
    return lab


def go(lab: Lab) -> SyncOutcome:
    with lab.host() as host:
        return sync(lab.run(), host)


def failure(lab: Lab) -> Bb8Error:
    with lab.host() as host, pytest.raises(Bb8Error) as caught:
        sync(lab.run(), host)
    return caught.value


def test_what_file_managers_leave_behind_is_neither_counted_nor_in_the_way(share: Lab) -> None:
    for name in (".DS_Store", "bb8_core/._main.py", "Thumbs.db", ".smbdelete0001"):
        (share.runtime / name).write_text("litter")
    outcome = go(share)
    assert outcome.nothing_to_do
    assert outcome.plan.kept == ()


def test_a_share_that_keeps_no_modes_is_not_asked_for_them(
    share: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in share.runtime.rglob("*"):
        if path.is_file():
            path.chmod(0o755)
    monkeypatch.setattr(Path, "chmod", lambda *_a, **_k: None)
    outcome = go(share)
    assert outcome.nothing_to_do
    (share.addon / "run.sh").write_text("#!/bin/sh\n")
    assert go(share).plan.changes.modes == ()


def test_a_share_that_keeps_modes_has_them_put_right(share: Lab) -> None:
    for path in share.runtime.rglob("*"):
        if path.is_file():
            path.chmod(0o755)
    assert go(share).plan.changes.modes
    assert not os.access(share.runtime / "config.yaml", os.X_OK)


def test_names_in_decomposed_unicode_are_the_same_names(share: Lab) -> None:
    odd = share.runtime / unicodedata.normalize("NFD", "é")
    (share.runtime / "é").rename(odd)
    (odd / "ü.txt").rename(odd / unicodedata.normalize("NFD", "ü.txt"))
    assert go(share).nothing_to_do
    (share.addon / "é/ü.txt").write_text("new\n")
    outcome = go(share)
    assert outcome.changed == ("é/ü.txt",)
    names = [p for p in share.runtime.rglob("*") if unicodedata.normalize("NFC", p.name) == "ü.txt"]
    assert len(names) == 1
    assert names[0].read_text() == "new\n"


def test_names_that_the_share_does_not_distinguish_are_refused(
    share: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (share.addon / "Run.sh").write_text("another")
    monkeypatch.setattr(files_mount, "_distinguishes_case", lambda _folder: False)
    error = failure(share)
    assert error.code == "MOUNT_CASE_CLASH"
    assert share.on_host() == FILES
    assert not list(share.state.glob("next.*"))


def test_names_that_differ_by_case_arrive_where_the_share_distinguishes_them(share: Lab) -> None:
    (share.addon / "Run.sh").write_text("another")
    go(share)
    assert share.on_host() == {**FILES, "Run.sh": "another"}


def test_a_share_without_links_reports_it(share: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    (share.addon / "run.sh").write_text("#!/bin/sh\n")
    assert failure(share).code == "MOUNT_NO_LINKS"
    assert share.on_host() == FILES


def test_a_full_disk_is_not_taken_for_a_share_without_links(
    share: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_args: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "symlink_to", full)
    (share.addon / "run.sh").write_text("#!/bin/sh\n")
    assert failure(share).code == "HOST_DISK_FULL"
    assert share.on_host() == FILES


def refuse_renames(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """The share keeps the runtime folder where it is, because a file in it is open somewhere."""
    real = Path.rename

    def rename(self: Path, target: Any) -> Path:
        if self == root or Path(target) == root:
            raise PermissionError(13, "The process cannot access the file", str(root))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)


def test_a_refused_rename_becomes_a_copy_in_place(share: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (share.runtime / "secrets.yaml").write_text("host's own")
    (share.addon / "run.sh").write_text("#!/bin/sh\nexec new\n")
    (share.addon / "-dash").unlink()
    (share.addon / "é/ü.txt").unlink()
    (share.addon / "Dockerfile").unlink()
    (share.addon / "Dockerfile").mkdir()
    (share.addon / "Dockerfile/inside").write_text("x")
    before = (share.runtime / "config.yaml").stat().st_ino
    refuse_renames(monkeypatch, share.runtime)
    outcome = go(share)
    expected = {k: v for k, v in FILES.items() if k not in {"-dash", "é/ü.txt", "Dockerfile"}}
    expected |= {
        "run.sh": "#!/bin/sh\nexec new\n",
        "secrets.yaml": "host's own",
        "Dockerfile/inside": "x",
    }
    assert share.on_host() == expected
    assert (share.runtime / "config.yaml").stat().st_ino == before
    assert outcome.archive == f"{share.state}/previous"
    assert (share.state / "previous/-dash").exists()
    assert sorted(p.name for p in share.state.iterdir()) == ["previous"]


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_copy_in_place_that_is_cut_is_undone_by_the_next_command(
    share: Lab, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    for name in ("run.sh", "bb8_core/main.py", "a-new-one"):
        (share.addon / name).write_text("changed\n")
    with monkeypatch.context() as patch:
        refuse_renames(patch, share.runtime)
        real, calls = mount_tree.put_copy, [0]

        def put_copy(source: Path, target: Path) -> None:
            if share.runtime in target.parents:
                calls[0] += 1
                if calls[0] == nth:
                    raise KeyboardInterrupt
            real(source, target)

        patch.setattr(mount_tree, "put_copy", put_copy)
        with share.host() as host, pytest.raises(KeyboardInterrupt):
            sync(share.run(), host)
    assert (share.state / "inplace").exists()
    with share.host() as host, host.lock(share.run()):
        assert share.on_host() == FILES
    go(share)
    assert share.on_host()["run.sh"] == "changed\n"


def test_a_full_disk_leaves_the_earlier_tree(share: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_source: object, target: Path, **_options: object) -> None:
        raise OSError(28, "No space left on device", str(target))

    (share.addon / "run.sh").write_text("#!/bin/sh\n")
    monkeypatch.setattr("shutil.copyfile", full)
    assert failure(share).code == "HOST_DISK_FULL"
    assert share.on_host() == FILES
    assert not list(share.state.glob("next.*"))


def test_a_share_that_is_not_mounted_is_not_made(make_lab: MakeLab) -> None:
    lab = make_lab("mount")
    lab.environ["HA_MOUNT"] = str(lab.folder / "Volumes/addons/beep")
    with pytest.raises(Bb8Error) as caught:
        lab.host()
    assert caught.value.code == "MOUNT_MISSING"
    assert not (lab.folder / "Volumes").exists()


def test_a_share_that_does_not_answer_is_given_up(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    never = threading.Event()
    lab = make_lab("mount")
    monkeypatch.setattr(files_mount, "ANSWER_DEADLINE", 0.2)
    monkeypatch.setattr(Path, "is_dir", lambda _self: never.wait(30))
    with pytest.raises(Bb8Error) as caught:
        MountFiles.open(lab.runtime, lab.run().settings)
    never.set()
    assert caught.value.code == "MOUNT_STUCK"


def test_the_mount_point_itself_cannot_be_the_folder(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab("mount")
    monkeypatch.setattr("os.path.ismount", lambda _path: True)
    with pytest.raises(Bb8Error) as caught:
        lab.host()
    assert caught.value.code == "MOUNT_TOO_DEEP"
