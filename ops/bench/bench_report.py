"""Measures the report of a release with 1,000 echoes: size of the page and time to make it, as JSON.

    python ops/bench/bench_report.py [--out reports/bench/report.json]

The figure to hold: under 400 kB.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.integration.report_run import write_release  # noqa: E402

from bb8deploy.lanes.report.report import write_report  # noqa: E402

LIMITS = {"echoes_1000_bytes": "< 400000"}
ROUNDS = 5


def measure(echoes: int) -> dict[str, float]:
    """Bytes of the page, bytes as gzip has them, and the quickest of some rounds in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="bb8-report-") as folder:
        reports = Path(folder) / "reports"
        write_release(reports, echoes=echoes, rate_hz=50)
        times = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            page = write_report(reports)
            times.append(time.perf_counter() - began)
        data = page.read_bytes()
    return {"bytes": len(data), "gzip": len(gzip.compress(data)), "ms": round(min(times) * 1000, 1)}


def main() -> int:
    """Writes the figures; 1 where the page is too big."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "reports/bench/report.json")
    out: Path = parser.parse_args().out
    figures = {
        f"echoes_{count}_{name}": value
        for count in (0, 50, 1000, 10_000)
        for name, value in measure(count).items()
    }
    missed = [name for name, limit in LIMITS.items() if figures[name] >= float(limit.split()[1])]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"figures": figures, "limits": LIMITS, "missed": missed}, indent=2) + "\n")
    print(out.read_text(), end="")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
