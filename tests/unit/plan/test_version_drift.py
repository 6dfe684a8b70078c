"""Where places differ, one sentence for each way, and none where they agree."""

from __future__ import annotations

import pytest

from bb8deploy.plan.version_drift import DriftState, VersionPlace, drift_of

HERE = VersionPlace("here", "1.1", "sha256:a")
HOST = VersionPlace("host", "1.1", "sha256:a")
RUNS = VersionPlace("running", "1.1", "sha256:a", "started")
OUT = VersionPlace("published", "1.1")


def test_places_that_agree_show_no_drift() -> None:
    assert drift_of([HERE, HOST, RUNS, OUT]) == ()
    assert drift_of([HERE, RUNS]) == ()


@pytest.mark.parametrize(
    ("places", "said"),
    [
        ([HERE, VersionPlace("host", state=DriftState.ABSENT)], "the app is not on the host"),
        (
            [HERE, VersionPlace("host", "1.0", "sha256:b"), VersionPlace("running", "1.0", "sha256:b")],
            "the host has 1.0",
        ),
        ([HERE, VersionPlace("host", "1.1", "sha256:c", state=DriftState.EDITED)], "edited by hand"),
        ([HERE, HOST, VersionPlace("running", "1.0", "sha256:b")], "1.0 runs, but 1.1 is on the host"),
        (
            [HERE, HOST, VersionPlace("running", "1.1", "sha256:b")],
            "other content than what is on the host",
        ),
        ([HERE, VersionPlace("running", "1.0", "")], "1.0 runs, but 1.1 is here"),
        ([HERE, HOST, VersionPlace("running", "1.1", "sha256:a", state=DriftState.DOWN)], "does not run"),
        ([HERE, HOST, VersionPlace("running", state=DriftState.ABSENT)], "is not installed"),
        ([HERE, HOST, RUNS, VersionPlace("published", "1.0")], "1.1 runs, but 1.0 is published"),
        ([HERE, HOST, RUNS, VersionPlace("published", state=DriftState.ABSENT)], "nothing is published"),
        ([HERE, VersionPlace("host", state=DriftState.UNSEEN)], "could not be read, so may differ: host"),
    ],
)
def test_each_difference_is_one_sentence(places: list[VersionPlace], said: str) -> None:
    (sentence,) = drift_of(places)
    assert said in sentence


def test_after_a_rollback_the_earlier_version_on_the_host_is_meant() -> None:
    back = [HERE, VersionPlace("host", "1.0", "sha256:b"), VersionPlace("running", "1.0", "sha256:b")]
    (sentence,) = drift_of(back, rolled_back=True)
    assert "the last run restored 1.0;" in sentence
    assert drift_of([HERE, HOST, RUNS], rolled_back=True) == ()


def test_content_that_was_not_reported_is_not_a_difference() -> None:
    assert drift_of([HERE, HOST, VersionPlace("running", "1.1", "")]) == ()
