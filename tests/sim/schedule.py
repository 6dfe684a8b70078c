"""One schedule from its seed: the scene, the users, the faults; and the laws that it must keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tests.sim.engine import disk
from tests.sim.engine.choices import Choices
from tests.sim.engine.faults import Fault
from tests.sim.engine.tasks import Broken, Stuck, Tasks
from tests.sim.hosts.world import forget
from tests.sim.laws import Laws
from tests.sim.stories.deploys import DeployStory
from tests.sim.stories.publications import PublishStory
from tests.sim.stories.releases import ReleaseStory
from tests.sim.stories.scene import Stage

CHANCES = (0.0, 0.005, 0.02, 0.05)


class Story(Protocol):
    """What a schedule plays."""

    laws: Laws

    def play(self) -> None:
        """Plays it. Raises Broken or Stuck."""


STORIES: dict[str, tuple[int, Callable[[Stage, Tasks, float], Story]]] = {
    "deploys": (197, DeployStory.at),
    "publications": (2, PublishStory.at),
    "releases": (1, ReleaseStory.at),
}
"""Each story with how often of 200 it is played: the git of the last two is real, and takes its time."""
_DRAWN = [name for name, (often, _) in STORIES.items() for _ in range(often)]


@dataclass(frozen=True, slots=True)
class Result:
    """How a schedule ended; `failure` is empty if every law held. `taken` is its sparse table of choices."""

    seed: int
    story: str
    failure: str
    taken: Mapping[int, int]
    calls: int = 0
    tokens: int = 0
    fired: Counter[Fault] = field(default_factory=Counter)
    trace: tuple[str, ...] = ()


def play(
    seed: int, stage: Stage, *, story: str = "", replay: Mapping[int, int] | None = None, trace: bool = False
) -> Result:
    """Plays the schedule of a seed; with `replay`, only these choices differ from the ordinary course.

    `story` plays another story than that of the seed.
    """
    choices = Choices(seed, replay)
    drawn, chance = choices.setup(len(_DRAWN)), CHANCES[choices.setup(len(CHANCES))]
    name = story or _DRAWN[drawn]
    tasks, failure, tokens = Tasks(choices, keep_trace=trace), "", 0
    try:
        told = STORIES[name][1](stage, tasks, chance)
        told.play()
        tokens = len(told.laws.lines)
    except (Broken, Stuck) as error:
        failure = f"{type(error).__name__}: {error}"
    finally:
        tasks.close()
        disk.put({})
        forget()
    taken = dict(choices.taken)
    return Result(seed, name, failure, taken, tasks.calls, tokens, tasks.fired, tuple(tasks.trace))
