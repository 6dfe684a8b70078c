"""The results of the schema checks, as the Supervisor would judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import voluptuous as vol

from bb8deploy.base.untrusted_json import JsonObject

Path = tuple[str | int, ...]
Stage = Literal["ok", "read", "crash", "schema"]


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """One error or warning: where in the data it is (keys and list indexes from the root), and what.

    `kind` is what rules distinguish: an option that is `missing` or `empty`, a `pattern` that cannot
    be used, a `device` or `secret` that only the host has, a `crash` of the Supervisor's check, a map type
    (`map`) whose successor mounts elsewhere; "" for everything else.
    """

    path: Path
    message: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ConfigVerdict:
    """The verdict on a config file.

    `stage` is where it ended: `read` (no YAML or JSON), `crash` (the Supervisor's reload dies on it),
    `schema`, or `ok`. `normalised` and the ratings (1 to 8; without and with an own AppArmor profile)
    are None unless valid.
    """

    valid: bool
    stage: Stage
    errors: tuple[SchemaProblem, ...] = ()
    warnings: tuple[SchemaProblem, ...] = ()
    normalised: JsonObject | None = None
    rating: int | None = None
    rating_with_profile: int | None = None


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """The verdict on a build or translation file."""

    valid: bool
    errors: tuple[SchemaProblem, ...] = ()
    normalised: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class OptionsVerdict:
    """The verdict on options: the Supervisor names the first error alone and drops unknown keys."""

    valid: bool
    errors: tuple[SchemaProblem, ...] = ()
    warnings: tuple[SchemaProblem, ...] = ()
    normalised: JsonObject | None = None


def problems(error: vol.Invalid) -> tuple[SchemaProblem, ...]:
    """Every single error that voluptuous collected, with its path in plain keys."""
    each: Iterable[vol.Invalid] = error.errors if isinstance(error, vol.MultipleInvalid) else [error]
    return tuple(
        SchemaProblem(tuple(map(_plain, one.path)), one.msg, getattr(one, "error_type", None) or "")
        for one in each
    )


def _plain(step: object) -> str | int:
    return step if isinstance(step, (str, int)) else str(step)
