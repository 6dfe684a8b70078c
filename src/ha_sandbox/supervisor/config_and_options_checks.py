"""The checks of config.yaml and options, with the messages of the running Supervisor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bb8deploy.checks.schema import SchemaProblem, ui_schema, validate_config, validate_options
from bb8deploy.checks.schema import security_rating as rating
from ha_sandbox.json_types import Config, JsonObject

__all__ = [
    "ConfigCrash",
    "ConfigRefused",
    "OptionsRefused",
    "accept_config",
    "accept_options",
    "rating",
    "ui_schema",
]


class ConfigRefused(Exception):
    """config.yaml is not valid: the store leaves the app out."""


class ConfigCrash(Exception):
    """config.yaml crashes the loader: nothing is read."""


class OptionsRefused(Exception):
    """Options do not fit the app's schema; the message is the Supervisor's, which quotes all of them."""

    def __init__(self, problem: str, options: Config, path: tuple[str | int, ...]) -> None:
        super().__init__(f"{problem}. Got {dict(options)}")
        self.problem = problem
        self.path = path


def accept_config(raw: object) -> JsonObject:
    """The configuration as the store keeps it. Raises ConfigRefused or ConfigCrash."""
    verdict = validate_config(raw)
    if verdict.stage == "crash":
        raise ConfigCrash("'NoneType' object is not iterable")
    if verdict.normalised is None:
        raise ConfigRefused("; ".join(_humanised(problem, raw) for problem in verdict.errors))
    return verdict.normalised


def accept_options(schema: object, options: Config, name: str, slug: str) -> JsonObject:
    """The options as the app will see them, without unknown keys. Raises OptionsRefused.

    `schema: false` turns the checks off: everything passes unchanged.
    """
    if not isinstance(schema, Mapping):
        return dict(options)
    verdict = validate_options(schema, dict(options), name=f"{name} ({slug})")
    if verdict.normalised is None:
        problem = verdict.errors[0]
        raise OptionsRefused(_option_message(problem, options, f"{name} ({slug})"), options, problem.path)
    return verdict.normalised


def _option_message(problem: SchemaProblem, options: Config, app: str) -> str:
    if problem.path and _value_at(options, problem.path) is None:
        place = problem.path[-2] if len(problem.path) > 1 else "root"
        return f"Missing option '{problem.path[-1]}' in {place} in {app}"
    return problem.message


def _humanised(problem: SchemaProblem, raw: object) -> str:
    where = "".join(f"[{step!r}]" for step in problem.path)
    at = f" @ data{where}" if where else ""
    return f"{problem.message}{at}. Got {_value_at(raw, problem.path)!r}"


def _value_at(data: Any, path: tuple[str | int, ...]) -> object:
    """The value at `path`, None if there is none."""
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data
