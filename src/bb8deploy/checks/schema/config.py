"""The Supervisor's verdict on a config file: migration, advice, schema, rating, in its own order."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from bb8deploy.checks.schema import migrate as steps
from bb8deploy.checks.schema.fields import CONFIG
from bb8deploy.checks.schema.rating import security_rating
from bb8deploy.checks.schema.verdicts import ConfigVerdict, Problem, problems


def validate_config(data: Any) -> ConfigVerdict:
    """What the Supervisor (2026.08) makes of the data of a config.yaml, config.yml or config.json."""
    if not isinstance(data, dict):
        return _failed(Problem((), "the file must hold `key: value` lines at its top level"))
    if not data.get("name"):
        return _failed(Problem(("name",), "the add-on has no `name`"))
    deadly = tuple(steps.crashers(data))
    if deadly:
        return ConfigVerdict(False, "crash", deadly)
    config, notes = steps.migrate(data)
    notes.extend(steps.advise(config))
    reserved = steps.reserved_port(config)
    if reserved:
        return ConfigVerdict(False, "schema", (reserved,), tuple(notes))
    try:
        normalised = CONFIG(config)
    except vol.Invalid as error:
        return ConfigVerdict(False, "schema", problems(error), tuple(notes))
    return ConfigVerdict(
        valid=True,
        stage="ok",
        warnings=tuple(notes),
        normalised=normalised,
        rating=security_rating(normalised, apparmor_present=False),
        rating_with_profile=security_rating(normalised, apparmor_present=True),
    )


def _failed(problem: Problem) -> ConfigVerdict:
    return ConfigVerdict(False, "schema", (problem,))
