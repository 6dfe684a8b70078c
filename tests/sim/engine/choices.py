"""The decisions of one schedule: drawn from a seed, recorded, and replayed without some of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Choices:
    """Answers every question of a schedule with a number.

    0 always means the ordinary course: go on with the same task, no fault, no edit. What differs from it is
    recorded by its position, so that a schedule is a sparse table, and a shorter one is a smaller table.
    """

    seed: int
    replay: Mapping[int, int] | None = None
    taken: dict[int, int] = field(default_factory=dict)
    position: int = 0
    _random: random.Random = field(init=False)
    _scene: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._scene = random.Random(f"scene {self.seed}")  # its own, so that a replay sets the same scene

    def pick(self, options: int, chance: float) -> int:
        """0 or, with probability `chance`, one of 1..options."""
        self.position += 1
        if self.replay is not None:
            choice = min(self.replay.get(self.position, 0), options)
        else:
            choice = self._random.randint(1, options) if self._random.random() < chance else 0
        if choice:
            self.taken[self.position] = choice
        return choice

    def setup(self, options: int) -> int:
        """One of 0..options-1 for the scene of a schedule; the seed alone decides, also in a replay."""
        return self._scene.randrange(options)

    def detail(self, options: int) -> int:
        """One of 0..options-1 for the newest choice: how far, how late. A replay gives the same."""
        return random.Random(f"{self.seed} {self.position}").randrange(options)
