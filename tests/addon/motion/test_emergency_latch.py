"""The emergency stop latch on disk."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from bb8_core.motion.emergency_latch import EstopLatch


def test_the_latch_survives_and_a_broken_file_counts_as_latched(tmp_path: Path) -> None:
    file = tmp_path / "data" / "estop.json"
    latch = EstopLatch(file)
    assert not latch.latched
    latch.set()
    assert latch.save()
    assert EstopLatch(file).latched
    latch.clear()
    assert latch.save()
    assert not EstopLatch(file).latched
    for broken in ("", "{", "[]", '{"estop": 0}', '{"estop": null}'):
        file.write_text(broken)
        assert EstopLatch(file).latched


def test_a_latch_that_cannot_be_saved_reports_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    latch = EstopLatch(tmp_path / "estop.json")
    latch._path = tmp_path / "file" / "estop.json"
    latch.set()
    assert latch.save() is False
    assert latch.unsaved


def no_space(*_: object, **__: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "no space left on device")


def test_on_a_full_disk_the_file_is_overwritten_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latch = EstopLatch(tmp_path / "estop.json")
    assert latch.unsaved, "the file exists from the first start on"
    assert latch.save()
    monkeypatch.setattr(tempfile, "mkstemp", no_space)
    for latched in (True, False, True):
        latch.latched = latched
        assert latch.save()
        assert EstopLatch(tmp_path / "estop.json").latched is latched


def test_a_file_of_another_length_is_not_overwritten_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between two writes of different lengths would leave nonsense behind."""
    (tmp_path / "estop.json").write_text('{"estop": false, "by": "hand"}')
    latch = EstopLatch(tmp_path / "estop.json")
    monkeypatch.setattr(tempfile, "mkstemp", no_space)
    latch.set()
    assert latch.save() is False
