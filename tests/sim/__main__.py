"""`python -m tests.sim`: plays many schedules, or one seed step by step in its shortest form."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.sim.engine.faults import Fault
from tests.sim.mutants import MUTANTS
from tests.sim.schedule import Result, play
from tests.sim.stories.scene import Stage

MEMORY = Path("/dev/shm")
BATCH = 100
EACH = 5000
"""After so many schedules a long run says how far it is."""
MUTANT_SCHEDULES = 5000
"""Within so many schedules a fault in the product must be found."""
ENOUGH = 20_000
"""In so many schedules every kind of fault must have happened."""


@dataclass(slots=True)
class Sums:
    """What many schedules come to; `seconds` are of CPU, those of git included."""

    schedules: int = 0
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    stories: Counter[str] = field(default_factory=Counter)
    fired: Counter[Fault] = field(default_factory=Counter)
    failed: list[Result] = field(default_factory=list)

    def add(self, other: Sums) -> None:
        """Adds the schedules of a batch."""
        self.schedules += other.schedules
        self.calls += other.calls
        self.tokens += other.tokens
        self.seconds += other.seconds
        self.stories += other.stories
        self.fired += other.fired
        self.failed += other.failed

    def count(self, result: Result) -> None:
        """Adds one schedule."""
        self.schedules += 1
        self.calls += result.calls
        self.tokens += result.tokens
        self.stories[result.story] += 1
        self.fired += result.fired
        self.failed += [result] if result.failure else []

    @property
    def never(self) -> list[str]:
        """The kinds of fault that never happened, if that means something."""
        return [fault.name for fault in Fault if not self.fired[fault]] if self.schedules >= ENOUGH else []

    def lines(self, wall: float) -> Iterator[str]:
        """The summary."""
        each = f"{1000 * self.seconds / self.schedules:.1f} CPU-ms each"
        played = f"{self.schedules} schedules, {self.calls} calls, {self.tokens} tokens"
        yield f"{played}, {len(self.failed)} failed; {wall:.0f} s, {each}"
        yield ", ".join(f"{count} {name}" for name, count in self.stories.most_common())
        yield "faults: " + ", ".join(f"{fault.name} {self.fired[fault]}" for fault in Fault)
        yield from (f"FAILED: the fault {name} never happened" for name in self.never)
        yield from (f"replay: make sim SEED={result.seed}" for result in self.failed[:3])


@cache
def _root() -> Path:
    """A folder in memory that goes with this process; `main` makes it before the others are forked."""
    root = tempfile.mkdtemp(prefix="bb8-sim-", dir=MEMORY if MEMORY.is_dir() else None)
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return Path(root)


@cache
def _stage() -> Stage:
    gc.disable()  # a batch leaves little, which is collected at its end
    gc.freeze()
    return Stage(Path(tempfile.mkdtemp(dir=_root())))


def shortest(result: Result, stage: Stage) -> Mapping[int, int]:
    """The choices without which the schedule still fails: each that is not needed is dropped."""
    kept = dict(result.taken)
    for position in sorted(result.taken, reverse=True):
        fewer = {at: choice for at, choice in kept.items() if at != position}
        if play(result.seed, stage, replay=fewer).failure:
            kept = fewer
    return kept


def _cpu() -> float:
    """Seconds of CPU of this process and of the git that it started."""
    return sum(os.times()[:4])


def _batch(seeds: range) -> Sums:
    stage, began, sums = _stage(), _cpu(), Sums()
    for seed in seeds:
        sums.count(play(seed, stage))
    gc.collect()
    sums.seconds = _cpu() - began
    return sums


def _many(count: int, first: int, jobs: int) -> int:
    """Plays seeds in as many processes as there are jobs; 1 if a law was broken or a fault is dead."""
    last = first + count
    batches = [range(at, min(at + BATCH, last)) for at in range(first, last, BATCH)]
    sums, began = Sums(), time.monotonic()
    with multiprocessing.get_context("fork").Pool(jobs) as pool, contextlib.suppress(KeyboardInterrupt):
        for batch in pool.imap_unordered(_batch, batches):
            sums.add(batch)
            for result in batch.failed[:3]:
                print(f"FAILED seed {result.seed}: {result.failure}", flush=True)
            if sums.schedules % EACH == 0:
                print(f"{sums.schedules} of {count} played", flush=True)
    print(*sums.lines(time.monotonic() - began), sep="\n")
    return 1 if sums.failed or sums.never else 0


def _one(seed: int) -> int:
    """Replays a seed; one that fails is shown in its shortest form."""
    stage = _stage()
    result = play(seed, stage, trace=True)
    if not result.failure:
        print(*result.trace, f"seed {seed} ({result.story}): every law held", sep="\n")
        return 0
    kept = shortest(result, stage)
    again = play(seed, stage, replay=kept, trace=True)
    print(*again.trace, sep="\n")
    print(f"seed {seed} ({result.story}), shortest form: {len(kept)} of {len(result.taken)} choices")
    print(again.failure)
    return 1


def first_failure(seeds: range, stage: Stage, story: str = "") -> Result | None:
    """The first schedule of these that breaks a law."""
    return next((result for seed in seeds if (result := play(seed, stage, story=story)).failure), None)


def _mutant(name: str) -> tuple[str, Result | None]:
    _stage.cache_clear()  # a first deploy of another mutant must not be where this one starts
    with MUTANTS[name]():
        return name, first_failure(range(1, MUTANT_SCHEDULES + 1), _stage())


def _mutants(jobs: int) -> int:
    """Puts faults into the product, one at a time, and looks for each."""
    missed = 0
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for name, result in pool.imap_unordered(_mutant, MUTANTS):
            missed += result is None
            found = f"seed {result.seed} ({result.story}): {result.failure[:90]}" if result else "NOT FOUND"
            print(f"{name}: {found}", flush=True)
    print(f"{len(MUTANTS)} faults in the product, {missed} not found")
    return 1 if missed else 0


def main() -> int:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--mutants", action="store_true", help="put faults into the product on purpose")
    parser.add_argument("--mutant", choices=MUTANTS, help="with --seed: with this fault in the product")
    words = parser.parse_args()
    _root()
    if words.seed is not None and words.mutant:
        with MUTANTS[words.mutant]():
            return _one(words.seed)
    if words.seed is not None:
        return _one(words.seed)
    if words.mutants:
        return _mutants(words.jobs)
    return _many(words.n, words.first, words.jobs)


if __name__ == "__main__":
    sys.exit(main())
