"""What the benches of the app share: its programs as processes, what they use, a verdict and a report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
NODELAY = "set_tcp_nodelay true\n"
"""A broker's setting for the benches; Home Assistant's own broker does not have it."""

Limits = Mapping[str, tuple[str, float]]


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("gave up waiting")
        time.sleep(0.005)


def percentile(values: list[float], percent: float) -> float:
    """The value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


@contextmanager
def program(module: str, folder: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module` of the app with these options, ended in order."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "options.json"
    file.write_text(json.dumps(options))
    environ = os.environ | {
        "BB8_OPTIONS": str(file),
        "BB8_DATA": str(folder / "data"),
        "BB8_PAGE_PORT": os.environ.get("BB8_PAGE_PORT", "0"),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "addon"), os.environ.get("PYTHONPATH", "")]),
        "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent",
    }
    argv = [sys.executable, "-m", module]
    process = subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def rss_mb(pid: int | str = "self") -> float:
    """Resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(process: subprocess.Popen[bytes], seconds: float) -> tuple[float, float]:
    """CPU in percent of a core, and memory in MB, after the start has settled."""
    time.sleep(4)
    before = cpu_s(process.pid)
    time.sleep(seconds)
    return (cpu_s(process.pid) - before) / seconds * 100, rss_mb(process.pid)


def judge(figures: Mapping[str, float], limits: Limits) -> list[str]:
    """The figures that miss their limit."""
    missed = []
    for name, (sign, limit) in limits.items():
        value = figures[name]
        good = {"<=": value <= limit, "<": value < limit, ">=": value >= limit}[sign]
        if not good:
            missed.append(f"{name} is {value:.3g}, should be {sign} {limit:g}")
    return missed


def report(name: str, figures: Mapping[str, float], limits: Limits, conditions: str) -> int:
    """Write reports/bench/NAME.json and print it; returns the exit code, 1 where a limit is missed."""
    missed = judge(figures, limits)
    body = {
        "figures": {key: round(value, 3) for key, value in figures.items()},
        "limits": {key: f"{sign} {limit:g}" for key, (sign, limit) in limits.items()},
        "missed": missed,
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "conditions": conditions,
    }
    target = ROOT / "reports" / "bench" / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(body, indent=2) + "\n")
    sys.stdout.write(json.dumps(body, indent=2) + "\n")
    return 1 if missed else 0
