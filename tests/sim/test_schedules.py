"""The simulation itself: its laws hold, a seed replays, a failure gets shorter, and faults are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sim.__main__ import first_failure, shortest
from tests.sim.mutants import MUTANTS
from tests.sim.schedule import play
from tests.sim.stories.scene import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_every_law_holds_in_the_first_schedules(stage: Stage) -> None:
    """`make sim` plays thousands of them."""
    results = [play(seed, stage) for seed in range(1, 61)]
    assert [(result.seed, result.failure) for result in results if result.failure] == []
    assert sum(result.tokens for result in results) > 300


@pytest.mark.parametrize("story", ["releases", "publications"])
def test_every_law_holds_in(story: str, stage: Stage) -> None:
    results = [play(seed, stage, story=story) for seed in range(1, 6)]
    assert [(result.seed, result.failure) for result in results if result.failure] == []


def test_a_seed_and_its_choices_play_the_same_schedule(stage: Stage) -> None:
    for seed in range(1, 11):
        first = play(seed, stage, trace=True)
        again = play(seed, stage, trace=True, replay=first.taken)
        assert _calls(again.trace) == _calls(first.trace), seed


def _calls(trace: tuple[str, ...]) -> list[str]:
    """The calls without the times in messages, which are those of the wall clock."""
    return [line.partition("since 20")[0] for line in trace]


@pytest.mark.parametrize(
    "name",
    [
        "the tree is not hashed again after the build",
        "the lock is not taken",
        "VERIFY_OK is written before the build",
        "a rollback is not verified",
    ],
)
def test_a_fault_in_the_product_is_found(name: str, stage: Stage) -> None:
    """`make sim` looks for all of them."""
    with MUTANTS[name]():
        result = first_failure(range(1, 301), stage)
    assert result is not None


def test_a_failure_is_cut_down_to_the_choices_that_it_needs(stage: Stage) -> None:
    with MUTANTS["the lock is not taken"]():
        result = first_failure(range(1, 301), stage)
        assert result is not None
        kept = shortest(result, stage)
        assert play(result.seed, stage, replay=kept).failure
    assert len(kept) <= len(result.taken)
