"""The oldest Supervisor that takes a config: when each field and value was introduced.

Source: the tags of home-assistant/supervisor; each entry is the first tag whose validate.py has the word.
Releases up to 249 were counted, later ones are dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bb8deploy.checks.schema.table.config_fields import RENAMED

FIELDS: Mapping[str, str] = {
    "name": "0.8", "version": "0.8", "slug": "0.8", "description": "0.8", "startup": "0.8", "boot": "0.8",
    "ports": "0.8", "options": "0.8", "schema": "0.8", "image": "0.8", "map": "0.18", "url": "0.19",
    "arch": "0.23", "devices": "0.28", "environment": "0.29", "host_network": "0.32", "tmpfs": "0.34",
    "privileged": "0.36", "timeout": "0.40", "webui": "0.46", "hassio_api": "0.51", "audio": "0.51",
    "gpio": "0.65", "stdin": "0.68", "homeassistant_api": "0.68", "legacy": "0.73", "host_ipc": "0.76",
    "host_dbus": "0.76", "services": "0.86", "discovery": "0.86", "apparmor": "0.100", "devicetree": "109",
    "docker_api": "124", "full_access": "126", "hassio_role": "131", "host_pid": "131", "machine": "132",
    "auth_api": "138", "kernel_modules": "142", "ingress": "153", "ingress_port": "153",
    "ingress_entry": "153", "homeassistant": "153", "ports_description": "156", "panel_icon": "162",
    "panel_title": "162", "panel_admin": "162", "udev": "174", "advanced": "196", "stage": "197",
    "video": "199", "init": "204", "usb": "235", "watchdog": "236", "uart": "2021.02.0",
    "realtime": "2021.02.12", "journald": "2021.03.7", "ingress_stream": "2021.06.8", "backup": "2021.08.0",
    "backup_pre": "2021.08.0", "backup_post": "2021.08.0", "backup_exclude": "2021.08.0",
    "host_uts": "2023.03.0", "breaking_versions": "2024.01.1", "ulimits": "2025.10.1",
}  # fmt: skip
VALUES: Mapping[tuple[str, str], str] = {
    ("map", "media"): "243",
    ("map", "homeassistant_config"): "2023.11.0",
    ("map", "addon_config"): "2023.11.0",
    ("map", "all_addon_configs"): "2023.11.0",
    ("map", "local_apps"): "2026.07.1",
    ("map", "app_config"): "2026.07.1",
    ("map", "all_app_configs"): "2026.07.1",
    ("boot", "manual_only"): "2024.09.0",
    ("stage", "deprecated"): "197",
    ("privileged", "NET_RAW"): "2023.04.1",
    ("privileged", "BPF"): "2023.05.0",
    ("privileged", "PERFMON"): "2023.05.0",
    ("privileged", "CHECKPOINT_RESTORE"): "2025.01.0",
    ("machine", "green"): "2023.08.2",
    ("machine", "yellow"): "2023.08.2",
    ("machine", "odroid-m1"): "2023.03.2",
    ("machine", "raspberrypi5-64"): "2023.12.0",
    ("machine", "generic-x86-64"): "2021.05.3",
    ("machine", "odroid-c4"): "2020.11.1",
    ("services", "mysql"): "196",
}
MAP_ENTRY = "2023.12.1"  # a map entry that is a mapping with `type`, `read_only`, `path`
DEVICE_OPTION = "2021.02.0"  # the option type `device`
NEGATIVE_BOUND = "2026.04.0"  # a negative bound of int() or float()
Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """One thing that a config uses: where it is, and the first Supervisor that knows it."""

    where: Where
    since: str


def oldest_supervisor(raw: Mapping[str, object]) -> Needs | None:
    """What needs the newest Supervisor of all that the config uses; None for an empty config."""
    return max(needs(raw), key=lambda one: order(one.since), default=None)


def order(release: str) -> tuple[int, ...]:
    """A release as numbers that compare in time: `249` is before `2021.01.0`; 0.x is the oldest."""
    numbers = [int(part) for part in release.split(".") if part.isdigit()]
    if len(numbers) == 1 and numbers[0] < 2000:
        return (1, *numbers)
    return (2, *numbers) if numbers and numbers[0] >= 2000 else (0, *numbers[1:])


def needs(raw: Mapping[str, object]) -> Iterator[Needs]:
    """Everything that the config uses, with the release that introduced it."""
    for key, value in raw.items():
        name = RENAMED.get(str(key), str(key))
        if name in FIELDS:
            yield Needs((str(key),), FIELDS[name])
            yield from _values(name, str(key), value)
    yield from _options(raw.get("schema"), ("schema",))


def _values(name: str, key: str, value: object) -> Iterator[Needs]:
    if not isinstance(value, list):
        if isinstance(value, str) and (name, value) in VALUES:
            yield Needs((key,), VALUES[name, value])
        return
    for index, item in enumerate(value):
        word = item.get("type") if isinstance(item, dict) else item
        since = VALUES.get((name, str(word).partition(":")[0].lstrip("!")))
        if since:
            yield Needs((key, index), since)
        if name == "map" and isinstance(item, dict):
            yield Needs((key, index), MAP_ENTRY)


def _options(schema: object, where: Where) -> Iterator[Needs]:
    if isinstance(schema, str):
        if schema.startswith("device"):
            yield Needs(where, DEVICE_OPTION)
        elif schema.startswith(("int(", "float(")) and "-" in schema:
            yield Needs(where, NEGATIVE_BOUND)
    elif isinstance(schema, dict):
        for key, inner in schema.items():
            yield from _options(inner, (*where, str(key)))
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from _options(inner, (*where, index))
