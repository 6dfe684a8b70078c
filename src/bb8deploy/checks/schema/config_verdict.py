"""The Supervisor's verdict on a config file: migration, advice, schema, rating, in its own order."""

from __future__ import annotations

import math
from collections.abc import Iterator

import voluptuous as vol

from bb8deploy.checks.schema import deprecated_fields as steps
from bb8deploy.checks.schema.security_rating import security_rating
from bb8deploy.checks.schema.table.config_fields import CONFIG
from bb8deploy.checks.schema.verdict_types import ConfigVerdict, Path, SchemaProblem, problems


def validate_config(data: object) -> ConfigVerdict:
    """What the Supervisor (2026.08) makes of the data of a config.yaml, config.yml or config.json."""
    if not isinstance(data, dict):
        return _failed(SchemaProblem((), "the file must hold `key: value` lines at its top level"))
    if not data.get("name"):
        return _failed(SchemaProblem(("name",), "the app has no `name`"))
    deadly = tuple(steps.crashers(data))
    if deadly:
        return ConfigVerdict(False, "crash", deadly)
    notes: list[SchemaProblem] = []
    try:
        config, notes = steps.migrate(data)
        notes.extend(steps.advise(config))
        reserved = steps.reserved_port(config)
        if reserved:
            return ConfigVerdict(False, "schema", (reserved,), tuple(notes))
        normalised = CONFIG(config)
    except vol.Invalid as error:
        return ConfigVerdict(False, "schema", problems(error), tuple(notes))
    except ValueError as error:  # voluptuous turns it into an invalid value
        return ConfigVerdict(
            False, "schema", (SchemaProblem((), f"not a valid value: {error}"),), tuple(notes)
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, RecursionError) as error:
        # Anything that voluptuous does not turn into vol.Invalid ends the Supervisor's reload.
        return ConfigVerdict(False, "crash", (_crash(data, error),), tuple(notes))
    return ConfigVerdict(
        valid=True,
        stage="ok",
        warnings=tuple(notes),
        normalised=normalised,
        rating=security_rating(normalised, apparmor_present=False),
        rating_with_profile=security_rating(normalised, apparmor_present=True),
    )


def _crash(data: dict[object, object], error: Exception) -> SchemaProblem:
    """The value on which the schema ended with an exception: an infinite number, if there is one."""
    where = next(_infinite(data, ()), ())
    named = f"`{'.'.join(map(str, where))}` is not a finite number" if where else str(error)
    return SchemaProblem(where, f"{named}, which the Supervisor's check does not survive")


def _infinite(value: object, where: Path) -> Iterator[Path]:
    if isinstance(value, float) and not math.isfinite(value):
        yield where
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("options", "schema") or where:
                yield from _infinite(inner, (*where, key if isinstance(key, (str, int)) else str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _infinite(inner, (*where, index))


def _failed(problem: SchemaProblem) -> ConfigVerdict:
    return ConfigVerdict(False, "schema", (problem,))
