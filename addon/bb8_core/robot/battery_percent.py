"""How full the battery is, from its voltage: an estimate whose uncertainty is given with it; pure.

The robot reports volts and no charge. Its cells are lithium polymer (support.sphero.com, Battery FAQ). Its
voltage trips of 6.25 to 7.25 V (sphero.js, lib/devices/core.js) mean that two are in series. No measurement
of a BB-8's own discharge was found, so the curve is the mean of two published ones for a single cell: the
voltage at rest by blog.ampow.com/lipo-voltage-chart, and a slow discharge of a 2000 mAh cell down to 3.1 V
that was recorded over 50 days. Half of their distance is the least uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

CELLS: Final = 2
ONE_CELL_V: Final = 5.0
"""A reading below this can only be of a single cell."""
LEAST_UNCERTAINTY: Final = 10
SAG: Final = 10
"""Per cent by which a reading can be wrong in addition while the motors run or the charger is on."""
_AT_REST: Final = (
    (3.27, 0), (3.61, 5), (3.69, 10), (3.71, 15), (3.73, 20), (3.75, 25), (3.77, 30), (3.79, 35),
    (3.80, 40), (3.82, 45), (3.84, 50), (3.85, 55), (3.87, 60), (3.91, 65), (3.95, 70), (3.98, 75),
    (4.02, 80), (4.08, 85), (4.11, 90), (4.15, 95), (4.20, 100),
)  # fmt: skip
_DISCHARGE: Final = (
    (3.10, 0), (3.26, 4), (3.34, 9), (3.50, 15), (3.60, 23), (3.65, 32), (3.70, 40), (3.76, 47),
    (3.80, 51), (3.87, 57), (3.92, 62), (3.96, 70), (4.00, 74), (4.05, 79), (4.08, 88),
    (4.10, 91), (4.15, 96), (4.20, 98),
    (4.25, 100),
)  # fmt: skip

Curve = tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Charge:
    """Per cent of a full battery, and by how many of them it may be wrong."""

    percent: int
    uncertainty: int


def charge(volts: float, *, loaded: bool = False) -> Charge:
    """Estimate the charge; `loaded` is True if the motors run or it is being charged."""
    cell_v = volts if volts < ONE_CELL_V else volts / CELLS
    rest, slow = _read(_AT_REST, cell_v), _read(_DISCHARGE, cell_v)
    uncertainty = max(LEAST_UNCERTAINTY, round(abs(rest - slow) / 2)) + (SAG if loaded else 0)
    return Charge(round((rest + slow) / 2), uncertainty)


def _read(curve: Curve, volts: float) -> float:
    """Interpolate; beyond its ends a curve is flat."""
    for (low_v, low), (high_v, high) in pairwise(curve):
        if volts < high_v:
            return low + (high - low) * max(0.0, volts - low_v) / (high_v - low_v)
    return curve[-1][1]
