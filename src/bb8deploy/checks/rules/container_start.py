"""Whether the container can start: process 1, AppArmor, services of s6-rc, the file that CMD names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding
from bb8deploy.checks.reading import dockerfile_evaluation
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile
from bb8deploy.checks.reading.dockerfile_words import json_form

# Base images that start s6-overlay 3 as /init. Home Assistant's have it in every tag of Alpine 3.16 and
# later (docker-base of 2022-05), the community's bases since the middle of 2022; of those, the
# versions are taken that are certainly newer.
_HA_ALPINE = re.compile(
    r"(?:ghcr\.io/home-assistant|homeassistant)/(?:(?:aarch64|amd64|armhf|armv7|i386)-)?base(?:-python)?"
    r":(?:[\d.]+-alpine)?(?:latest|3\.(?:1[6-9]|[2-9]\d)(?:-[\d.]+)?)"
)
_HA_DEBIAN = re.compile(
    r"ghcr\.io/home-assistant/(?:(?:aarch64|amd64|armhf|armv7|i386)-)?base-(?:debian:(?:bookworm|trixie)"
    r"|ubuntu:(?:22|24|26)\.04)(?:-[\d.]+)?"
)
_COMMUNITY = re.compile(
    r"ghcr\.io/hassio-addons/(?:base(?:-python)?(?:/\w+)?:(?:stable|edge|1[3-9]\.|[2-9]\d\.)"
    r"|debian-base(?:/\w+)?:(?:stable|edge|[7-9]\.|[1-9]\d\.)"
    r"|ubuntu-base(?:/\w+)?:(?:stable|edge|9\.|[1-9]\d\.))"
)
_PROFILE = re.compile(r"^profile ([^ ]+).*$")
_SERVICES = "etc/s6-overlay/s6-rc.d/"
# What s6-overlay itself defines (layout/rootfs-overlay, etc/s6-rc/sources).
_OF_S6 = frozenset(
    [
        "base",
        "fix-attrs",
        "legacy-cont-init",
        "legacy-services",
        "top",
        "user",
        "user2",
        "syslogd",
        "syslogd-prepare",
        "syslogd-log",
        "syslogd-bundle",
        "syslogd-pipeline",
    ]
)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about the start that is not about a script's content."""
    yield from _apparmor(facts)
    yield from _process_one(facts)
    yield from _services(facts)


def profile_name(text: str) -> str:
    """The one profile that the Supervisor finds in an apparmor.txt, "" if it finds none or several.

    Source: supervisor/utils/apparmor.py (get_profile_name).
    """
    names = _profile_names(text)
    return names.pop() if len(names) == 1 else ""


def _profile_names(text: str) -> set[str]:
    return {found[1] for line in text.split("\n") if (found := _PROFILE.match(line.removesuffix("\r")))}


def has_profile(facts: AddonFacts) -> bool:
    """Whether the app brings an AppArmor profile that the Supervisor takes."""
    return "apparmor.txt" in facts.files and bool(profile_name(facts.text("apparmor.txt")))


def _apparmor(facts: AddonFacts) -> Iterator[Finding]:
    if "apparmor.txt" not in facts.files or not facts.raw:
        return
    names = _profile_names(facts.text("apparmor.txt"))
    if "apparmor.txt" not in facts.contents:
        return
    if facts.contents["apparmor.txt"] and _not_text(facts.contents["apparmor.txt"]):
        message = "apparmor.txt is not UTF-8 text, so the Supervisor cannot read it"
        yield facts.found("APPARMOR_INVALID", message, "apparmor.txt")
    elif len(names) != 1:
        seen = f"{len(names)} profiles ({', '.join(sorted(names))})" if names else "no profile"
        message = f"apparmor.txt has {seen}; the Supervisor needs exactly one line `profile NAME`"
        yield facts.found("APPARMOR_INVALID", message, "apparmor.txt")
    elif facts.raw.get("apparmor") is False:
        message = "`apparmor: false` switches off the profile in apparmor.txt"
        yield facts.at_key("APPARMOR_IDLE", message, "apparmor")


def _not_text(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _process_one(facts: AddonFacts) -> Iterator[Finding]:
    config = facts.verdict.normalised if facts.verdict else None
    if config is None or config.get("init") is False:
        return
    for arch in facts.arches or dockerfile_evaluation.BUILT_ARCHES[-1:]:
        dockerfile = facts.dockerfile_for(arch)
        if dockerfile is None:
            continue
        base = _final_base(facts, dockerfile, arch)
        if is_s6_base(base) and not _own_entrypoint(dockerfile):
            message = f"the base image {base} starts s6-overlay 3, and `init: false` is not set"
            yield facts.at("INIT_NOT_OFF", message, "init" if "init" in facts.raw else "name")
            return


def _final_base(facts: AddonFacts, dockerfile: Dockerfile, arch: str) -> str:
    passed = dockerfile_evaluation.passed_args(arch, str(facts.raw.get("version") or ""), facts.build_file)
    return dockerfile_evaluation.final_base(
        dockerfile, dockerfile_evaluation.global_scope(dockerfile, arch, passed)
    )


def is_s6_base(image: str) -> bool:
    """Whether the image is known to start s6-overlay 3 as /init."""
    return any(pattern.match(image) for pattern in (_HA_ALPINE, _HA_DEBIAN, _COMMUNITY))


def _own_entrypoint(dockerfile: Dockerfile) -> bool:
    """Whether the Dockerfile starts something else than /init; `ENTRYPOINT []` counts, too."""
    for stage in reversed(dockerfile_evaluation.chain(dockerfile)):
        for one in reversed(stage.instructions):
            if one.word == "ENTRYPOINT":
                return (json_form(one.value) or [one.value])[:1] != ["/init"]
    return False


def _services(facts: AddonFacts) -> Iterator[Finding]:
    """Names in bundles of s6-rc that neither the folder nor s6-overlay defines."""
    for root in sorted({path[: path.index(_SERVICES)] for path in facts.files if _SERVICES in path}):
        folder = f"{root}{_SERVICES}"
        if any(link.startswith(folder) or folder.startswith(f"{link}/") for link in facts.links):
            continue
        yield from _undefined(facts, folder)


def _undefined(facts: AddonFacts, folder: str) -> Iterator[Finding]:
    inside = {path[len(folder) :] for path in facts.files if path.startswith(folder)}
    services = {path.partition("/")[0] for path in inside if "/" in path}
    typed = {path.rpartition("/")[0] for path in inside if path.endswith("/type")}
    known = typed | _OF_S6
    for path in sorted(inside):
        service, _, rest = path.partition("/")
        if rest in ("run", "up") and service not in known and service + "/type" not in inside:
            message = f"the service {service} has no `type` file"
            yield facts.found("SERVICE_UNDEFINED", message, f"{folder}{path}")
        bundle, _, name = path.rpartition("/contents.d/")
        if bundle in ("user", "user2") and name and name not in known | services:
            message = f"the bundle `{bundle}` names the service {name}, which has no folder here"
            yield facts.found("SERVICE_UNDEFINED", message, f"{folder}{path}")
