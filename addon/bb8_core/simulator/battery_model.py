"""The battery of the simulated robot and its charger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FULL_V: Final = 8.2
EMPTY_V: Final = 6.4
LOW_V: Final = 7.0
CRITICAL_V: Final = 6.5
CHARGING: Final = 1
FINE: Final = 2
LOW: Final = 3
CRITICAL: Final = 4
CHARGE_PER_S: Final = 1 / 7200
ASLEEP_DRAIN_PER_S: Final = 1 / 2_000_000
AWAKE_DRAIN_PER_S: Final = 1 / 10_000
MOVING_DRAIN_PER_S: Final = 1 / 3600


@dataclass(slots=True)
class Battery:
    """`level` is 0.0-1.0; volts follow it in a straight line."""

    level: float = 0.8
    charges: int = 12
    now: float = 0.0
    charged_at: float = 0.0
    in_charger: bool = False

    @property
    def volts(self) -> float:
        """Voltage at the terminals."""
        return EMPTY_V + (FULL_V - EMPTY_V) * self.level

    @property
    def state(self) -> int:
        """State code as the power commands report it."""
        if self.in_charger:
            return CHARGING
        if self.volts < CRITICAL_V:
            return CRITICAL
        return LOW if self.volts < LOW_V else FINE

    @property
    def seconds_since_charge(self) -> int:
        """Capped at what 16 bits hold."""
        return 0 if self.in_charger else min(int(self.now - self.charged_at), 0xFFFF)

    def advance(self, now: float, drain_per_s: float) -> None:
        """Live on until `now`, draining at that rate or charging."""
        rate = CHARGE_PER_S if self.in_charger else -drain_per_s
        self.level = max(0.0, min(1.0, self.level + rate * (now - self.now)))
        self.now = now

    def plug(self) -> None:
        """Stand in the charger."""
        if not self.in_charger:
            self.charges += 1
        self.in_charger = True

    def unplug(self) -> None:
        """Leave the charger."""
        if self.in_charger:
            self.charged_at = self.now
        self.in_charger = False
