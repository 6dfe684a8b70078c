"""The states of a release and of its steps, with every transition between them, as data.

The journal records the transitions that have an entry; after any end, `reached` returns the state in which a
resumed release continues. docs/release-states.md is drawn from these tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bb8deploy.plan.release.release_plan import Name


class StepState(StrEnum):
    """The state of one step; the values are those of the release contract."""

    WAITING = "not reached"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    KEPT = "kept"
    SKIPPED = "skipped"


class Event(StrEnum):
    """What changes the state of a step."""

    START = "start"
    FINISH = "finish"
    FAIL = "fail"
    KEEP = "keep"
    SKIP = "skip"


class State(StrEnum):
    """What a release has observed so far. A step that fails or is killed leaves the state as it is."""

    NEW = "new"
    CHECKED = "checked"
    VALIDATED = "validated"
    BUMPED = "bumped"
    DEPLOYED = "deployed"
    ATTESTED = "attested"
    PUBLISHED = "published"
    TAGGED = "tagged"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class StepTransition:
    """How a step changes; `why` is the condition, `journal` is the state of its journal entry, if any."""

    source: StepState
    event: Event
    target: StepState
    why: str
    journal: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """How a release advances by a step, or goes back; `step` is None for the end and for the ways back."""

    source: State
    target: State
    why: str
    step: Name | None = None


STEP_TRANSITIONS = (
    StepTransition(StepState.WAITING, Event.START, StepState.STARTED, "it must run now", "started"),
    StepTransition(
        StepState.WAITING, Event.KEEP, StepState.KEPT, "it was done for this commit before a resume"
    ),
    StepTransition(StepState.WAITING, Event.SKIP, StepState.SKIPPED, "a setting for it is missing"),
    StepTransition(StepState.STARTED, Event.FINISH, StepState.DONE, "its effect was observed", "done"),
    StepTransition(StepState.STARTED, Event.FAIL, StepState.FAILED, "an error, or the process was killed"),
)
TRANSITIONS = (
    Transition(State.NEW, State.CHECKED, "all checks before the start passed", Name.PREFLIGHT),
    Transition(State.CHECKED, State.VALIDATED, "rules and tests passed", Name.VALIDATE),
    Transition(State.VALIDATED, State.BUMPED, "the version is committed", Name.BUMP),
    Transition(State.BUMPED, State.DEPLOYED, "the host runs it, verified", Name.DEPLOY),
    Transition(State.DEPLOYED, State.ATTESTED, "the echo was measured", Name.ATTEST),
    Transition(State.ATTESTED, State.PUBLISHED, "branch and tag were read back", Name.PUBLISH),
    Transition(State.PUBLISHED, State.TAGGED, "the workspace has the tag", Name.TAG),
    Transition(State.TAGGED, State.RELEASED, "the evidence is written"),
    Transition(State.DEPLOYED, State.BUMPED, "another run changed the host"),
    Transition(State.ATTESTED, State.BUMPED, "another run changed the host"),
    Transition(State.BUMPED, State.CHECKED, "a new commit"),
    Transition(State.DEPLOYED, State.CHECKED, "a new commit"),
    Transition(State.ATTESTED, State.CHECKED, "a new commit"),
)
_MOVES: Mapping[tuple[StepState, Event], StepState] = {
    (one.source, one.event): one.target for one in STEP_TRANSITIONS
}
_AFTER: Mapping[Name, State] = {one.step: one.target for one in TRANSITIONS if one.step}
PASSED = frozenset({StepState.DONE, StepState.KEPT, StepState.SKIPPED})
"""The states of a step after which the next one may start."""


def move(state: StepState, event: Event) -> StepState:
    """The state after `event`. Raises ValueError for a transition that the table does not have."""
    try:
        return _MOVES[state, event]
    except KeyError:
        raise ValueError(f"a step that is {state} cannot {event}") from None


def step_after(state: State) -> Name | None:
    """The step that advances a release from `state`; None if only the evidence is left to write."""
    return next((one.step for one in TRANSITIONS if one.source is state and one.step), None)


def state_after(step: Name) -> State:
    """What a release has observed once `step` passed."""
    return _AFTER[step]


def reached(passed: Collection[Name]) -> State:
    """The state of a release whose steps `passed`: that of the last step before the first gap."""
    state = State.NEW
    for step, after in _AFTER.items():
        if step not in passed:
            break
        state = after
    return state


def diagram() -> str:
    """Both tables as Mermaid state diagrams."""
    steps = [f"    {_id(t.source)} --> {_id(t.target)}: {t.event}, {t.why}" for t in STEP_TRANSITIONS]
    moves = [f"    {t.source} --> {t.target}: {f'{t.step}, ' if t.step else ''}{t.why}" for t in TRANSITIONS]
    ends = [f"    {_id(state)} --> [*]" for state in StepState if state in PASSED | {StepState.FAILED}]
    release = ["stateDiagram-v2", f"    [*] --> {State.NEW}", *moves, f"    {State.RELEASED} --> [*]"]
    step = [
        "stateDiagram-v2",
        f'    state "{StepState.WAITING}" as {_id(StepState.WAITING)}',
        f"    [*] --> {_id(StepState.WAITING)}",
        *steps,
        *ends,
    ]
    return f"{_fenced(release)}\n## A step\n\n{_fenced(step)}"


def _id(state: StepState) -> str:
    return state.replace(" ", "_")


def _fenced(lines: list[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```", ""])
