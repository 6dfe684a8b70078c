"""The table of all benches: what counts as missed, skipped, failed, and that a bench ends in time."""

from __future__ import annotations

from pathlib import Path

import pytest
from ops.bench import all as bench
from ops.bench.all import Ended, Row, rows_of, table

REPORT = {"figures": {"a_ms": 2.0, "ratio": 3.5, "free": 9}, "limits": {"a_ms": 2, "ratio": ">= 3"}}

WRITES = """import json
with open("reports/bench/{name}.json", "w") as file:
    json.dump({{"figures": {{"a": 1}}, "limits": {{"a": {limit}}}}}, file)
"""


def test_figures_are_held_against_their_limits() -> None:
    assert rows_of("x", Ended(0, "", dict(REPORT))) == [
        Row("x", "a_ms", "2", "<= 2", "ok"),
        Row("x", "ratio", "3.5", ">= 3", "ok"),
    ]
    slow = {**REPORT, "figures": {"a_ms": 2.1, "ratio": 2.9}}
    assert [row.verdict for row in rows_of("x", Ended(1, "", slow))] == ["MISSED", "MISSED"]


def test_a_missing_peer_is_skipped_with_its_reason() -> None:
    rows = rows_of("x", Ended(0, "SKIPPED: rsync is not installed\n", {}))
    assert rows == [Row("x", "rsync is not installed", "", "", "SKIPPED")]


def test_a_bench_that_breaks_or_hangs_has_failed() -> None:
    assert rows_of("x", Ended(1, "Traceback\nValueError: no\n", {}))[-1] == Row(
        "x", "ValueError: no", "", "", "FAILED"
    )
    assert rows_of("x", Ended(None, "did not end within 1 s", {}))[-1].verdict == "FAILED"
    assert rows_of("x", Ended(3, "", dict(REPORT)))[-1].verdict == "FAILED"


def test_a_bench_without_limits_that_ends_well_is_ok() -> None:
    assert rows_of("x", Ended(0, "", {"whatever": 1})) == [Row("x", "as a whole", "", "", "ok")]


def test_the_table_is_aligned() -> None:
    assert table([Row("x", "a", "1", "<= 2", "ok")]) == (
        "bench  figure  measured  limit  verdict\nx      a       1         <= 2   ok"
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of benches in the place of the real one."""
    monkeypatch.setattr(bench, "HERE", tmp_path / "ops" / "bench")
    monkeypatch.setattr(bench, "REPORTS", tmp_path / "reports" / "bench")
    (tmp_path / "ops" / "bench").mkdir(parents=True)
    (tmp_path / "reports" / "bench").mkdir(parents=True)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / "ops" / "bench" / f"bench_{name}.py").write_text(text)


def test_benches_run_in_turn_and_one_miss_fails_all(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, "good", WRITES.format(name="good", limit=1))
    write(folder, "bad", WRITES.format(name="bad", limit=0.5))
    assert bench.main(["good"]) == 0
    assert bench.main([]) == 1
    assert bench.main(["nothing"]) == 2
    assert "MISSED" in capsys.readouterr().out
    assert (folder / "reports" / "bench" / "summary.json").is_file()


def test_figures_of_an_earlier_run_do_not_count(folder: Path) -> None:
    (folder / "reports" / "bench" / "old.json").write_text('{"figures": {"a": 1}, "limits": {"a": 2}}')
    write(folder, "old", "raise SystemExit('broken')")
    assert bench.main(["old"]) == 1


def test_a_bench_that_hangs_is_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "DEADLINE", 0.5)
    write(folder, "hang", "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\ntime.sleep(600)")
    assert bench.main(["hang"]) == 1
