"""Default options against the app's own schema, and translations against both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.reading.yaml_json_reader import ParsedFile
from bb8deploy.checks.schema import SchemaProblem, validate_options, validate_translation
from bb8deploy.checks.schema.regex_deadline import compiles
from bb8deploy.checks.schema.table.option_types import parse_element
from bb8deploy.checks.schema.verdict_types import OptionsVerdict

# What an option's problem is: the host decides about devices and secrets, the user about missing values.
_CODES = {"missing": "OPTION_REQUIRED", "empty": "OPTION_REQUIRED", "pattern": "OPTION_PATTERN"}
_OF_THE_HOST = ("device", "secret")


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about options and their translations."""
    verdict = default_options(facts)
    if verdict:
        yield from _defaults(facts, verdict)
        yield from _patterns(facts, verdict)
    for source in facts.translations:
        level = None if facts.profile == "bb8" else Level.WARNING
        yield from source.with_level(level).findings if level else facts.own_level(source.findings)
        yield from _invalid(facts, source)
    yield from _coverage(facts)


def default_options(facts: AddonFacts) -> OptionsVerdict | None:
    """The verdict on the default options; None if the config itself is not valid."""
    config = facts.verdict.normalised if facts.verdict else None
    return validate_options(config["schema"], config["options"], name=config["name"]) if config else None


def _defaults(facts: AddonFacts, verdict: OptionsVerdict) -> Iterator[Finding]:
    for problem in verdict.errors:
        if problem.kind in _OF_THE_HOST and facts.profile != "bb8":
            continue
        code = _CODES.get(problem.kind, "OPTIONS_INVALID")
        yield facts.at(code, _said(problem), "options", *problem.path)
    for problem in verdict.warnings:
        yield facts.at_key("OPTION_UNKNOWN", problem.message, "options", *problem.path)


def _said(problem: SchemaProblem) -> str:
    if problem.kind in ("missing", "empty"):
        return f"the user must set `{'.'.join(map(str, problem.path))}` before the first start"
    return f"the default options do not fit the app's own schema: {problem.message}"


def _patterns(facts: AddonFacts, verdict: OptionsVerdict) -> Iterator[Finding]:
    """Patterns without a default that used them: the user meets them with the first value."""
    config = facts.verdict.normalised if facts.verdict else None
    told = {str(problem.path[0]) for problem in verdict.errors if problem.kind == "pattern"}
    schema = config["schema"] if config and isinstance(config["schema"], Mapping) else {}
    for where, text in _elements(schema, ()):
        element = parse_element(text)
        if element and element.name == "match" and where[0] not in told and not compiles(element.pattern):
            message = f"the pattern {element.pattern} is not a regular expression"
            yield facts.at("OPTION_PATTERN", message, "schema", *where)


def _elements(schema: object, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(schema, str):
        yield where, schema
    elif isinstance(schema, Mapping):
        for key, inner in schema.items():
            yield from _elements(inner, (*where, key))
    elif isinstance(schema, list):
        for index, inner in enumerate(schema):
            yield from _elements(inner, (*where, index))


def _invalid(facts: AddonFacts, source: ParsedFile) -> Iterator[Finding]:
    if not source.readable:
        return
    for problem in validate_translation(source.data).errors:
        named = ".".join(map(str, problem.path))
        message = f"{named}: {problem.message}" if named else problem.message
        yield facts.found("TRANSLATION_INVALID", message, source.path, source.place(problem.path))


def _coverage(facts: AddonFacts) -> Iterator[Finding]:
    schema = facts.raw.get("schema")
    if not isinstance(schema, Mapping) or not schema:
        return
    english = next((s for s in facts.translations if s.path.startswith("translations/en.")), None)
    if english is None:
        yield facts.at_key("TRANSLATION_MISSING", "the options have no English names", "schema")
        return
    known = _named(english)
    for option in map(str, schema):
        if option not in known:
            message = f"the option `{option}` has no name in {english.path}"
            hint = f"Add configuration.{option}.name there."
            yield facts.at_key("OPTION_UNTRANSLATED", message, "schema", option, hint=hint)
    for option in sorted(map(str, known.keys() - schema.keys())):
        message = f"`{option}` is not an option of the schema"
        place = english.key_place(("configuration", option))
        yield facts.found("TRANSLATION_UNKNOWN", message, english.path, place)


def _named(source: ParsedFile) -> dict[str, object]:
    data = source.data if isinstance(source.data, dict) else {}
    named = data.get("configuration")
    return named if isinstance(named, dict) else {}
