"""The charts count every echo once, keep the extremes, and carry nothing that runs or loads."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.lanes.report.latency_charts import (
    MAX_DOTS,
    histogram,
    latency_histogram,
    latency_over_time,
    thinned,
)
from bb8deploy.lanes.report.report_records import Echo, Echoes, percentile

TRIPS = st.lists(st.floats(min_value=0.0, max_value=1e5), min_size=1, max_size=200)


@given(TRIPS)
def test_every_echo_is_in_exactly_one_bar(trips: list[float]) -> None:
    bars, over = histogram(sorted(trips))
    assert sum(bar[0] for bar in bars) + (over[0] if over else 0) == len(trips)
    assert len(bars) <= 60


@given(TRIPS)
def test_bars_join_without_gaps_and_hold_what_they_say(trips: list[float]) -> None:
    bars, _over = histogram(sorted(trips))
    for count, low, high in bars:
        assert count == sum(low <= trip < high for trip in trips)
    assert all(left[2] == right[1] for left, right in pairwise(bars))


def test_one_far_outlier_does_not_flatten_the_others() -> None:
    bars, over = histogram(sorted([10 + i / 100 for i in range(200)] + [5000.0]))
    assert over is not None
    assert over[0] == 1
    assert bars[-1][2] < 20


def test_no_answer_gives_no_bar() -> None:
    assert histogram([]) == ([], None)


def test_a_long_window_is_thinned_but_keeps_the_slowest_and_the_lost() -> None:
    echoes = [Echo(i / 10, 5.0 + i % 7) for i in range(20_000)]
    echoes[777] = Echo(77.7, 900.0)
    echoes[1234] = Echo(123.4, None)
    kept = thinned(echoes)
    assert len(kept) <= MAX_DOTS
    assert echoes[777] in kept
    assert echoes[1234] in kept
    assert kept == sorted(kept, key=lambda echo: echo.at)


def test_a_short_window_keeps_every_dot() -> None:
    echoes = [Echo(float(i), 1.0) for i in range(MAX_DOTS)]
    assert thinned(echoes) == echoes


@pytest.mark.parametrize("draw", [latency_over_time, latency_histogram])
def test_a_chart_is_plain_svg_that_neither_runs_nor_loads_anything(draw: object) -> None:
    assert callable(draw)
    svg = draw(Echoes(tuple(Echo(i / 5, None if i == 3 else 9.0 + i) for i in range(50))))
    assert svg.startswith("<svg")
    assert not re.search(r"<script|<style|href|url\(|javascript|generated with", svg, re.IGNORECASE)
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert 'role="img"' in svg


@pytest.mark.parametrize("trips", [[None], [0.0], [4.2], [4.2, 4.2], [0.001, 90000.0]])
def test_odd_windows_are_drawn_too(trips: list[float | None]) -> None:
    echoes = Echoes(tuple(Echo(float(i), trip) for i, trip in enumerate(trips)))
    assert latency_over_time(echoes).count("<circle") == len(trips)
    assert latency_histogram(echoes).startswith("<svg")


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 5.0), (0.95, 10.0), (0.9, 9.0), (1.0, 10.0)])
def test_percentiles_are_values_that_occurred(share: float, value: float) -> None:
    assert percentile(tuple(float(i) for i in range(1, 11)), share) == value


def test_drawing_leaves_no_import_hook_behind() -> None:
    code = """
import sys
from bb8deploy.lanes.report.latency_charts import latency_histogram
from bb8deploy.lanes.report.report_records import Echo, Echoes
latency_histogram(Echoes((Echo(0.0, 1.0),)))
assert not [hook for hook in sys.meta_path if type(hook).__module__ == "pygal"], sys.meta_path
import wave
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)
