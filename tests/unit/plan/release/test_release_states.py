"""The state machine of a release: complete, without dead ends, and the one that the code uses."""

from __future__ import annotations

import itertools

import pytest

from bb8deploy.plan.release.release_plan import Name
from bb8deploy.plan.release.release_states import (
    PASSED,
    STEP_TRANSITIONS,
    TRANSITIONS,
    Event,
    State,
    StepState,
    diagram,
    move,
    reached,
)


def at_least(state: State, wanted: State) -> bool:
    order = list(State)
    return order.index(state) >= order.index(wanted)


def test_every_step_advances_the_release_once_and_in_order() -> None:
    assert [one.step for one in TRANSITIONS if one.step] == list(Name)
    forward = [(one.source, one.target) for one in TRANSITIONS if at_least(one.target, one.source)]
    assert forward == list(itertools.pairwise(State))


def test_a_published_release_never_goes_back() -> None:
    back = {one.source for one in TRANSITIONS if not at_least(one.target, one.source)}
    assert not {state for state in back if at_least(state, State.PUBLISHED)}


def test_every_state_can_be_reached_and_left() -> None:
    assert {one.target for one in TRANSITIONS} | {State.NEW} == set(State)
    assert {one.source for one in TRANSITIONS} | {State.RELEASED} == set(State)
    assert {one.target for one in STEP_TRANSITIONS} | {StepState.WAITING} == set(StepState)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(StepState, Event)))
def test_a_step_moves_only_as_in_the_table(state: StepState, event: Event) -> None:
    known = {(one.source, one.event): one.target for one in STEP_TRANSITIONS}
    if (state, event) in known:
        assert move(state, event) is known[state, event]
    else:
        with pytest.raises(ValueError, match=f"cannot {event}"):
            move(state, event)


def test_no_event_leaves_a_final_state_of_a_step() -> None:
    assert not {one.source for one in STEP_TRANSITIONS} & (PASSED | {StepState.FAILED})


@pytest.mark.parametrize("count", range(len(Name) + 1))
def test_the_state_is_that_of_the_last_step_before_a_gap(count: int) -> None:
    steps = list(Name)
    assert reached(steps[:count]) is list(State)[count]
    assert reached([*steps[:count], *steps[count + 1 :]]) is list(State)[count]


def test_the_diagram_has_every_transition() -> None:
    text = diagram()
    assert text.count(" --> ") == len(TRANSITIONS) + len(STEP_TRANSITIONS) + 2 + 1 + len(PASSED) + 1
    assert all(one.why in text for one in (*TRANSITIONS, *STEP_TRANSITIONS))
