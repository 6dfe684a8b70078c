"""Read the app's options into a frozen value; a bad one is named and replaced by its default."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bb8_core.radio.proxies.proxy_address import ProxyAddress, parse_proxies

MAX_OPTIONS_BYTES = 65536
"""Longest options file that is read; the Supervisor's are some hundred bytes."""

LOG_LEVELS = ("debug", "info", "warning", "error")
MQTT_PROTOCOLS = ("5", "3.1.1")

_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_TOPIC = re.compile(r"[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*")
_ADAPTER = re.compile(r"hci[0-9]{1,2}")
_NAME = re.compile(r".{1,48}")
_COLOUR = "red|orange|yellow|green|cyan|blue|purple|pink|white|#[0-9A-Fa-f]{6}"
_NOTICE = rf"[^:;]{{1,40}}: *(?:nod|shake|dance|figure_eight|still) +(?:{_COLOUR})"
_NOTICES = re.compile(rf"(?:{_NOTICE}(?:; *{_NOTICE}){{0,9}})?")
_HOST = re.compile(r"[^\s/]{1,253}")

Rule = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose; the names give the units, empty text means not set."""

    robot_address: str = ""
    robot_name: str = ""
    adapter: str = ""
    proxies: tuple[ProxyAddress, ...] = ()
    keep_connected: bool = False
    idle_disconnect_s: int = 120
    speed_cap: int = 180
    duration_cap_ms: int = 2000
    min_spacing_ms: int = 50
    motion_timeout: bool = True
    collision_events: bool = True
    distance_limit_m: int = 0
    notifications: str = "doorbell: nod blue; washing machine: dance green"
    mqtt_host: str = ""
    mqtt_port: int = 0
    mqtt_username: str = ""
    mqtt_password: str = field(default="", repr=False)
    mqtt_tls: bool = False
    mqtt_ca_file: str = ""
    mqtt_tls_insecure: bool = False
    mqtt_protocol: str = "5"
    base_topic: str = "bb8"
    discovery_prefix: str = "homeassistant"
    simulate: bool = False
    log_level: str = "info"
    enable_echo: bool = True
    echo_max_inflight: int = 16
    echo_min_interval_ms: int = 0
    problems: tuple[str, ...] = ()
    """One sentence for each option that was refused."""


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - every rule answers with ValueError
    return value


def _whole(low: int, high: int) -> Rule:
    def rule(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return rule


def _text(limit: int) -> Rule:
    def rule(value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit or "\0" in value:
            raise ValueError(f"must be text of at most {limit} characters")
        return value

    return rule


def _matching(pattern: re.Pattern[str], example: str, shape: Callable[[str], str] = str) -> Rule:
    def rule(value: Any) -> str:
        shaped = shape(value) if isinstance(value, str) else None
        if shaped is None or not pattern.fullmatch(shaped):
            raise ValueError(f"must look like {example}")
        return shaped

    return rule


def _choice(values: tuple[str, ...]) -> Rule:
    def rule(value: Any) -> str:
        if value not in values:
            raise ValueError("must be one of " + ", ".join(values))
        return str(value)

    return rule


_RULES: Mapping[str, Rule] = {
    "robot_address": _matching(_ADDRESS, "C9:00:00:00:B5:4A", str.upper),
    "robot_name": _matching(_NAME, "BB-B54A"),
    "adapter": _matching(_ADAPTER, "hci0"),
    "proxies": parse_proxies,
    "keep_connected": _flag,
    "idle_disconnect_s": _whole(10, 3600),
    "speed_cap": _whole(1, 255),
    "duration_cap_ms": _whole(100, 5000),
    "min_spacing_ms": _whole(20, 1000),
    "motion_timeout": _flag,
    "collision_events": _flag,
    "distance_limit_m": _whole(0, 100),
    "notifications": _matching(_NOTICES, "doorbell: nod blue; washing machine: dance green"),
    "mqtt_host": _matching(_HOST, "core-mosquitto"),
    "mqtt_port": _whole(1, 65535),
    "mqtt_username": _text(1024),
    "mqtt_password": _text(4096),
    "mqtt_tls": _flag,
    "mqtt_ca_file": _text(4096),
    "mqtt_tls_insecure": _flag,
    "mqtt_protocol": _choice(MQTT_PROTOCOLS),
    "base_topic": _matching(_TOPIC, "bb8 or home/bb8"),
    "discovery_prefix": _matching(_TOPIC, "homeassistant"),
    "simulate": _flag,
    "log_level": _choice(LOG_LEVELS),
    "enable_echo": _flag,
    "echo_max_inflight": _whole(1, 256),
    "echo_min_interval_ms": _whole(0, 10000),
}
_OPTIONAL = frozenset(f.name for f in fields(Options) if f.default in ("", 0))


def options_path() -> Path:
    """Where the Supervisor puts the options: BB8_OPTIONS, else /data/options.json."""
    return Path(os.environ.get("BB8_OPTIONS", "/data/options.json"))


def data_dir() -> Path:
    """The folder that survives updates: BB8_DATA, else /data."""
    return Path(os.environ.get("BB8_DATA", "/data"))


def scenes_dir() -> Path:
    """The folder of the user's scenes in the app's configuration folder: below BB8_CONFIG, else /config."""
    return Path(os.environ.get("BB8_CONFIG", "/config")) / "scenes"


def load_options(path: Path) -> Options:
    """Read the options file; never raises: `problems` names what is wrong, and its default is used."""
    try:
        with path.open("rb") as file:
            raw = json.loads(file.read(MAX_OPTIONS_BYTES))
    except FileNotFoundError:
        return Options(problems=(f"{path.name}: not found, every option has its default",))
    except (OSError, ValueError, RecursionError) as error:
        return Options(problems=(f"{path.name}: unreadable ({type(error).__name__}), defaults are used",))
    return parse_options(raw)


def parse_options(raw: Any) -> Options:
    """Check decoded options one by one; unknown keys are named and ignored."""
    if not isinstance(raw, dict):
        return Options(problems=("the options are not a JSON object, defaults are used",))
    good: dict[str, Any] = {}
    problems: list[str] = []
    for key, value in raw.items():
        if key not in _RULES:
            problems.append(f"option {str(key)[:40]!r} is unknown and ignored")
        elif not _is_unset(key, value):
            _check(key, value, good, problems)
    _keep_apart(good, problems)
    return Options(**good, problems=tuple(problems))


def _keep_apart(good: dict[str, Any], problems: list[str]) -> None:
    """The bridge subscribes below the base topic, so Home Assistant's own topics cannot be there."""
    usual = Options()
    base = good.get("base_topic", usual.base_topic)
    prefix = good.get("discovery_prefix", usual.discovery_prefix)
    if prefix != base and not prefix.startswith(f"{base}/"):
        return
    key = "discovery_prefix" if base == usual.base_topic else "base_topic"
    problems.append(f"option {key} must keep the discovery prefix out of the base topic; its default is used")
    del good[key]


def _is_unset(key: str, value: Any) -> bool:
    return value is None or (key in _OPTIONAL and value == "")


def _check(key: str, value: Any, good: dict[str, Any], problems: list[str]) -> None:
    try:
        good[key] = _RULES[key](value)
    except ValueError as error:
        problems.append(f"option {key} {error}; its default is used")
