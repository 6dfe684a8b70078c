"""Rules about reading: files that are not text, not YAML or JSON, or too large to be looked at."""

from __future__ import annotations

from bb8deploy.base.findings import Level
from bb8deploy.catalogue.rule_definitions.rule_definition import Rule, RuleArea

_YAML = "supervisor/utils/yaml.py (read_yaml_file)"
_JSON = "supervisor/utils/json.py (orjson)"
_OURS = "bb8deploy's own limits"

RULES: tuple[Rule, ...] = (
    Rule(
        "FILE_TOO_LARGE", RuleArea.FILES, Level.ERROR, "a settings file is too large to be read",
        "A settings file is a few kilobytes. bb8deploy does not read a file of this size, so it was not"
        " checked; the Supervisor reads it at every reload.",
        "Check that this is the right file.",
        _OURS,
    ),
    Rule(
        "FILE_LONG", RuleArea.FILES, Level.WARNING, "a settings file has very many values",
        "The Supervisor, which often runs on a small computer, reads and validates every value at each"
        " reload of its store.",
        "Check that the values belong in the file.",
        _OURS,
    ),
    Rule(
        "FILE_UNREADABLE", RuleArea.FILES, Level.ERROR, "a file cannot be read",
        "The operating system refused to open the file. What cannot be read cannot be checked or copied.",
        "Change the permissions or the owner of the file.",
        "the operating system",
    ),
    Rule(
        "FILE_BINARY", RuleArea.FILES, Level.ERROR, "a settings file is binary",
        "The file holds zero bytes, so it is not YAML or JSON text. UTF-16, as some Windows editors save it,"
        " counts as binary.",
        "Save the file as UTF-8 text.",
        _YAML,
    ),
    Rule(
        "FILE_NOT_UTF8", RuleArea.FILES, Level.ERROR, "a settings file is not UTF-8",
        "The Supervisor reads files as UTF-8, and leaves the app out of its store if a file is not valid"
        " UTF-8.",
        "Save the file as UTF-8.",
        _YAML,
    ),
    Rule(
        "FILE_NOT_SEARCHED", RuleArea.SECRETS, Level.NOTE, "a file was not searched for secrets",
        "The file is larger than 1 MiB, or the app is larger than 64 MiB in total, so this file was not"
        " searched for tokens and private keys.",
        "Make sure that it holds no secret.",
        _OURS,
    ),
    Rule(
        "YAML_TAB", RuleArea.FILES, Level.ERROR, "a tab in the indentation",
        "YAML forbids tabs for indentation. The Supervisor cannot read the file.",
        "Indent with spaces.",
        _YAML,
    ),
    Rule(
        "YAML_INVALID", RuleArea.FILES, Level.ERROR, "the file is not valid YAML",
        "The Supervisor cannot read the file. A config file that it cannot read keeps the app out of the store.",
        "Fix the YAML on that line. Usual causes are indentation, and missing quotes around `:` or `#`.",
        _YAML,
    ),
    Rule(
        "YAML_TOO_DEEP", RuleArea.FILES, Level.ERROR, "the file is nested too deeply",
        "The file nests deeper than 64 levels and was not read. Parsers crash on such files.",
        "Flatten the file.",
        _OURS,
    ),
    Rule(
        "YAML_BOMB", RuleArea.FILES, Level.ERROR, "aliases that expand without end",
        "The aliases of the file expand to more than 50,000 values, or to themselves. A program that walks"
        " through them, the Supervisor included, runs out of memory or time.",
        "Write the values out instead of using aliases of aliases.",
        _OURS,
    ),
    Rule(
        "YAML_KEY_TWICE", RuleArea.FILES, Level.WARNING, "a key is set twice",
        "One mapping has the same key twice. Readers of YAML and JSON silently take the last one, so one of"
        " the two settings has no effect.",
        "Keep one of the two.",
        f"{_YAML}, {_JSON}",
        strict=Level.ERROR,
    ),
    Rule(
        "JSON_INVALID", RuleArea.FILES, Level.ERROR, "the file is not valid JSON",
        "The Supervisor cannot read the file. A config file that it cannot read keeps the app out of the store.",
        "Fix the JSON on that line. Comments, trailing commas and single quotes are not allowed.",
        _JSON,
    ),
)  # fmt: skip
