"""Settings of the Supervisor, Core and the host that a client can set and read back.

Source: the SCHEMA_OPTIONS in supervisor/api/*.py (2026.08).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from ha_sandbox.json_types import Config, JsonObject
from ha_sandbox.supervisor.api_errors import ApiError, extra_key

CORE_PORT = 80  # of a new install; Core redirects from 8123 until its onboarding is done


@dataclass(frozen=True, slots=True)
class Setting:
    """A default, which values are accepted, and what the message expects. A hidden one is never shown."""

    default: object
    accepts: Callable[[object], bool]
    expected: str = "not a valid value"
    hidden: bool = False


def _flag(default: bool | None) -> Setting:
    return Setting(default, lambda value: isinstance(value, bool), "expected boolean")


def _text(default: str | None = None, *, empty: bool = False, hidden: bool = False) -> Setting:
    def accepts(value: object) -> bool:
        return isinstance(value, str) or (empty and value is None)

    return Setting(default, accepts, "expected str", hidden)


def _choice(default: str, *others: str) -> Setting:
    return Setting(default, lambda value: value in (default, *others))


def _number(default: int | None, low: int, high: int, *, empty: bool = False) -> Setting:
    def accepts(value: object) -> bool:
        is_number = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return is_number or (empty and value is None)

    return Setting(default, accepts)


def _texts() -> Setting:
    return Setting(
        [],
        lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
        "expected a list",
    )


AREAS: dict[str, dict[str, Setting]] = {
    "supervisor": {
        "channel": _choice("stable", "beta", "dev"),
        "timezone": _text("UTC"),
        "logging": _choice("info", "debug", "warning", "error", "critical"),
        "debug": _flag(False),
        "debug_block": _flag(False),
        "diagnostics": _flag(None),
        "auto_update": _flag(True),
        "country": _text(),
        "wait_boot": _number(5, 1, 60),
        "detect_blocking_io": _choice("off", "on", "on-at-startup"),
        "addons_repositories": Setting([], lambda value: isinstance(value, list), hidden=True),
    },
    "core": {
        "boot": _flag(True),
        "image": _text("ghcr.io/home-assistant/generic-x86-64-homeassistant", empty=True),
        "port": _number(CORE_PORT, 1, 65535),
        "ssl": _flag(False),
        "watchdog": _flag(True),
        "refresh_token": _text(empty=True, hidden=True),
        "audio_input": _text(empty=True),
        "audio_output": _text(empty=True),
        "backups_exclude_database": _flag(False),
        "duplicate_log_file": _flag(False),
    },
    "host": {"hostname": _text("sandbox")},
    "security": {"pwned": _flag(True), "force_security": _flag(False)},
    "docker": {
        "enable_ipv6": Setting(None, lambda value: value is None or isinstance(value, bool)),
        "mtu": _number(None, 68, 65535, empty=True),
    },
    "dns": {"servers": _texts(), "fallback": _flag(True)},
    "backups": {"days_until_stale": _number(30, 1, 3650)},
    "jobs": {"ignore_conditions": _texts()},
}
"""The settings of each area, by the first word of its path."""


class HostSettings:
    """The values of all areas."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._values = {area: _defaults(table) for area, table in AREAS.items()}

    def of(self, area: str) -> JsonObject:
        """The values of an area that a client may see."""
        with self._guard:
            values = dict(self._values[area])
        return {key: value for key, value in values.items() if not AREAS[area][key].hidden}

    def change(self, area: str, body: Config) -> None:
        """Sets what `body` names. Raises ApiError, and sets nothing, if a part of it is refused."""
        table = AREAS[area]
        for key, value in body.items():
            if key not in table:
                raise extra_key(key, value)
            if not table[key].accepts(value):
                raise ApiError(f"{table[key].expected} for dictionary value @ data['{key}']. Got {value!r}")
        with self._guard:
            self._values[area] |= body

    def reset(self, area: str) -> None:
        """Sets the defaults of an area."""
        with self._guard:
            self._values[area] = _defaults(AREAS[area])


def _defaults(table: dict[str, Setting]) -> JsonObject:
    return {key: setting.default for key, setting in table.items()}
