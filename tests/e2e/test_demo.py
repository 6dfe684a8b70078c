"""`bb8deploy demo` as a newcomer runs it: the whole way, and stopped half-way."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
TOKENS = [
    "STRUCTURE_OK",
    "DEV_LOCAL_BUILD_FORCED",
    "MANIFEST_OK",
    "TESTS_OK",
    "WS_READY",
    "BUMP_OK",
    "SSH_HA_OK",
    "CLEAN_RUNTIME_OK",
    "DEPLOY_OK",
    "RUN_SH_PRESENT",
    "PY_OK",
    "VERIFY_OK",
    "RUNTIME_TOPOLOGY_OK",
    "DEPLOY_SSH_OK",
    "ECHO_WINDOW_10S_OK",
    "TELEMETRY_ARTIFACTS_EMITTED",
    "TELEMETRY_ATTEST_OK",
    "SUBTREE_PUBLISH_OK",
    "TAG_OK",
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of this repository, as a newcomer has it."""
    done = subprocess.run(["git", "clone", "-q", str(ROOT), str(tmp_path / "clone")], capture_output=True)
    if done.returncode:
        pytest.skip("SKIPPED: this checkout cannot be cloned: it has no git history")
    return tmp_path / "clone"


def start(clone: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", "demo"],
        cwd=clone,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )


def processes_of(folder: Path) -> list[str]:
    """The command lines of the processes that name `folder` or work in it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in words or place.startswith(str(folder)):
            found.append(words)
    return found


def left_over(folder: Path, seconds: float = 20.0) -> list[str]:
    end = time.monotonic() + seconds
    while (found := processes_of(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_the_demo_takes_a_change_through_all_four_lanes(clone: Path) -> None:
    with start(clone) as process:
        output = process.stdout.read()  # type: ignore[union-attr]
    assert process.returncode == 0, output
    assert re.findall(r"^TOKEN: (\w+)", output, re.MULTILINE) == TOKENS
    assert "DRIFT:" not in output
    assert "have no stamp" not in output
    rows = output[output.index("What was observed") :].splitlines()[2:]
    assert [row.split()[0] for row in rows[: len(TOKENS)]] == TOKENS
    report = re.search(r"^report: (.+report\.html)$", output, re.MULTILINE)
    assert report, output
    assert "VERIFY_OK" in Path(report[1]).read_text(encoding="utf-8")
    assert left_over(clone) == []


def test_ctrl_c_stops_everything_and_the_next_command_can_go_on(clone: Path) -> None:
    with start(clone) as process:
        for line in process.stdout:  # type: ignore[union-attr]
            if line.startswith("TOKEN: MANIFEST_OK"):
                process.send_signal(signal.SIGINT)
                break
        output = process.stdout.read()  # type: ignore[union-attr]
    assert process.returncode == 130, output
    assert output.count("error INTERRUPTED") == 1
    assert "run `bb8deploy demo` again" in output
    assert "TOKEN: TESTS_OK" not in output
    assert left_over(clone) == []
    receipts = clone / "reports" / "demo" / "workspace" / "reports"
    held = re.findall(
        r"^TOKEN: (\w+)", (receipts / "local_receipts.txt").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert held == ["STRUCTURE_OK", "MANIFEST_OK"]
