"""Measures lane 1: the whole command in CPU time, the recorded configs in one process, a large tree.

Run from the repository's root: `python ops/bench/bench_validate.py`. It works on a copy, writes
reports/bench/validate.json and exits 1 if a figure misses its limit. Each figure is the least of several
runs: on a shared machine only the least says something about the program.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "src"))

from bb8deploy.base.atomic_files import write_text  # noqa: E402
from bb8deploy.checks.reading.yaml_json_reader import parse_source  # noqa: E402
from bb8deploy.checks.run_rules import check_addon  # noqa: E402
from bb8deploy.checks.schema import validate_config  # noqa: E402

LIMITS = {"command_cpu_ms": 350.0, "corpus_s": 3.0, "tree_2000_s": 1.0}
RUNS = 7


def command_cpu_ms(workspace: Path) -> tuple[float, float]:
    """CPU of `validate --no-tests`: the process itself, and with git and shellcheck that it starts."""
    words = [sys.executable, "-c", _MEASURED]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    own, whole = [], []
    for _ in range(RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(words, cwd=workspace, env=env, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        whole.append(1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
        own.append(float(done.stderr.rsplit("own_cpu_ms=", 1)[1]))
    return min(own), min(whole)


_MEASURED = """
import atexit, resource, sys
def tell():
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stderr.write(f"own_cpu_ms={1000 * (used.ru_utime + used.ru_stime):.1f}")
atexit.register(tell)
sys.argv = ["bb8deploy", "validate", "--no-tests"]
from bb8deploy.__main__ import main
main()
"""


def corpus_s() -> tuple[float, int] | None:
    """Seconds for a verdict on every recorded config, with their number; None if there are none."""
    path = ROOT.parent / "shared" / "corpus" / "addon_configs.jsonl"
    if not path.is_file():
        return None
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    times = []
    for _ in range(3):
        started = time.perf_counter()
        for case in cases:
            validate_config(parse_source(case["text"].encode(), f"config{case['suffix']}").data)
        times.append(time.perf_counter() - started)
    return min(times), len(cases)


def tree_s(folder: Path) -> float:
    """Seconds for every rule over an app of 2,000 files."""
    shutil.copytree(ROOT / "addon", folder)
    for number in range(2000 - sum(1 for path in folder.rglob("*") if path.is_file())):
        place = folder / "data" / f"d{number % 40}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"f{number}.txt").write_text(f"line {number}\n" * 200)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        check_addon(folder, workspace=None, profile="bb8")
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> int:
    """Measures, writes, judges."""
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Path(scratch) / "workspace"
        shutil.copytree(ROOT / "addon", workspace / "addon")
        shutil.copy(ROOT / "pyproject.toml", workspace)
        own, whole = command_cpu_ms(workspace)
        figures = {"command_cpu_ms": own, "command_cpu_with_children_ms": whole}
        figures["tree_2000_s"] = tree_s(Path(scratch) / "large")
    measured = corpus_s()
    if measured:
        figures["corpus_s"], figures["corpus_configs"] = measured
    missed = [name for name, limit in LIMITS.items() if figures.get(name, 0.0) > limit]
    result = {"figures": {k: round(v, 3) for k, v in figures.items()}, "limits": LIMITS, "missed": missed}
    text = json.dumps(result, indent=2)
    write_text(ROOT / "reports" / "bench" / "validate.json", text + "\n")
    print(text)
    if not measured:
        print("SKIPPED: corpus_s, no recorded configs at hand")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
