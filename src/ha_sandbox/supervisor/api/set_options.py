"""POST /addons/<slug>/options: checks a request and changes the app."""

from __future__ import annotations

from collections.abc import Callable

from ha_sandbox.json_types import Config, JsonObject
from ha_sandbox.supervisor import api_errors, config_and_options_checks
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.installed_app import Installed

Warn = Callable[[str], None]


def apply(app: Installed, body: Config, warn: Warn) -> None:
    """Sets what `body` names. Raises ApiError, and sets nothing, if a part of it is refused."""
    for key, value in body.items():
        if key not in _SETTERS:
            raise api_errors.extra_key(key, value)
        _check_kind(key, value)
    options = _checked(app, body["options"], warn) if body.get("options") is not None else None
    for key, value in body.items():
        if key == "options":
            app.user_options = options or {}
        elif key == "watchdog" and value and app.config.get("startup") == "once":
            warn(f"Ignoring watchdog for {app.slug} because startup type is 'once'")
        else:
            setattr(app, key, value)


def check(app: Installed, options: Config) -> JsonObject:
    """The data of /options/validate."""
    try:
        config_and_options_checks.accept_options(app.config.get("schema", {}), options, app.name, app.slug)
    except config_and_options_checks.OptionsRefused as error:
        return {"message": str(error), "valid": False, "pwned": False}
    return {"message": "", "valid": True, "pwned": False}


def _checked(app: Installed, options: object, warn: Warn) -> JsonObject:
    if not isinstance(options, dict):
        raise ApiError(f"expected a dictionary for dictionary value @ data['options']. Got {options!r}")
    try:
        kept = config_and_options_checks.accept_options(
            app.config.get("schema", {}), options, app.name, app.slug
        )
    except config_and_options_checks.OptionsRefused as error:
        raise api_errors.invalid_options(app.slug, str(error)) from error
    for key in options.keys() - kept.keys():
        warn(f"Option '{key}' does not exist in the schema for {app.name} ({app.slug})")
    return kept


def _check_kind(key: str, value: object) -> None:
    if not _SETTERS[key](value):
        expected = "expected bool" if key in _BOOLEANS else "not a valid value"
        raise ApiError(f"{expected} for dictionary value @ data['{key}']. Got {value!r}")


_BOOLEANS = ("auto_update", "watchdog", "ingress_panel")
_SETTERS: dict[str, Callable[[object], bool]] = {
    "options": lambda value: value is None or isinstance(value, dict),
    "boot": lambda value: value in ("auto", "manual"),
    **dict.fromkeys(_BOOLEANS, lambda value: isinstance(value, bool)),
    "network": lambda value: value is None or isinstance(value, dict),
    "audio_input": lambda value: value is None or isinstance(value, str),
    "audio_output": lambda value: value is None or isinstance(value, str),
}
