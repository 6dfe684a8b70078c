"""The options and settings of an installed app that a user may set, and the effect of a change; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bb8deploy.base.secret import MASK, Secret

FLAGS = ("watchdog", "auto_update", "ingress_panel")
"""The settings that are on or off."""
KEYS = ("options", "network", "boot", *FLAGS)
"""The keys of POST /addons/<slug>/options that bb8deploy sets (Supervisor 2026.08)."""
BOOTS = ("auto", "manual")
_SWITCHES = {True: ("1", "true", "yes", "on", "enable"), False: ("0", "false", "no", "off", "disable")}
"""Source: `Boolean` of voluptuous, which the Supervisor's schemas use."""
_SENSITIVE = re.compile(r"passw|secret|token|api_?key|encryption_?key|psk|credential|private", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AppSettings:
    """`options` by name, None for the default of config.yaml; `network` maps container ports such as
    `8080/tcp` to ports of the host, None for closed; `flags` has `boot` and FLAGS. What is not named is not
    changed. `secrets` are the values that came from the environment, and must never be shown; `hidden` names
    the options whose values are secrets although the app's schema may not say so.
    """

    options: Mapping[str, object] = field(default_factory=dict)
    network: Mapping[str, int | None] = field(default_factory=dict)
    flags: Mapping[str, object] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    hidden: frozenset[str] = frozenset()

    @property
    def secret_names(self) -> frozenset[str]:
        """The names of the options whose value must never be shown."""
        texts = {secret.reveal() for secret in self.secrets}
        return self.hidden | {name for name, value in self.options.items() if str(value) in texts}


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that changes: its path such as `options.level`, and both values as they may be shown."""

    path: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.path}: {self.old} -> {self.new}"


def of_info(info: Mapping[str, object]) -> AppSettings:
    """The settings in the Supervisor's `info` of an app."""
    options, network = info.get("options"), info.get("network")
    return AppSettings(
        options=dict(options) if isinstance(options, Mapping) else {},
        network=dict(network) if isinstance(network, Mapping) else {},
        flags={key: info[key] for key in ("boot", *FLAGS) if info.get(key) is not None},
    )


def password_options(info: Mapping[str, object]) -> frozenset[str]:
    """The options that are passwords by the app's schema, or by their name; `broker.word` is one within the
    option `broker`, or within each item of it."""
    known = dict(_rows(info.get("schema")))
    declared = {path for path, row in known.items() if row.get("format") == "password"}
    options = info.get("options")
    paths = [*map(str, options if isinstance(options, Mapping) else ()), *known]
    return frozenset(declared | {path for path in paths if _SENSITIVE.search(path.rpartition(".")[2])})


def _rows(rows: object, above: str = "") -> Iterator[tuple[str, Mapping[str, object]]]:
    """Each row of the Supervisor's schema, nested or not, by its path."""
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, Mapping):
            path = f"{above}{row.get('name')}"
            yield path, row
            yield from _rows(row.get("schema"), f"{path}.")


def password_kinds(kind: object) -> frozenset[str]:
    """The paths of the passwords in a schema of config.yaml, as in `password_options`."""
    return frozenset(path for path, _ in _passwords(kind, None, ""))


def password_values(kind: object, options: object) -> Iterator[str]:
    """The passwords in `options`, by a schema of config.yaml."""
    return (str(value) for _, value in _passwords(kind, options, "") if value)


def _passwords(kind: object, value: object, path: str) -> Iterator[tuple[str, object]]:
    """Each password of a schema by its path, with its values; None for one that has no value."""
    if isinstance(kind, Mapping):
        for name, inner in kind.items():
            own = value.get(name) if isinstance(value, Mapping) else None
            yield from _passwords(inner, own, f"{path}.{name}" if path else str(name))
    elif isinstance(kind, list):
        items = value if isinstance(value, list) and value else [None]
        for inner in kind:
            for item in items:
                yield from _passwords(inner, item, path)
    elif str(kind).startswith("password"):
        yield path, value


def is_hidden(path: Sequence[object], hidden: frozenset[str]) -> bool:
    """Whether the value at `path` within the options, with numbers for items of lists, must not be shown."""
    names = [str(part) for part in path if not isinstance(part, int)]
    above = {".".join(names[: count + 1]) for count in range(len(names))}
    return bool(above & hidden) or any(_SENSITIVE.search(name) for name in names)


def merged(
    now: AppSettings, wanted: AppSettings, defaults: Mapping[str, object] | None = None
) -> AppSettings:
    """What the settings will be. An option without a value gets its default, or is left out if it has none:
    the Supervisor takes required options only if they are sent. It may store an option in another type than
    it was given, such as 3 for "3": such an option stays as it is."""
    given = {
        name: now.options[name] if _same_text(value, now.options.get(name)) else value
        for name, value in wanted.options.items()
    }
    options = {**now.options, **given}
    back = {name: (defaults or {}).get(name) for name, value in options.items() if value is None}
    return AppSettings(
        options={name: value for name, value in {**options, **back}.items() if value is not None},
        network={**now.network, **wanted.network},
        flags={**now.flags, **wanted.flags},
        secrets=wanted.secrets,
    )


