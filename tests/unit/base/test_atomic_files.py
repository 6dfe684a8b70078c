"""Files are whole or not there: after a kill, a full disk and an error in the middle."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bb8deploy.base.atomic_files import append_line, write_bytes, write_text

ROOT = Path(__file__).parents[3]
KILLED_WRITER = """
import sys
from pathlib import Path
from bb8deploy.base.atomic_files import write_bytes
target, number = Path(sys.argv[1]), 0
while True:
    number += 1
    write_bytes(target, bytes([65 + number % 26]) * 300_000)
    if number == 3:
        print("writing", flush=True)
"""
KILLED_JOURNAL = """
import sys
from pathlib import Path
from bb8deploy.base.atomic_files import append_line
target, number = Path(sys.argv[1]), 0
while True:
    number += 1
    append_line(target, f"{number} " + "x" * 5000)
    if number == 3:
        print("writing", flush=True)
"""


def kill_in_the_middle(program: str, target: Path, moment: float) -> None:
    """Runs a writer, and kills it `moment` seconds after it has really begun."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    argv = [sys.executable, "-c", program, str(target)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("moment", [0.001, 0.007, 0.019, 0.031])
def test_a_file_is_whole_after_kill_9(tmp_path: Path, moment: float) -> None:
    target = tmp_path / "state.json"
    kill_in_the_middle(KILLED_WRITER, target, moment)
    data = target.read_bytes()
    assert len(data) == 300_000
    assert len(set(data)) == 1


@pytest.mark.parametrize("moment", [0.001, 0.007, 0.019, 0.031])
def test_a_journal_holds_whole_lines_after_kill_9(tmp_path: Path, moment: float) -> None:
    target = tmp_path / "journal.jsonl"
    kill_in_the_middle(KILLED_JOURNAL, target, moment)
    *whole, _rest = target.read_text().split("\n")
    assert whole == [f"{number + 1} " + "x" * 5000 for number in range(len(whole))]
    assert len(whole) >= 3


def test_a_line_after_one_that_a_kill_cut_short_stays_readable(tmp_path: Path) -> None:
    target = tmp_path / "journal.jsonl"
    append_line(target, "whole")
    with target.open("a") as file:
        file.write('{"step": "cut')
    append_line(target, "after")
    assert target.read_text() == 'whole\n{"step": "cut\nafter\n'


def test_the_old_file_stays_if_the_new_one_cannot_be_written(tmp_path: Path) -> None:
    target = tmp_path / "receipt.txt"
    write_text(target, "old\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_bytes(target, b"x" * 2000)
        with pytest.raises(OSError, match="No space"):
            append_line(target, "y" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert target.read_text().startswith("old\n")
    assert [path.name for path in tmp_path.iterdir()] == ["receipt.txt"]


def test_a_folder_in_the_way_is_an_error_that_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_text(tmp_path / "x", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_mode_folders_and_line_endings_are_as_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "c.txt"
    write_text(target, "é\r\nx\n", mode=0o600)
    assert target.read_bytes() == "é\r\nx\n".encode()
    assert target.stat().st_mode & 0o777 == 0o600
    append_line(tmp_path / "d" / "j.jsonl", "{}")
    append_line(tmp_path / "d" / "j.jsonl", "[]")
    assert (tmp_path / "d" / "j.jsonl").read_text() == "{}\n[]\n"
    assert (tmp_path / "d" / "j.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_symlink_is_replaced_and_what_it_points_at_left_alone(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("real")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "real").read_text() == "real"
    assert (tmp_path / "link").read_text() == "new"


def test_a_file_name_that_is_not_utf_8_is_spelled_out_and_stops_nothing(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    write_text(tmp_path / "contract.json", f"{name} é\n")
    append_line(tmp_path / "journal.jsonl", name)
    assert (tmp_path / "contract.json").read_text(encoding="utf-8") == "caf\\udce9.txt é\n"
    assert (tmp_path / "journal.jsonl").read_text(encoding="utf-8") == "caf\\udce9.txt\n"
