"""Measures what it costs to start the command: `--version` and `--help` against bare Python in the same run.

Run it from anywhere: `python ops/bench/bench_startup.py`. It starts the console script that stands beside
this interpreter, in turns with `python -c pass`, takes the CPU time of each process from the kernel, writes
reports/bench/startup.json and exits 1 if a figure misses its limit.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = 40
LIMITS = {"version_to_python": "<= 1.6", "help_over_python_cpu_ms": "<= 160"}
Command = tuple[str, ...]


def cpu_ms(command: Command) -> float:
    """User and system time of one process, in milliseconds."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return 1000 * (used.ru_utime + used.ru_stime)


def measure(commands: dict[str, Command]) -> dict[str, list[float]]:
    """The CPU time of each command in each round; in turns, so that a busy machine slows all alike."""
    rounds = [{name: cpu_ms(command) for name, command in commands.items()} for _ in range(RUNS + 1)]
    return {name: [each[name] for each in rounds[1:]] for name in commands}  # the first one fills the caches


def figures(measured: dict[str, list[float]]) -> dict[str, float]:
    """The least of each, which says most about the program on a busy machine, and what the limits hold."""
    least = {name: min(values) for name, values in measured.items()}
    ratio = statistics.median(a / b for a, b in zip(measured["version"], measured["python"], strict=True))
    return {
        "python_cpu_ms": least["python"],
        "version_cpu_ms": least["version"],
        "help_cpu_ms": least["help"],
        "version_to_python": ratio,
        "help_over_python_cpu_ms": least["help"] - least["python"],
    }


def main() -> int:
    """Measures, writes, judges."""
    program = Path(sys.executable).with_name("bb8deploy")
    if not program.is_file():
        print(f"SKIPPED: {program} is not there: install bb8deploy beside this Python first")
        return 0
    commands = {
        "python": (sys.executable, "-c", "pass"),
        "version": (str(program), "--version"),
        "help": (str(program), "--help"),
    }
    told = {name: round(value, 2) for name, value in figures(measure(commands)).items()}
    missed = [name for name, limit in LIMITS.items() if told[name] > float(limit.split()[1])]
    report = {"figures": told, "limits": LIMITS, "missed": missed, "runs": RUNS, "load": os.getloadavg()[0]}
    place = ROOT / "reports" / "bench" / "startup.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
