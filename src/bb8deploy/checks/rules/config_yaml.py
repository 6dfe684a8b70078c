"""The Supervisor's verdict on the config as findings, and problems that it does not report."""

from __future__ import annotations

from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.rules.container_start import has_profile
from bb8deploy.checks.schema import SchemaProblem, rating_costs
from bb8deploy.checks.schema.table.config_fields import BY_NAME, RENAMED, WITHOUT_EFFECT

_MOST = 50  # unknown keys that are reported one by one
_KNOWN = set(BY_NAME) | set(RENAMED) | set(WITHOUT_EFFECT)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about the config's own words."""
    if facts.config:
        yield from facts.own_level(facts.config.findings)
    if facts.verdict:
        yield from _verdict(facts)
        yield from _keys(facts)
        yield from _version(facts)
        yield from _names(facts)
        yield from _rights(facts)


def _verdict(facts: AddonFacts) -> Iterator[Finding]:
    verdict = facts.verdict
    if verdict is None:
        return
    code = "CONFIG_CRASHES" if verdict.stage == "crash" else "CONFIG_INVALID"
    for problem in verdict.errors:
        tagged = problem.path[:1] == ("image",) and "carries a tag" in problem.message
        yield _problem(facts, "IMAGE_TAGGED" if tagged else code, problem)
    for problem in verdict.warnings:
        if problem.path[:1] not in {("advanced",), ("codenotary",)}:
            yield _problem(facts, _old(facts, problem), problem)


def _old(facts: AddonFacts, problem: SchemaProblem) -> str:
    """A map type may mean another path in the container; the bb8 profile takes it for any old word."""
    return "MAP_TYPE_OLD" if problem.kind == "map" and facts.profile != "bb8" else "CONFIG_OLD_WORD"


def _problem(facts: AddonFacts, code: str, problem: SchemaProblem) -> Finding:
    where = problem.path
    old = {new: word for word, new in RENAMED.items() if word in facts.raw}
    if where and where[0] in old:
        where = (old[str(where[0])], *where[1:])
    named = ".".join(map(str, problem.path))
    told = not named or named in problem.message or f"`{problem.path[0]}`" in problem.message
    message = problem.message if told else f"{named}: {problem.message}"
    return facts.at(code, message, *where)


def _keys(facts: AddonFacts) -> Iterator[Finding]:
    unknown = 0
    for key in map(str, facts.raw):
        if key in WITHOUT_EFFECT and not (key == "build" and facts.profile == "bb8"):
            yield facts.at_key("CONFIG_NO_EFFECT", f"`{key}` has no effect: {WITHOUT_EFFECT[key]}", key)
        elif key not in _KNOWN:
            unknown += 1
            if unknown > _MOST:
                continue
            near = _nearest(key)
            hint = f"Did you mean `{near}`?" if near else ""
            message = f"the Supervisor does not know the key `{key}` and drops it"
            yield facts.at_key("CONFIG_UNKNOWN_KEY", message, key, hint=hint)


def _nearest(key: str) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(key[:40], BY_NAME, n=1)), "")


def _version(facts: AddonFacts) -> Iterator[Finding]:
    value = facts.raw.get("version")
    if not isinstance(value, (int, float)) or not facts.config:
        return
    written = facts.config.written.get(("version",), str(value))
    lost = written != str(value)
    message = f"`version: {written}` without quotes is the number {value}"
    if lost:
        message += f", so the Supervisor reads {value}, not {written}"
    level = None if lost or isinstance(value, bool) else Level.WARNING
    hint = f'Write "{written}" with quotes; `validate --fix` does it.'
    yield facts.at("VERSION_UNQUOTED", message, "version", level=level, hint=hint)


def _names(facts: AddonFacts) -> Iterator[Finding]:
    slug, image = facts.raw.get("slug"), facts.raw.get("image")
    if isinstance(slug, str) and slug != slug.lower() and facts.built_here:
        message = f"the slug `{slug}` has upper case, which Docker refuses in the name of an image"
        yield facts.at("SLUG_UPPER_CASE", message, "slug")
    if not isinstance(image, str):
        return
    path = image.partition("/")[2] or image
    if path != path.lower():
        yield facts.at("IMAGE_UPPER_CASE", f"the image name `{image}` has upper case", "image")
    if "{arch}" in image:
        yield facts.at("IMAGE_PER_ARCH", "`{arch}` asks for one image per architecture", "image")


def _rights(facts: AddonFacts) -> Iterator[Finding]:
    """Each right with its cost in rating, and the ones without effect."""
    config = facts.verdict.normalised if facts.verdict else None
    if config is None:
        return
    for key in ("docker_api", "full_access"):
        if config.get(key):
            yield facts.at_key("PRIVILEGE_COSTS", f"`{key}` alone sets the security rating to 1", key)
    for cost in rating_costs(config, apparmor_present=has_profile(facts)):
        if cost.points < 0:
            message = f"{cost.why}: {cost.points} of the security rating"
            yield facts.at_key("PRIVILEGE_COSTS", message, cost.key)
    if config["hassio_role"] != "default" and not config["hassio_api"]:
        message = "`hassio_role` has no effect without `hassio_api: true`"
        yield facts.at_key("PRIVILEGE_IDLE", message, "hassio_role")
    if facts.profile == "bb8" and config["host_dbus"] and "NET_ADMIN" in (config.get("privileged") or ()):
        message = "Bluetooth over the host's D-Bus needs no NET_ADMIN"
        yield facts.at_key("PRIVILEGE_IDLE", message, "privileged")
