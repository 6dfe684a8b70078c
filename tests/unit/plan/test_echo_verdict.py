"""Holds the attestation's arithmetic to cases: what counts, what does not, and what passes."""

from __future__ import annotations

import pytest

from bb8deploy.plan.echo_verdict import EchoAnswer, Metrics, Sent, Window, differences, measure, percentile

HUNDRED = [float(n) for n in range(1, 101)]


def window(trips_ms: list[float | None], *, seconds: float = 10.0, pings: int = 0) -> Window:
    sent = tuple(Sent(f"c{n}", float(n), "t") for n in range(len(trips_ms)))
    answers = tuple(
        EchoAnswer(s.cid, s.at + trip / 1000)
        for s, trip in zip(sent, trips_ms, strict=True)
        if trip is not None
    )
    return Window("start", "end", seconds, sent, answers, pings)


def figures(metrics: Metrics) -> tuple[int, int, int]:
    return metrics.echoes, metrics.lost, metrics.duplicates


def test_all_answered_in_time_passes() -> None:
    metrics = measure(window([5.0, 7.0, 9.0]))
    assert metrics.passed
    assert metrics.failures() == ()
    assert figures(metrics) == (3, 0, 0)
    assert metrics.mean == pytest.approx(7.0)
    assert metrics.max == pytest.approx(9.0)


@pytest.mark.parametrize(
    ("case", "criterion", "words"),
    [
        (window([5.0] * 5, seconds=9.99), "window_ge_10s", "10.0 s, less than 10 s"),
        (window([5.0, 5.0, None]), "min_echoes_ge_3", "2 of 3 echoes"),
        (window([5.0] * 18 + [251.0] * 2), "rtt_p95_le_250ms", "251 ms, the limit is 250 ms"),
        (window([None] * 3), "rtt_p95_le_250ms", "no answer"),
    ],
)
def test_each_criterion_fails_by_itself_and_reports_it(case: Window, criterion: str, words: str) -> None:
    metrics = measure(case)
    assert not metrics.passed
    assert metrics.criteria[criterion] is False
    assert any(words in line for line in metrics.failures())


def test_the_limits_themselves_still_pass() -> None:
    assert measure(window([250.0] * 3, seconds=10.0)).passed


def test_a_robot_counts_only_if_it_was_required() -> None:
    silent, spoke = window([5.0] * 3), window([5.0] * 3, pings=1)
    assert measure(silent).criteria["ble_requirement_met"] is None
    assert measure(silent).passed
    assert not measure(silent, require_ble=True).passed
    assert measure(spoke, require_ble=True).passed


def test_a_second_answer_is_a_duplicate_and_the_first_one_counts() -> None:
    once = window([5.0] * 3)
    twice = Window("", "", 10.0, once.sent, (*once.answers, EchoAnswer("c0", 0.2)), 0)
    metrics = measure(twice)
    assert figures(metrics) == (3, 0, 1)
    assert metrics.round_trips["c0"] == pytest.approx(5.0)


def test_answers_to_what_was_not_asked_in_the_window_count_for_nothing() -> None:
    asked = window([None] * 3)
    strange = Window("", "", 10.0, asked.sent, (EchoAnswer("ready-0", 1.0), EchoAnswer("None", 1.0)), 0)
    assert figures(measure(strange)) == (0, 3, 0)


def test_an_add_on_that_leaves_a_field_out_differs_in_it() -> None:
    expected = {"version": "1", "tree": "t"}
    assert differences(expected, {"version": "1", "tree": "t", "python": "3"}) == ()
    assert differences({}, {}) == ()
    assert differences(expected, {"version": "1"}) == ("tree: expected t, reported nothing",)
    assert differences(expected, {"version": "2", "tree": "t"}) == ("version: expected 1, reported 2",)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 95, None),
        ([3.0], 50, 3.0),
        ([1.0, 2.0, 3.0, 4.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 95, 95.0),
    ],
)
def test_percentiles_are_by_nearest_rank(values: list[float], percent: int, expected: float | None) -> None:
    assert percentile(values, percent) == expected
