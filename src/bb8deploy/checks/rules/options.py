"""Default options against the add-on's own schema, and translations against both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.facts import AddonFacts
from bb8deploy.checks.reading.source import Source
from bb8deploy.checks.schema import validate_options, validate_translation
from bb8deploy.checks.schema.verdicts import OptionsVerdict


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about options and their translations."""
    verdict = default_options(facts)
    if verdict:
        for problem in verdict.errors:
            message = f"the default options do not pass the add-on's own schema: {problem.message}"
            hint = "Give it a default that fits, or mark the option as optional with `?`."
            yield facts.at("OPTIONS_INVALID", facts.strict, message, "options", *problem.path, hint=hint)
        for problem in verdict.warnings:
            hint = "Add it to `schema`, or remove it from `options`."
            yield facts.at(
                "OPTION_UNKNOWN", Level.WARNING, problem.message, "options", *problem.path, hint=hint
            )
    for source in facts.translations:
        yield from source.findings
        yield from _invalid(source)
    yield from _coverage(facts)


def default_options(facts: AddonFacts) -> OptionsVerdict | None:
    """The verdict on the default options; None where the config itself is not valid."""
    config = facts.verdict.normalised if facts.verdict else None
    return validate_options(config["schema"], config["options"], name=config["name"]) if config else None


def _invalid(source: Source) -> Iterator[Finding]:
    if not source.readable:
        return
    for problem in validate_translation(source.data).errors:
        line, column = source.place(problem.path)
        message = f"{'.'.join(map(str, problem.path))}: {problem.message}"
        hint = "Mend it; the Supervisor ignores the whole file otherwise."
        yield Finding("TRANSLATION_INVALID", Level.ERROR, message, source.path, line, column, hint)


def _coverage(facts: AddonFacts) -> Iterator[Finding]:
    schema = facts.raw.get("schema")
    if not isinstance(schema, Mapping) or not schema:
        return
    english = next((s for s in facts.translations if s.path.startswith("translations/en.")), None)
    if english is None:
        hint = "Add translations/en.yaml with a name and a description for each option."
        message = "the options have no English names"
        yield facts.at("TRANSLATION_MISSING", Level.WARNING, message, "schema", hint=hint)
        return
    known = _named(english)
    for option in schema:
        if option not in known:
            message = f"the option `{option}` has no name in {english.path}"
            hint = f"Add configuration.{option}.name there."
            yield facts.at("OPTION_UNTRANSLATED", Level.WARNING, message, "schema", str(option), hint=hint)
    for option in known.keys() - schema.keys():
        line, column = english.place(("configuration", option))
        message = f"`{option}` is no option of the schema"
        hint = "Remove it, or mend its spelling."
        yield Finding("TRANSLATION_UNKNOWN", Level.WARNING, message, english.path, line, column, hint)


def _named(source: Source) -> dict[str, Any]:
    data = source.data if isinstance(source.data, dict) else {}
    named = data.get("configuration")
    return named if isinstance(named, dict) else {}
