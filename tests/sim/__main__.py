"""`python -m tests.sim`: plays many schedules, or one seed step by step in its shortest form."""

from __future__ import annotations

import argparse
import atexit
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.sim.scene import Workspaces
from tests.sim.schedule import Result, play

MEMORY = Path("/dev/shm")
MUTANT_SCHEDULES = 5000
"""Within so many schedules a fault in the product must be found."""


def _workspaces() -> Workspaces:
    root = tempfile.mkdtemp(prefix="bb8-sim-", dir=MEMORY if MEMORY.is_dir() else None)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Workspaces(Path(root))


def shortest(result: Result, workspaces: Workspaces) -> Mapping[int, int]:
    """The choices without which the schedule still fails: each that is not needed is dropped."""
    kept = dict(result.taken)
    for position in sorted(result.taken, reverse=True):
        fewer = {at: choice for at, choice in kept.items() if at != position}
        if play(result.seed, workspaces, replay=fewer).failure:
            kept = fewer
    return kept


def _batch(seeds: range) -> tuple[list[Result], int, int, float]:
    workspaces, began = _workspaces(), time.process_time()
    results = [play(seed, workspaces) for seed in seeds]
    failed = [result for result in results if result.failure]
    calls, tokens = sum(r.calls for r in results), sum(r.tokens for r in results)
    return failed, calls, tokens, time.process_time() - began


def _many(count: int, first: int, jobs: int) -> int:
    step = 250
    batches = [range(at, min(at + step, first + count)) for at in range(first, first + count, step)]
    failed: list[Result] = []
    calls = tokens = 0
    seconds, began = 0.0, time.monotonic()
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for some, more_calls, more_tokens, cpu in pool.imap_unordered(_batch, batches):
            failed += some
            calls, tokens, seconds = calls + more_calls, tokens + more_tokens, seconds + cpu
            for result in some[:3]:
                print(f"FAILED seed {result.seed}: {result.failure}", flush=True)
    wall = time.monotonic() - began
    print(
        f"{count} schedules, {calls} calls, {tokens} tokens, {len(failed)} failed; "
        f"{wall:.0f} s, {1000 * seconds / count:.1f} CPU-ms each"
    )
    for result in failed[:3]:
        print(f"replay: make sim SEED={result.seed}")
    return 1 if failed else 0


def _one(seed: int) -> int:
    workspaces = _workspaces()
    result = play(seed, workspaces, trace=True)
    if not result.failure:
        print(*result.trace, f"seed {seed}: every law held", sep="\n")
        return 0
    kept = shortest(result, workspaces)
    again = play(seed, workspaces, replay=kept, trace=True)
    print(*again.trace, sep="\n")
    print(f"seed {seed}, shortest form: {len(kept)} of {len(result.taken)} choices\n{again.failure}")
    return 1


def first_failure(seeds: range, workspaces: Workspaces) -> Result | None:
    """The first schedule of these that breaks a law."""
    return next((result for seed in seeds if (result := play(seed, workspaces)).failure), None)


def _mutant(name: str) -> tuple[str, Result | None]:
    from tests.sim.mutants import MUTANTS

    with MUTANTS[name]():
        return name, first_failure(range(1, MUTANT_SCHEDULES + 1), _workspaces())


def _mutants(jobs: int) -> int:
    """Puts faults into the product, one at a time, and looks for each."""
    from tests.sim.mutants import MUTANTS

    missed = 0
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for name, result in pool.imap_unordered(_mutant, MUTANTS):
            missed += result is None
            found = f"found by seed {result.seed}: {result.failure[:70]}" if result else "NOT FOUND"
            print(f"{name}: {found}", flush=True)
    return 1 if missed else 0


def main() -> int:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mutants", action="store_true", help="put faults into the product on purpose")
    words = parser.parse_args()
    if words.seed is not None:
        return _one(words.seed)
    missed = _mutants(words.jobs) if words.mutants else 0
    return _many(words.n, words.first, words.jobs) or missed


if __name__ == "__main__":
    sys.exit(main())
