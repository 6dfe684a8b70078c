"""The agent of the dev loop: what it puts in place, restarts and reports, under dash, bash and busybox."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.overlay.devlab import SHELLS, DevLab, dev_lab

from bb8deploy.overlay.live.dev_overlay import PROGRAMS
from bb8deploy.plan.logs.identity_line import newest

APP = b"""#!/bin/sh
trap 'echo stopped; exit 0' TERM
echo "app says $(cat "$(dirname "$0")/word")"
while :; do sleep 0.02; done
"""
FOLDER = Path(__file__).parents[3] / "src/bb8deploy/overlay/live/sh"


@pytest.fixture(params=SHELLS)
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DevLab]:
    """A container that was built from two files and runs them."""
    with dev_lab(tmp_path, request.param) as made:
        made.files |= {"src/run": APP, "src/word": b"one"}
        made.build()
        made.deliver("run-1")
        yield made


def started(lab: DevLab, base: str = "base") -> DevLab:
    lab.start("main", "/bin/sh", str(lab.root / "run"), base=base)
    return lab


@pytest.mark.parametrize("name", PROGRAMS)
def test_shellcheck_finds_nothing(name: str) -> None:
    program = shutil.which("shellcheck")
    if not program:
        pytest.skip("SKIPPED: shellcheck is not installed")
    done = subprocess.run([program, str(FOLDER / f"{name}.sh")], capture_output=True, text=True)
    assert done.stdout == ""


def test_it_reports_what_is_in_place_at_the_start(lab: DevLab) -> None:
    started(lab).wait_for("BB8LIVE on mode=main")
    identity = newest([lab.wait_for("IDENTITY")])
    assert identity
    assert (identity.tree, identity.run, identity.version) == (lab.tree.digest, "run-1", "1")


def test_the_app_runs_in_the_working_folder_of_the_image(lab: DevLab) -> None:
    """Not in the folder of the delivery, where a relative path would find other files."""
    lab.files["src/run"] = APP.replace(b"trap", b'echo "runs in $(pwd)"\ntrap')
    lab.build()
    lab.deliver("run-1")
    started(lab).wait_for(f"runs in {Path.cwd()}")
    lab.wait_for("BB8LIVE up run=run-1")
    lab.deliver("run-2", {"src/word": b"two"})
    lab.wait_for(f"runs in {Path.cwd()}")
    assert not [line for line in lab.log if "getcwd" in line]


def test_a_changed_a_new_and_a_deleted_file_arrive_before_the_new_process_is_reported(lab: DevLab) -> None:
    lab.files["src/old.py"] = b"x = 1\n"
    lab.build()
    compiled = lab.root / "__pycache__" / "old.cpython-313.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"")
    lab.deliver("run-1")
    started(lab).wait_for("app says one")
    lab.deliver("run-2", {"src/word": b"two", "src/deep/new": b"new", "src/old.py": None})
    assert "stopped" in lab.wait_for("stopped")
    lab.wait_for("app says two")
    identity = newest([lab.wait_for("IDENTITY")])
    assert identity
    assert (identity.tree, identity.run) == (lab.tree.digest, "run-2")
    assert (lab.root / "deep" / "new").read_bytes() == b"new"
    assert not (lab.root / "old.py").exists()
    assert not compiled.exists()


def test_a_rename_and_a_second_delivery_right_after_the_first_end_at_the_newest(lab: DevLab) -> None:
    started(lab).wait_for("IDENTITY")
    lab.deliver("run-2", {"src/word": b"two"})
    lab.deliver("run-3", {"src/word": None, "src/other": b"three"})
    lab.deliver("run-4", {"src/word": b"four"})
    while (identity := newest([lab.wait_for("IDENTITY")])) and identity.run != "run-4":
        pass
    assert identity
    assert identity.tree == lab.tree.digest
    assert (lab.root / "word").read_bytes() == b"four"


def test_a_file_that_came_live_goes_live_too(lab: DevLab) -> None:
    started(lab).wait_for("IDENTITY")
    lab.deliver("run-2", {"src/deep/new": b"new"})
    lab.wait_for("up run=run-2")
    lab.deliver("run-3", {"src/deep/new": None})
    lab.wait_for("up run=run-3")
    assert not (lab.root / "deep").exists()


def test_what_is_built_in_needs_a_build_and_the_app_is_left_alone(lab: DevLab) -> None:
    started(lab, base="another").wait_for("BB8LIVE on mode=main")
    assert "BB8LIVE cannot run=run-1" in lab.log[0]
    lab.deliver("run-2", {"src/word": b"two"})
    line = lab.wait_for("BB8LIVE cannot run=run-2")
    assert 'reason="what is built into the image changed"' in line
    assert (lab.root / "word").read_bytes() == b"one"
    assert not any("stopped" in line or "IDENTITY" in line for line in lab.log)


def test_an_app_that_ends_at_once_is_not_reported_as_running(lab: DevLab) -> None:
    started(lab).wait_for("IDENTITY")
    lab.deliver("run-2", {"src/run": b"#!/bin/sh\necho broken\nexit 3\n"})
    lab.wait_for("broken")
    assert lab.process
    assert lab.process.wait(60) == 3
    assert not any("run=run-2" in line and "IDENTITY" in line for line in lab.log)


def test_a_new_container_begins_with_what_was_delivered_last(lab: DevLab) -> None:
    started(lab).wait_for("IDENTITY")
    lab.deliver("run-2", {"src/word": b"two"})
    lab.wait_for("run=run-2")
    lab.stop()
    (lab.root / "word").write_bytes(b"one")
    started(lab).wait_for("app says two")
    identity = newest([lab.wait_for("IDENTITY")])
    assert identity
    assert identity.run == "run-2"


def test_process_1_passes_on_the_signal_and_the_exit_code(lab: DevLab) -> None:
    started(lab).wait_for("app says one")
    assert lab.process
    lab.process.terminate()
    assert lab.process.wait(60) == 0, lab.log
    lab.wait_for("stopped")


def test_the_exit_code_is_that_of_the_app_also_if_it_ends_before_process_1_looks(lab: DevLab) -> None:
    """A shell may collect an ended process between any two commands. Here it is held up by its own trace."""
    lab.shell += " -x"
    trace, end = os.pipe()
    with os.fdopen(trace, "rb", buffering=0) as reader:
        lab.start("main", "/bin/sh", str(lab.root / "run"), stderr=end)
        seen = b""
        while not (waits := re.search(rb"\+ wait (\d+)\n", seen)):
            seen += reader.read(4096)
        lab.wait_for("app says one")
        assert lab.process
        full(end)
        lab.process.terminate()
        time.sleep(0.5)  # a launcher that has not come to its trap by then is not held up, and passes
        os.kill(int(waits[1]), signal.SIGTERM)
        lab.wait_for("stopped")
        os.close(end)
        while reader.read(65536):
            pass
    assert lab.process.wait(60) == 0


def full(pipe: int) -> None:
    """Fills a pipe: the next write to it waits for a reader."""
    own = os.open(f"/proc/self/fd/{pipe}", os.O_WRONLY | os.O_NONBLOCK)
    try:
        for size in (4096, 1):
            with suppress(BlockingIOError):
                while True:
                    os.write(own, b"x" * size)
    finally:
        os.close(own)


def test_a_folder_that_cannot_be_written_is_named(lab: DevLab) -> None:
    if os.getuid() == 0:
        blocked = lab.root / "deep"
        blocked.write_bytes(b"a file where a folder should be")
    else:
        lab.root.chmod(0o555)
    started(lab).wait_for("IDENTITY")
    lab.deliver("run-2", {"src/deep/new": b"new"})
    try:
        line = lab.wait_for("BB8LIVE cannot run=run-2")
        assert "reason=" in line
    finally:
        lab.root.chmod(0o755)


def test_an_app_that_reports_itself_is_reported_by_nothing_else(lab: DevLab) -> None:
    lab.environment["stamp"] = "yes"
    lab.deliver("run-1")
    started(lab).wait_for("BB8LIVE up run=run-1")
    lab.deliver("run-2", {"src/word": b"two"})
    lab.wait_for("BB8LIVE up run=run-2")
    assert not any("IDENTITY" in line for line in lab.log)


@pytest.fixture
def s6_lab(lab: DevLab, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DevLab]:
    """A container with the real s6 and two services; under dash the second ignores the signal to end."""
    programs = ("s6-svscan", "s6-supervise", "s6-svc", "s6-svstat")
    if not all(shutil.which(name) for name in programs):
        pytest.skip("SKIPPED: s6 is not installed")
    services = tmp_path / "service"
    other = "trap '' TERM; while :; do sleep 1; done" if "dash" in request.node.name else "exec sleep 3600"
    for name, script in (("one", f"exec /bin/sh {lab.root}/run"), ("two", other)):
        run = services / name / "run"
        run.parent.mkdir(parents=True)
        run.write_text(f"#!/bin/sh\n{script}\n")
        run.chmod(0o755)
    lab.path = f"{lab.path}:{Path(str(shutil.which('s6-svscan'))).parent}"
    lab.environment["BB8LIVE_SERVICES"] = str(services)
    yield lab
    for name in ("one", "two"):  # each has a session of its own, which the lab does not end
        subprocess.run(["s6-svc", "-wd", "-T", "60000", "-dk", str(services / name)], check=True)


def test_s6_stops_every_service_before_files_are_replaced_and_starts_it_again(s6_lab: DevLab) -> None:
    lab = s6_lab
    lab.start("s6", "s6-svscan", lab.environment["BB8LIVE_SERVICES"])
    lab.wait_for("app says one")
    lab.deliver("run-2", {"src/word": b"two"})
    lab.wait_for("stopped")
    lab.wait_for("app says two")
    identity = newest([lab.wait_for("IDENTITY")])
    assert identity
    assert (identity.tree, identity.run) == (lab.tree.digest, "run-2")
    assert not any("cannot" in line for line in lab.log)
