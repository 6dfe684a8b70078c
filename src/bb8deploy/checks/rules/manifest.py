"""The Supervisor's verdict on config and build file as findings, and what it would not tell."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.facts import AddonFacts
from bb8deploy.checks.reading.source import Source
from bb8deploy.checks.schema import Problem, rating_costs, validate_build
from bb8deploy.checks.schema.fields import BY_NAME, RENAMED, WITHOUT_EFFECT

_NEVER_READ = set(BY_NAME) | set(RENAMED) | set(WITHOUT_EFFECT)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about the config's own words."""
    if facts.config:
        yield from facts.config.findings
    if facts.verdict:
        yield from _verdict(facts)
        yield from _keys(facts)
        yield from _version(facts)
        yield from _names(facts)
        yield from _rights(facts)
    for source in facts.builds:
        yield from _build_file(source)


def _verdict(facts: AddonFacts) -> Iterator[Finding]:
    verdict = facts.verdict
    if verdict is None:
        return
    code = "CONFIG_CRASHES" if verdict.stage == "crash" else "CONFIG_INVALID"
    for problem in verdict.errors:
        tagged = problem.path[:1] == ("image",) and "carries a tag" in problem.message
        yield _problem(facts, "IMAGE_TAGGED" if tagged else code, Level.ERROR, problem)
    for problem in verdict.warnings:
        if problem.path[:1] not in {("advanced",), ("codenotary",)}:
            yield _problem(facts, "CONFIG_OLD_WORD", Level.WARNING, problem)


_PROBLEM_HINTS = {
    "CONFIG_CRASHES": "Fill it or remove the key: reading it costs a Supervisor every add-on of its store.",
    "CONFIG_INVALID": "Mend it; the Supervisor drops the whole add-on from its store otherwise.",
    "CONFIG_OLD_WORD": "Use today's word.",
    "IMAGE_TAGGED": "Write the name without a tag; the Supervisor takes `version` as the tag.",
}


def _problem(facts: AddonFacts, code: str, level: Level, problem: Problem) -> Finding:
    where = problem.path
    old = {new: word for word, new in RENAMED.items() if word in facts.raw}
    if where and where[0] in old:
        where = (old[str(where[0])], *where[1:])
    named = ".".join(map(str, problem.path))
    told = not named or named in problem.message or f"`{problem.path[0]}`" in problem.message
    message = problem.message if told else f"{named}: {problem.message}"
    return facts.at(code, level, message, *where, hint=_PROBLEM_HINTS[code])


def _keys(facts: AddonFacts) -> Iterator[Finding]:
    for key in facts.raw:
        if key in WITHOUT_EFFECT and not (key == "build" and facts.profile == "bb8"):
            message = f"`{key}` has no effect: {WITHOUT_EFFECT[key]}"
            yield facts.at("CONFIG_NO_EFFECT", Level.WARNING, message, key, hint="Remove it.")
        elif key not in _NEVER_READ:
            near = difflib.get_close_matches(str(key), BY_NAME, n=1)
            hint = f"Did you mean `{near[0]}`?" if near else "Remove it, or put it below `options`."
            message = f"the Supervisor does not know the key `{key}` and drops it"
            yield facts.at("CONFIG_UNKNOWN_KEY", Level.WARNING, message, str(key), hint=hint)


def _version(facts: AddonFacts) -> Iterator[Finding]:
    value = facts.raw.get("version")
    if isinstance(value, str) or value is None or not facts.config or facts.config.path.endswith(".json"):
        return
    written = _written(facts.config, "version")
    lost = written != str(value)
    message = f"`version: {written}` without quotes is the number {value}"
    if lost:
        message += f", so the Supervisor reads {value}, not {written}"
    level = Level.ERROR if lost or isinstance(value, bool) else Level.WARNING
    hint = f'Write version: "{written}"; `validate --fix` does that.'
    yield facts.at("VERSION_UNQUOTED", level, message, "version", hint=hint)


