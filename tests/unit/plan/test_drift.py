"""Where places differ, one sentence for each way, and none where they agree."""

from __future__ import annotations

import pytest

from bb8deploy.plan.drift import Place, State, drift_of

HERE = Place("here", "1.1", "sha256:a")
HOST = Place("host", "1.1", "sha256:a")
RUNS = Place("running", "1.1", "sha256:a", "started")
OUT = Place("published", "1.1")


def test_places_that_agree_show_no_drift() -> None:
    assert drift_of([HERE, HOST, RUNS, OUT]) == ()
    assert drift_of([HERE, RUNS]) == ()


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([HERE, Place("host", state=State.ABSENT)], "the host does not hold the add-on"),
        ([HERE, Place("host", "1.0", "sha256:b"), Place("running", "1.0", "sha256:b")], "the host holds 1.0"),
        ([HERE, Place("host", "1.1", "sha256:c", state=State.EDITED)], "edited by hand"),
        ([HERE, HOST, Place("running", "1.0", "sha256:b")], "1.0 runs, but 1.1 lies on the host"),
        ([HERE, HOST, Place("running", "1.1", "sha256:b")], "other content than what lies on the host"),
        ([HERE, Place("running", "1.0", "")], "1.0 runs, but 1.1 is here"),
        ([HERE, HOST, Place("running", "1.1", "sha256:a", state=State.DOWN)], "does not run"),
        ([HERE, HOST, Place("running", state=State.ABSENT)], "is not installed"),
        ([HERE, HOST, RUNS, Place("published", "1.0")], "1.1 runs, but 1.0 is published"),
        ([HERE, HOST, RUNS, Place("published", state=State.ABSENT)], "nothing is published"),
        ([HERE, Place("host", state=State.UNSEEN)], "not seen, so perhaps another: host"),
    ],
)
def test_each_difference_is_one_sentence(places: list[Place], said: str) -> None:
    (sentence,) = drift_of(places)
    assert said in sentence


def test_content_that_was_not_reported_is_no_difference() -> None:
    assert drift_of([HERE, HOST, Place("running", "1.1", "")]) == ()
