"""The emergency stop latch on disk."""

from __future__ import annotations

from pathlib import Path

from bb8_core.motion.latch import EstopLatch


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


def test_a_latch_that_cannot_be_saved_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    latch = EstopLatch(tmp_path / "estop.json")
    latch._path = tmp_path / "file" / "estop.json"
    latch.set()
    assert latch.save() is False
    assert latch.unsaved