def _written(source: Source, key: str) -> str:
    line, column = source.place((key,))
    lines = source.text.splitlines()
    text = lines[line - 1][(column or 1) - 1 :] if line and line <= len(lines) else ""
    return text.split(" #")[0].strip()


def _names(facts: AddonFacts) -> Iterator[Finding]:
    slug, image = facts.raw.get("slug"), facts.raw.get("image")
    if isinstance(slug, str) and slug != slug.lower():
        message = f"the slug `{slug}` has upper case, which Docker refuses as an image name"
        hint = "Write it in lower case."
        yield facts.at("SLUG_UPPER_CASE", Level.ERROR, message, "slug", hint=hint)
    if not isinstance(image, str):
        return
    path = image.partition("/")[2] or image
    if path != path.lower():
        message = f"the image name `{image}` has upper case, which registries refuse"
        yield facts.at("IMAGE_UPPER_CASE", Level.ERROR, message, "image", hint="Write it in lower case.")
    if "{arch}" in image:
        message = "`{arch}` asks for one image per architecture; one image for all is the way since 2026.04"
        hint = "Publish one multi-architecture image and drop `{arch}`."
        yield facts.at("IMAGE_PER_ARCH", Level.WARNING, message, "image", hint=hint)


def _rights(facts: AddonFacts) -> Iterator[Finding]:
    """Each privilege with its price in rating, and the ones that buy nothing."""
    config = facts.verdict.normalised if facts.verdict else None
    if config is None:
        return
    for key in ("docker_api", "full_access"):
        if config.get(key):
            message = f"`{key}` alone puts the security rating to 1"
            hint = "Name single devices or rights instead."
            yield facts.at("PRIVILEGE_COSTS", Level.WARNING, message, key, hint=hint)
    for cost in rating_costs(config, apparmor_present="apparmor.txt" in facts.files):
        if cost.points < 0:
            message = f"{cost.why}: {cost.points} of the security rating"
            hint = "Drop the right if the add-on works without it."
            yield facts.at("PRIVILEGE_COSTS", Level.WARNING, message, cost.key, hint=hint)
    yield from _idle_rights(facts, config)


def _idle_rights(facts: AddonFacts, config: dict[str, object]) -> Iterator[Finding]:
    capabilities = config.get("privileged")
    held = capabilities if isinstance(capabilities, list) else []
    idle = [
        (
            config["hassio_role"] != "default" and not config["hassio_api"],
            "hassio_role",
            "`hassio_role` buys nothing without `hassio_api: true`",
        ),
        (
            bool(config["host_uts"]) and "SYS_ADMIN" not in held,
            "host_uts",
            "`host_uts` buys nothing without the capability SYS_ADMIN",
        ),
        (
            bool(config["host_dbus"]) and "NET_ADMIN" in held,
            "privileged",
            "Bluetooth over the host's D-Bus needs no NET_ADMIN",
        ),
    ]
    for holds, key, message in idle:
        if holds:
            hint = "Remove it."
            yield facts.at("PRIVILEGE_IDLE", Level.WARNING, message, key, hint=hint)


def _build_file(source: Source) -> Iterator[Finding]:
    yield from source.findings
    if not source.readable:
        return
    message = "build files are deprecated since 2026.04"
    hint = "Move base, arguments and labels into the Dockerfile (FROM, ARG, LABEL) and remove the file."
    yield Finding("BUILD_FILE_OLD", Level.WARNING, message, source.path, 1, hint=hint)
    for problem in validate_build(source.data).errors:
        line, column = source.place(problem.path)
        message = f"{'.'.join(map(str, problem.path))}: {problem.message}"
        hint = "Mend it; the Supervisor ignores the whole file otherwise."
        yield Finding("BUILD_FILE_INVALID", Level.ERROR, message, source.path, line, column, hint)
