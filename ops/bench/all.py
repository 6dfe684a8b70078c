"""Runs every bench_*.py below this folder, one after the other, and prints one table of figures and limits.

    python ops/bench/all.py [NAME ...]        # NAME as in bench_NAME.py; all of them without

A bench writes reports/bench/NAME.json with `figures` {name: number} and `limits` {name: "<= 3" or 3}, prints
`SKIPPED: reason` for what it has no peer for, and exits 1 where a limit is missed. So does this program;
it also fails where a bench breaks or overruns its deadline. The table goes to reports/bench/summary.json.
"""

from __future__ import annotations

import json
import operator
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPORTS = HERE.parents[1] / "reports" / "bench"
DEADLINE = 900.0  # seconds for one bench
SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    "<": operator.lt,
    ">=": operator.ge,
    ">": operator.gt,
}
COLUMNS = ("bench", "figure", "measured", "limit", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `verdict` is ok, MISSED, SKIPPED or FAILED."""

    bench: str
    figure: str
    measured: str
    limit: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a bench ended: its exit code, None if it was stopped at the deadline, and what it printed."""

    code: int | None
    output: str
    report: dict[str, object]


def execute(script: Path, deadline: float) -> Ended:
    """Runs one bench; nothing of its process group is left afterwards."""
    place = REPORTS / f"{name_of(script)}.json"
    place.unlink(missing_ok=True)  # or a bench that breaks would show yesterday's figures
    with subprocess.Popen(
        [sys.executable, str(script)],
        cwd=HERE.parents[1],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, code = process.communicate(timeout=deadline)[0], process.returncode
        except subprocess.TimeoutExpired:
            output, code = f"did not end within {deadline:.0f} s", None
        finally:
            end_group(process.pid)
    return Ended(code, output, json.loads(place.read_text()) if place.is_file() else {})


def end_group(pid: int) -> None:
    """Kills what is left of a process group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def rows_of(bench: str, ended: Ended) -> list[Row]:
    """The lines of the table for one bench."""
    rows = [
        Row(bench, line.removeprefix("SKIPPED:").strip(), "", "", "SKIPPED")
        for line in ended.output.splitlines()
        if line.startswith("SKIPPED:")
    ]
    figures, limits = ended.report.get("figures"), ended.report.get("limits")
    if isinstance(figures, dict) and isinstance(limits, dict):
        rows += [row(bench, name, figures[name], limits[name]) for name in limits if name in figures]
    if ended.code and not any(one.verdict == "MISSED" for one in rows):
        rows.append(Row(bench, last_line(ended.output), "", "", "FAILED"))
    elif ended.code is None:
        rows.append(Row(bench, ended.output, "", f"{DEADLINE:.0f} s", "FAILED"))
    return rows or [Row(bench, "as a whole", "", "", "ok")]


def row(bench: str, figure: str, measured: float, limit: object) -> Row:
    """One figure held against its limit; a bare number is the most that it may be."""
    sign, number = str(limit).split() if isinstance(limit, str) else ("<=", str(limit))
    held = SIGNS[sign](measured, float(number))
    return Row(bench, figure, f"{measured:g}", f"{sign} {float(number):g}", "ok" if held else "MISSED")


def last_line(output: str) -> str:
    """What a bench said last."""
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else "it said nothing"


def table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    cells = [COLUMNS, *((r.bench, r.figure, r.measured, r.limit, r.verdict) for r in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def name_of(script: Path) -> str:
    """`startup` for bench_startup.py."""
    return script.stem.removeprefix("bench_")


def main(names: Sequence[str]) -> int:
    """Runs the named benches, or all, and judges."""
    scripts = {name_of(path): path for path in sorted(HERE.rglob("bench_*.py"))}
    if unknown := [name for name in names if name not in scripts]:
        print(f"there is no bench {', '.join(unknown)}; known: {', '.join(scripts)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for name in names or scripts:
        began = time.monotonic()
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        ended = execute(scripts[name], DEADLINE)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        rows += rows_of(name, ended)
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "summary.json").write_text(json.dumps([asdict(one) for one in rows], indent=2) + "\n")
    print(table(rows))
    return 1 if any(one.verdict in {"MISSED", "FAILED"} for one in rows) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
