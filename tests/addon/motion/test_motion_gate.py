"""The gate: caps, and a reason for every refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.addon.depth import examples

from bb8_core.link.connection_states import Cause, explain
from bb8_core.motion.motion_gate import Limits, Refused, Situation, decide
from bb8_core.requests.payload_parsing import Drive

READY = Situation(False, explain(Cause.ANSWERED), True, True)


@examples(50)
@given(
    st.integers(0, 255), st.integers(0, 359), st.integers(0, 5000), st.integers(0, 255), st.integers(1, 5000)
)
def test_no_drive_passes_the_caps(speed: int, heading: int, ms: int, cap: int, longest: int) -> None:
    allowed = decide(Drive(speed, heading, ms), READY, Limits(cap, longest), 0.0)
    assert not isinstance(allowed, Refused)
    assert allowed.speed <= cap
    assert allowed.ms <= longest
    assert allowed.command.data[0] == allowed.speed


@pytest.mark.parametrize(
    ("situation", "age_s", "code"),
    [
        (Situation(True, explain(Cause.ANSWERED), True, True), 0.0, "ESTOP"),
        (READY, 0.6, "STALE"),
        (Situation(False, explain(Cause.DROPPED), False, False), 0.0, "NOT_READY"),
        (Situation(False, explain(Cause.ANSWERED), True, False), 0.0, "UNARMED"),
        (Situation(False, explain(Cause.ANSWERED), True, True, parting=True), 0.0, "PARTING"),
    ],
)
def test_motion_is_refused_for_a_reason(situation: Situation, age_s: float, code: str) -> None:
    refused = decide(Drive(1, 1, 1), situation, Limits(), age_s)
    assert isinstance(refused, Refused)
    assert refused.code == code
    assert refused.reason
