"""What the builder on the host would refuse or ignore in the Dockerfile and the build file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading import dockerfile_evaluation
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.reading.dockerfile_parser import WORDS, Copy, Dockerfile, Instruction
from bb8deploy.checks.reading.yaml_json_reader import ParsedFile
from bb8deploy.checks.schema import validate_build

_OLD_BASE = re.compile(r"ghcr\.io/home-assistant/(aarch64|amd64|armhf|armv7|i386|\{arch\})-base")


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule about the build. With `image:` the host builds nothing, and most of them do not apply."""
    yield from _build_files(facts)
    if not facts.built_here:
        return
    if not facts.raw and facts.dockerfiles:
        yield from (one for file in facts.dockerfiles for one in _words(facts, file))
        return
    yield from _dockerfile_missing(facts)
    for dockerfile in facts.dockerfiles:
        yield from _words(facts, dockerfile)
        yield from _packages(facts, dockerfile)
        yield from _copies(facts, dockerfile)
    yield from _bases(facts)


def _words(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    for one in dockerfile.instructions:
        if one.word not in WORDS:
            message = f"Docker does not know the instruction {one.word[:30]}"
            yield facts.found("DOCKERFILE_INVALID", message, dockerfile.path, (one.line, 1))
    if not dockerfile.stages:
        yield facts.found("DOCKERFILE_NO_FROM", "the Dockerfile has no FROM", dockerfile.path, (1, 1))


def _dockerfile_missing(facts: AddonFacts) -> Iterator[Finding]:
    lacking = [arch for arch in facts.arches if not facts.dockerfile_for(arch)]
    if not facts.dockerfiles:
        message = "there is neither a Dockerfile to build nor an `image:` to pull"
        yield facts.found("DOCKERFILE_MISSING", message)
    elif lacking:
        message = f"there is no Dockerfile for {', '.join(lacking)}"
        yield facts.at("DOCKERFILE_MISSING", message, "arch")


def _bases(facts: AddonFacts) -> Iterator[Finding]:
    """Each FROM with what the Supervisor passes for each architecture; one finding for each FROM."""
    told: set[tuple[str, int]] = set()
    arches = facts.arches or (dockerfile_evaluation.BUILT_ARCHES if not facts.raw.get("arch") else ())
    for arch in arches:
        dockerfile = facts.dockerfile_for(arch)
        if dockerfile is None or _arch_missing(facts, arch):
            continue
        passed = dockerfile_evaluation.passed_args(
            arch, str(facts.raw.get("version") or ""), facts.build_file
        )
        scope = dockerfile_evaluation.global_scope(dockerfile, arch, passed)
        lines = {stage.base.line for stage in dockerfile_evaluation.needed(dockerfile)}
        for base in dockerfile_evaluation.bases(dockerfile, scope):
            key = (dockerfile.path, base.stage.base.line)
            if base.image and base.stage.base.line not in lines:
                continue  # BuildKit does not look at the image of a stage that nothing needs
            finding = _base(facts, dockerfile, base, arch)
            if finding and key not in told:
                told.add(key)
                yield finding


def _base(
    facts: AddonFacts, dockerfile: Dockerfile, base: dockerfile_evaluation.Base, arch: str
) -> Finding | None:
    place = (base.stage.base.line, 1)
    if not base.usable:
        return facts.found("FROM_WITHOUT_DEFAULT", _why_empty(dockerfile, base, arch), dockerfile.path, place)
    if facts.build_file and "BUILD_FROM" in base.stage.image and not _default(dockerfile):
        message = "FROM uses BUILD_FROM, which only the deprecated build file sets"
        level = Level.WARNING if facts.profile == "bb8" else None
        return facts.found("FROM_BUILD_FILE", message, dockerfile.path, place, level=level)
    if named := _OLD_BASE.search(base.image):
        message = f"{named[0]} is a base image for one architecture"
        return facts.found("BASE_PER_ARCH", message, dockerfile.path, place)
    return None


def _default(dockerfile: Dockerfile) -> str:
    return dockerfile.defaults().get("BUILD_FROM", "")


def _why_empty(dockerfile: Dockerfile, base: dockerfile_evaluation.Base, arch: str) -> str:
    late = {
        name
        for stage in dockerfile.stages
        for one in stage.of("ARG")
        for name in [one.value.partition("=")[0].strip()]
    }
    if base.missing and base.missing[0] in late:
        return (
            f"FROM uses {base.missing[0]}, which is declared after the first FROM; FROM sees only arguments"
            " that are declared before it"
        )
    if base.missing:
        return f"FROM uses {base.missing[0]}, which has no value: nothing passes it and it has no default"
    return f"FROM becomes `{base.image}` on {arch}, which is not the name of an image"


def _arch_missing(facts: AddonFacts, arch: str) -> bool:
    base = facts.build_file.base if facts.build_file else ""
    return not isinstance(base, str) and arch not in base


def _build_files(facts: AddonFacts) -> Iterator[Finding]:
    for source in facts.builds:
        yield from _build_file(facts, source)
    lacking = [arch for arch in facts.arches if _arch_missing(facts, arch)] if facts.built_here else []
    if lacking and facts.builds:
        source = facts.builds[0]
        message = f"`build_from` has no base image for {', '.join(lacking)}, which config.yaml lists"
        place = source.key_place(("build_from",))
        yield facts.found("BUILD_ARCH_MISSING", message, source.path, place)


def _build_file(facts: AddonFacts, source: ParsedFile) -> Iterator[Finding]:
    level = None if facts.profile == "bb8" else Level.WARNING if facts.built_here else Level.NOTE
    yield from source.with_level(level).findings if level else source.findings
    if not source.readable:
        return
    old = Level.WARNING if facts.built_here else Level.NOTE
    message = "build files are deprecated since 2026.04"
    yield facts.found("BUILD_FILE_OLD", message, source.path, (1, 1), level=old)
    for problem in validate_build(source.data).errors:
        named = ".".join(map(str, problem.path))
        message = f"{named}: {problem.message}" if named else problem.message
        yield facts.found("BUILD_FILE_INVALID", message, source.path, source.place(problem.path), level=level)


def _packages(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    for one in dockerfile.of("RUN"):
        if any("apk" in part and "py3-venv" in part for part in re.split(r"[;&|]", one.text)):
            message = "Alpine has no package py3-venv; its python3 includes venv"
            yield facts.found("PACKAGE_PY3_VENV", message, dockerfile.path, (one.line, 1))
    yield from _pip(facts, dockerfile)


_NEW_ALPINE = re.compile(
    r"ghcr\.io/(?:home-assistant/(?:\w+-)?base:(?:latest\b|3\.(?:19|[2-9]\d)\b)|hassio-addons/base(?:/\w+)?:(?:1[5-9]|[2-9]\d)\.)"
)
_PIP = re.compile(r"(?:^|[&;|\n])[ \t]{0,20}(?:python3? -m )?pip3? {1,9}install\b([^;&|\n]*)")
_PIP_ALLOWED = re.compile(r"--break-system-packages|--target|--prefix|--root|--user|--python|-t ")
_PIP_FREE = re.compile(
    r"EXTERNALLY-MANAGED|PIP_BREAK_SYSTEM_PACKAGES|break-system-packages|venv|VIRTUAL_ENV|pip\.conf"
)


def _pip(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    """pip into the Python of a base that is known to be Alpine 3.19 or newer."""
    arch = next(iter(facts.arches), "amd64")
    passed = dockerfile_evaluation.passed_args(arch, "", facts.build_file)
    stages = dockerfile.stages
    if not stages or not _NEW_ALPINE.match(
        dockerfile_evaluation.final_base(
            dockerfile, dockerfile_evaluation.global_scope(dockerfile, arch, passed)
        )
    ):
        return
    lines = [one for stage in dockerfile_evaluation.chain(dockerfile) for one in stage.instructions]
    if any(_PIP_FREE.search(one.text) for one in lines):
        return
    for one in lines:
        found = _PIP.search(one.text) if one.word == "RUN" else None
        if found and not _PIP_ALLOWED.search(found[1]):
            message = "pip installs into the system's Python, which Alpine 3.19 and newer refuses"
            yield facts.found("PIP_EXTERNALLY_MANAGED", message, dockerfile.path, (one.line, 1))


def _copies(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    seen: set[str] = set()
    arch = next(iter(facts.arches), "amd64")
    passed = dockerfile_evaluation.passed_args(arch, str(facts.raw.get("version") or ""), facts.build_file)
    scope = dockerfile_evaluation.global_scope(dockerfile, arch, passed)
    lines = {stage.base.line for stage in dockerfile_evaluation.needed(dockerfile)}
    for index, stage in enumerate(dockerfile.stages):
        known = dockerfile_evaluation.stage_scope(dockerfile, stage, scope, passed)
        for copy in stage.copies() if stage.base.line in lines else []:
            if "from" in copy.flags:
                yield from _from_stage(facts, dockerfile, copy, seen | {str(i) for i in range(index)})
            else:
                yield from _sources(facts, dockerfile, copy, known)
        seen |= {stage.name} - {""}


def _from_stage(facts: AddonFacts, dockerfile: Dockerfile, copy: Copy, seen: set[str]) -> Iterator[Finding]:
    name = copy.flags["from"].lower()
    later = {stage.name for stage in dockerfile.stages} - {""}
    if name in later and name not in seen:
        message = f"COPY --from={name} is above the stage of that name"
        yield facts.found("COPY_STAGE_UNKNOWN", message, dockerfile.path, (copy.instruction.line, 1))
    elif re.fullmatch(r"\d+", name) and name not in seen:
        message = f"COPY --from={name}: there is no earlier stage with that number"
        yield facts.found(
            "COPY_STAGE_UNKNOWN", message, dockerfile.path, (copy.instruction.line, 1), level=Level.ERROR
        )


def _sources(
    facts: AddonFacts, dockerfile: Dockerfile, copy: Copy, known: dict[str, str]
) -> Iterator[Finding]:
    for source in copy.sources:
        filled = dockerfile_evaluation.fill(source, known, dockerfile)
        if filled.missing or _is_remote(filled.text, copy.instruction) or _is_wild(filled.text):
            continue
        path = dockerfile_evaluation.clean_source(filled.text)
        code = _missing(facts, path)
        if code:
            what = "is not in the folder" if code == "COPY_SOURCE_MISSING" else "is left out by .dockerignore"
            message = f"{copy.instruction.word} of `{filled.text}`, which {what}"
            yield facts.found(code, message, dockerfile.path, (copy.instruction.line, 1))


def _is_remote(source: str, one: Instruction) -> bool:
    return one.word == "ADD" and bool(re.match(r"(?:https?|ftp|git)://|git@|\S+\.git(?:#|$)", source))


def _is_wild(source: str) -> bool:
    """A pattern that fits nothing is not an error to BuildKit."""
    return any(char in source for char in "*?[")


def _missing(facts: AddonFacts, path: str) -> str:
    """The code for a source that the builder does not find, "" if it does or if that is not known."""
    if not path or path == ".":
        return ""
    parts = path.split("/")
    above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    if any(one in facts.links for one in above):
        return ""  # the builder follows links below the folder; where they lead depends on the checkout
    if not _exists(facts, path):
        return "" if not facts.whole else "COPY_SOURCE_MISSING"
    ignored = facts.dockerignore.ignored(path) and not facts.dockerignore.takes_back
    return "COPY_SOURCE_IGNORED" if ignored else ""


def _exists(facts: AddonFacts, path: str) -> bool:
    """On the disk, not in the delivery: what an exclude file leaves out is another rule's matter."""
    if path in facts.files or path in facts.folders:
        return True
    try:
        return (facts.root / posixpath.normpath(path)).exists()
    except (OSError, ValueError):
        return False
