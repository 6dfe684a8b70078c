"""The settings and outputs of validate: the codes of the area."""

from __future__ import annotations

from bb8deploy.base.errors import Code, UsageError
from bb8deploy.catalogue.error_code import Area, ErrorCode

# fmt: off
RULE_UNKNOWN = ErrorCode(
    Code("RULE_UNKNOWN"), Area.VALIDATE, UsageError, "there is no such rule",
    "A setting or an option names a rule or an area that does not exist, so it would have no effect.",
    "Use a code or an area that `bb8deploy rules` lists.",
)
VALIDATE_SETTING_INVALID = ErrorCode(
    Code("VALIDATE_SETTING_INVALID"), Area.VALIDATE, UsageError, "a setting of validate is not valid",
    "`[validate]` in bb8deploy.toml, or `[tool.bb8deploy.validate]` in pyproject.toml, has an unknown key, or"
    " a value of the wrong type.",
    "Fix the key that the message names; docs/lanes/validate.md lists the settings.",
)
BASELINE_UNREADABLE = ErrorCode(
    Code("BASELINE_UNREADABLE"), Area.VALIDATE, UsageError, "the baseline cannot be read",
    "The file does not exist, or is not what `validate --write-baseline` writes.",
    "Write it with `bb8deploy validate --write-baseline FILE`.",
)
APPS_NOT_FOUND = ErrorCode(
    Code("APPS_NOT_FOUND"), Area.VALIDATE, UsageError, "no app was found",
    "Neither the given folders and patterns nor the folders below them contain a config.yaml, config.yml or"
    " config.json.",
    "Name the folder of an app, or the root of a store.",
)
OUTPUT_UNWRITABLE = ErrorCode(
    Code("OUTPUT_UNWRITABLE"), Area.VALIDATE, UsageError, "an output file cannot be written",
    "The path of `--sarif`, `--summary` or `--write-baseline` is a folder, or you do not have permission to"
    " write there.",
    "Name a file in a folder that you can write to.",
)