def _same_text(wanted: object, now: object) -> bool:
    if not (isinstance(wanted, str | int | float) and isinstance(now, str | int | float)):
        return False
    if isinstance(wanted, bool) or isinstance(now, bool):
        return str(wanted).lower() == str(now).lower()
    return str(wanted) == str(now)


def is_stored(wanted: object, now: object) -> bool:
    """Whether the Supervisor reports `now` for a value that was set to `wanted`.

    It may store a value in another type, such as "3" as 3 and "yes" as true, and a device by another of its
    paths. None is the default of config.yaml.
    """
    if isinstance(wanted, Mapping):
        return isinstance(now, Mapping) and all(is_stored(item, now.get(key)) for key, item in wanted.items())
    if isinstance(wanted, list):
        return isinstance(now, list) and len(now) == len(wanted) and all(map(is_stored, wanted, now))
    if wanted is None:
        return True
    if isinstance(now, bool):
        return _switch(wanted) is now
    if isinstance(now, int | float) and (number := _number(wanted)) is not None:
        return number == now
    texts = str(wanted).lower(), str(now).lower()
    return texts[0] == texts[1] or all(text.startswith("/dev/") for text in texts)


def _switch(value: object) -> bool | None:
    """How the Supervisor reads a value of the kind `bool`, None if it refuses it."""
    if not isinstance(value, str):
        return bool(value)
    return next((on for on, words in _SWITCHES.items() if value.lower() in words), None)


def _number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


def ignored_flag(wanted: AppSettings, info: Mapping[str, object]) -> str:
    """Why the Supervisor accepts a setting of `wanted` but does not store it, or an empty text."""
    if "ingress_panel" in wanted.flags and not info.get("ingress", True):
        return "`ingress_panel`: the app has no ingress, so it has no panel"
    if wanted.flags.get("watchdog") and info.get("startup") == "once":
        return "`watchdog`: the Supervisor does not watch an app with `startup: once`"
    return ""


def body_of(now: AppSettings, new: AppSettings) -> dict[str, object]:
    """The body that makes the settings from `now` to `new`; empty if nothing changes.

    The Supervisor replaces `options` and `network` as a whole, so both are sent complete.
    """
    body: dict[str, object] = {}
    if new.options != now.options:
        body["options"] = dict(new.options)
    if new.network != now.network:
        body["network"] = dict(new.network)
    flags = {key: value for key, value in new.flags.items() if value != now.flags.get(key)}
    return {**body, **flags}


def changes(now: AppSettings, new: AppSettings, hidden: frozenset[str]) -> tuple[SettingChange, ...]:
    """Each setting that changes, with the values of the options in `hidden` masked."""
    rows = [
        *_changed("options.", now.options, new.options, hidden),
        *_changed("network.", now.network, new.network, frozenset()),
        *_changed("", now.flags, new.flags, frozenset()),
    ]
    return tuple(
        SettingChange(change.path, _clean(change.old, new), _clean(change.new, new)) for change in rows
    )


def shown(name: str, value: object, hidden: frozenset[str]) -> object:
    """The value of the option `name` as it may be shown: what is hidden in it, or has a key that looks like
    a password, is masked. A hidden list or mapping is masked as a whole.

    A reference to Home Assistant's secrets (`!secret NAME`) is not a secret itself.
    """
    if isinstance(value, str) and value.startswith("!secret "):
        return value
    if name in hidden and not (value is None or isinstance(value, bool) or value == ""):
        return MASK
    if isinstance(value, Mapping):
        inner = hidden | {f"{name}.{key}" for key in value if _SENSITIVE.search(str(key))}
        return {key: shown(f"{name}.{key}", item, inner) for key, item in value.items()}
    return [shown(name, item, hidden) for item in value] if isinstance(value, list) else value


def _changed(
    prefix: str, now: Mapping[str, object], new: Mapping[str, object], hidden: frozenset[str]
) -> Iterator[SettingChange]:
    for key in sorted({*now, *new}):
        if now.get(key, _UNSET) != new.get(key, _UNSET):
            words = [_word(key, side, hidden) for side in (now, new)]
            yield SettingChange(f"{prefix}{key}", *words)


def _word(key: str, side: Mapping[str, object], hidden: frozenset[str]) -> str:
    if key not in side:
        return "not set"
    import json

    return json.dumps(shown(key, side[key], hidden), ensure_ascii=False, default=str)


def _clean(text: str, new: AppSettings) -> str:
    from bb8deploy.base.secret import redact

    return redact(text, list(new.secrets))


_UNSET = object()
