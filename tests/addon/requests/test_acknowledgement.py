"""The outcome of a command."""

from __future__ import annotations

from bb8_core.requests.acknowledgement import Outcome


def test_an_outcome_knows_whether_it_is_the_last() -> None:
    from bb8_core.requests.acknowledgement import ACCEPTED, NO_ANSWER, SENT, rejected

    finals: list[Outcome] = [NO_ANSWER, rejected("X", "y")]
    assert not ACCEPTED.final
    assert not SENT.final
    assert all(outcome.final for outcome in finals)
