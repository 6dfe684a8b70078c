"""What the builder would say of the Dockerfile."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.dockerfile import Dockerfile, Instruction, variables
from bb8deploy.checks.reading.facts import AddonFacts

RUN_SH = "/usr/src/app/run.sh"
_OLD_BASE = re.compile(r"ghcr\.io/home-assistant/(aarch64|amd64|armhf|armv7|i386|\{arch\})-base")


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every Dockerfile rule."""
    for dockerfile in facts.dockerfiles:
        yield from _bases(facts, dockerfile)
        yield from _packages(facts, dockerfile)
        if facts.profile == "bb8":
            yield from _bb8(dockerfile)


def _bases(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    bases, defaults = dockerfile.bases(), dockerfile.defaults()
    if not bases:
        message = "the Dockerfile has no FROM"
        yield Finding(
            "DOCKERFILE_NO_FROM", Level.ERROR, message, dockerfile.path, 1, hint="Begin with FROM image."
        )
    for one, image in bases:
        empty = [name for name in variables(image) if name not in defaults]
        if empty:
            yield _no_default(facts, dockerfile, one, empty[0])
        elif found := _OLD_BASE.search(defaults.get("BUILD_FROM", "") if "BUILD_FROM" in image else image):
            message = f"{found[0]} names one architecture; one base name serves all of them since 2026"
            hint = "Use ghcr.io/home-assistant/base or another image for several architectures."
            yield Finding("BASE_PER_ARCH", Level.WARNING, message, dockerfile.path, one.line, hint=hint)


def _no_default(facts: AddonFacts, dockerfile: Dockerfile, one: Instruction, name: str) -> Finding:
    given = name == "BUILD_FROM" and bool(facts.builds)
    message = f"FROM uses {name}, which has no default" + (
        "; only the deprecated build file fills it in" if given else ": none is passed since 2026.04"
    )
    level = Level.WARNING if given else Level.ERROR
    return Finding(
        "FROM_WITHOUT_DEFAULT",
        level,
        message,
        dockerfile.path,
        one.line,
        hint=f"Write ARG {name}=<image> above.",
    )


def _packages(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    for one in dockerfile.of("RUN"):
        if re.search(r"\bapk\b[^;&|]*\bpy3-venv\b", one.value):
            message = "Alpine has no package py3-venv; python3 brings venv along"
            yield Finding(
                "PACKAGE_PY3_VENV", Level.ERROR, message, dockerfile.path, one.line, hint="Leave it out."
            )
        if facts.profile == "bb8" and re.search(r"\bapt(-get)?\s", one.value):
            message = "apt-get does not exist in Home Assistant's Alpine bases"
            yield Finding(
                "PACKAGE_APT", Level.ERROR, message, dockerfile.path, one.line, hint="Use apk add --no-cache."
            )


def _bb8(dockerfile: Dockerfile) -> Iterator[Finding]:
    path = dockerfile.path
    if "BUILD_FROM" not in dockerfile.defaults():
        hint = "Write ARG BUILD_FROM=<image> before the first FROM."
        yield Finding("FROM_WITHOUT_DEFAULT", Level.ERROR, "BUILD_FROM has no default", path, 1, hint=hint)
    if not any(re.search(r"-m\s+venv\s+\S*/opt/venv\b", one.value) for one in dockerfile.of("RUN")):
        hint = "Write RUN python3 -m venv /opt/venv."
        yield Finding(
            "VENV_MISSING", Level.ERROR, "no instruction makes the venv at /opt/venv", path, hint=hint
        )
    if not any(RUN_SH in _targets(dockerfile, *copy[1:]) for copy in dockerfile.copies()):
        hint = f"Write COPY run.sh {RUN_SH}."
        yield Finding("RUN_SH_NOT_COPIED", Level.ERROR, f"no COPY brings run.sh to {RUN_SH}", path, hint=hint)


def _targets(dockerfile: Dockerfile, sources: list[str], target: str) -> list[str]:
    full = posixpath.join(dockerfile.workdir(), target)
    if target.endswith(("/", ".")) or len(sources) > 1:
        return [posixpath.normpath(posixpath.join(full, posixpath.basename(source))) for source in sources]
    return [posixpath.normpath(full)] if sources[0].removeprefix("./") == "run.sh" else []
