"""The Supervisor's schemas of the files beside the config: build.yaml and the translations."""

from __future__ import annotations

import voluptuous as vol

from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table.value_kinds import matching, one_of
from bb8deploy.checks.schema.verdict_types import FileVerdict, SchemaProblem, problems

_base = matching(
    r"^([a-zA-Z\-\.:\d{}]+/)*?([\-\w{}]+)/([\-\w{}]+)(:[\.\-\w{}]+)?$", "a base image such as repo/name:tag"
).check
BUILD = vol.Schema(
    {
        vol.Optional("build_from", default=dict): vol.Any(
            _base, vol.Schema({one_of(words.ARCHES).check: _base})
        ),
        vol.Optional("squash", default=False): vol.Boolean(),
        vol.Optional("args", default=dict): vol.Schema({str: str}),
        vol.Optional("labels", default=dict): vol.Schema({str: str}),
    },
    extra=vol.REMOVE_EXTRA,
)
_option = vol.Schema(
    {
        vol.Required("name"): str,
        vol.Optional("description"): vol.Maybe(str),
        vol.Optional("fields"): {str: vol.Self},
    },
    extra=vol.REMOVE_EXTRA,
)
TRANSLATION = vol.Schema(
    {vol.Optional("configuration"): {str: _option}, vol.Optional("network"): {str: str}},
    extra=vol.REMOVE_EXTRA,
)


def validate_build(data: object) -> FileVerdict:
    """The verdict on a build.yaml (deprecated since 2026.04)."""
    return _validate(BUILD, data)


def validate_translation(data: object) -> FileVerdict:
    """The verdict on a translation file."""
    return _validate(TRANSLATION, data)


def _validate(schema: vol.Schema, data: object) -> FileVerdict:
    if not isinstance(data, dict):
        return FileVerdict(
            False, (SchemaProblem((), "the file must hold `key: value` lines at its top level"),)
        )
    try:
        return FileVerdict(True, normalised=schema(data))
    except vol.Invalid as error:
        return FileVerdict(False, problems(error))
