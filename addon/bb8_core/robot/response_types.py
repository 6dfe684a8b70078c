"""What the robot's answers contain, one frozen value for each command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Ack:
    """The robot obeyed; the answer carries no data."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The answer to a command that has no reading here."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Versions:
    """Model and versions; `api` is None if the robot sends the shorter record."""

    record: int
    model: int
    hw: int
    main_app: str
    bootloader: str
    orbbasic: str
    macro: str
    api: str | None

    @property
    def firmware(self) -> str:
        """Version of the main application, which is what people call the firmware."""
        return self.main_app


@dataclass(frozen=True, slots=True)
class BluetoothInfo:
    """Name, address (AA:BB:CC:DD:EE:FF) and the colours, as hexadecimal, that identify the robot."""

    name: str
    address: str
    id_colors: str


@dataclass(frozen=True, slots=True)
class AutoReconnect:
    """Whether, and after how many seconds, the robot would call back its last phone."""

    enabled: bool
    after_s: int


@dataclass(frozen=True, slots=True)
class PowerState:
    """Battery: volts, one of `sensors.POWER_STATES`, charges so far, seconds since the last."""

    voltage_v: float
    state: str
    charges: int
    seconds_since_charge: int


@dataclass(frozen=True, slots=True)
class VoltageTrips:
    """Volts under which the battery counts as low and as critical."""

    low_v: float
    critical_v: float


@dataclass(frozen=True, slots=True)
class ChargerState:
    """The raw code and the vendor's reading of it, which is not verified on a robot."""

    code: int
    state: str


@dataclass(frozen=True, slots=True)
class FactoryCrc:
    """Checksum of the factory configuration block."""

    crc: int


@dataclass(frozen=True, slots=True)
class L2Diagnostics:
    """Counters of the robot's life; distance in the odometer's unit, times in seconds."""

    record: int
    rx_good: int
    rx_bad_did: int
    rx_bad_dlen: int
    rx_bad_cid: int
    rx_bad_checksum: int
    rx_buffer_overruns: int
    tx_messages: int
    tx_buffer_overruns: int
    last_boot_reason: int
    charges: int
    seconds_since_charge: int
    seconds_on: int
    distance_rolled: int
    sensor_failures: int
    gyro_adjustments: int
    boot_counters: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PacketTimes:
    """Clocks in ms: sender's when sent (T1), robot's when received (T2) and when answered (T3)."""

    t1_ms: int
    t2_ms: int
    t3_ms: int

    def offset_ms(self, t4_ms: int) -> float:
        """Return how far the robot's clock is ahead; `t4_ms` is the sender's clock at the answer."""
        return ((self.t2_ms - self.t1_ms) + (self.t3_ms - t4_ms)) / 2

    def delay_ms(self, t4_ms: int) -> int:
        """Return the time spent on the way there and back."""
        return (t4_ms - self.t1_ms) - (self.t3_ms - self.t2_ms)


@dataclass(frozen=True, slots=True)
class ChassisId:
    """Number of the chassis."""

    chassis: int


@dataclass(frozen=True, slots=True)
class Locator:
    """Position in cm, velocity and speed over ground in cm/s."""

    x_cm: int
    y_cm: int
    vx_cm_s: int
    vy_cm_s: int
    sog_cm_s: int


@dataclass(frozen=True, slots=True)
class Temperature:
    """Degrees Celsius, by the reading of one source."""

    celsius: float


@dataclass(frozen=True, slots=True)
class Colour:
    """The stored user colour."""

    red: int
    green: int
    blue: int


@dataclass(frozen=True, slots=True)
class PermanentOptions:
    """Option flags kept in flash (RKSetOptionFlagsCommand.h)."""

    flags: int

    @property
    def motion_timeouts(self) -> bool:
        """Whether the robot stops by itself when no drive command follows in time."""
        return bool(self.flags & 1 << 4)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the flags that are set."""
        return _set_names(self.flags, _PERMANENT_NAMES)


@dataclass(frozen=True, slots=True)
class TemporaryOptions:
    """Option flags that last until the robot sleeps (RKSetNonPersistentOptionFlagsCommand.h)."""

    flags: int

    @property
    def stop_on_disconnect(self) -> bool:
        """Whether the robot stops when the link is lost."""
        return bool(self.flags & 1)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the flags that are set."""
        return _set_names(self.flags, _TEMPORARY_NAMES)


@dataclass(frozen=True, slots=True)
class DeviceMode:
    """Whether the robot listens to a text shell in place of packets."""

    code: int

    @property
    def normal(self) -> bool:
        """Whether the robot is in its normal mode."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class MacroStatus:
    """Which macro runs (0: none) and at which command; `command` is None if it cannot be aborted."""

    macro: int
    command: int | None


@dataclass(frozen=True, slots=True)
class Odometer:
    """Distance rolled in the robot's life, in cm."""

    distance_cm: int


Answer = (
    Ack
    | RawAnswer
    | Versions
    | BluetoothInfo
    | AutoReconnect
    | PowerState
    | VoltageTrips
    | ChargerState
    | FactoryCrc
    | L2Diagnostics
    | PacketTimes
    | ChassisId
    | Locator
    | Temperature
    | Colour
    | PermanentOptions
    | TemporaryOptions
    | DeviceMode
    | MacroStatus
    | Odometer
)

_PERMANENT_NAMES: Final = (
    "no_sleep_in_charger",
    "vector_drive",
    "no_self_level_in_charger",
    "tail_led_always_on",
    "motion_timeouts",
    "retail_demo",
    "wake_on_light_tap",
    "wake_on_heavy_tap",
    "gyro_limit_events",
)
_TEMPORARY_NAMES: Final = ("stop_on_disconnect", "ollie_compatibility")


def _set_names(flags: int, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for bit, name in enumerate(names) if flags & 1 << bit)
