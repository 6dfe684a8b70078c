"""The battery in per cent: full, empty, always rising with the voltage, and honest about its uncertainty."""

from __future__ import annotations

import pytest

from bb8_core.robot.battery_percent import LEAST_UNCERTAINTY, charge


@pytest.mark.parametrize(
    ("volts", "low", "high"), [(8.5, 100, 100), (8.4, 98, 100), (7.6, 40, 50), (6.0, 0, 0)]
)
def test_the_ends_and_the_middle_of_the_curve(volts: float, low: int, high: int) -> None:
    assert low <= charge(volts).percent <= high


def test_more_volts_are_never_less_charge() -> None:
    percents = [charge(hundredths / 100).percent for hundredths in range(600, 850)]
    assert percents == sorted(percents)


def test_a_single_cell_is_recognised_by_its_voltage() -> None:
    assert charge(3.8) == charge(7.6)


def test_where_the_sources_differ_the_uncertainty_grows() -> None:
    assert charge(8.2).uncertainty == LEAST_UNCERTAINTY
    assert charge(7.4).uncertainty > LEAST_UNCERTAINTY
    assert charge(7.4, loaded=True).uncertainty > charge(7.4).uncertainty
