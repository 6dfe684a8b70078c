"""What the builder makes of a Dockerfile: the values in each FROM and COPY, and where files end up.

Source: supervisor/apps/build.py (what is passed) and moby/buildkit, dockerfile2llb (what is in scope).
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from bb8deploy.checks.reading.dockerfile_parser import Copy, Dockerfile, Stage
from bb8deploy.checks.reading.dockerfile_words import Expansion, expand, pairs

BUILT_ARCHES = ("aarch64", "amd64")
DEFAULT_BASE = "ghcr.io/home-assistant/base:latest"
_DOCKER_ARCH = {"aarch64": "arm64", "amd64": "amd64"}
_NAME = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+(?=:\d))(?::\d+)?"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_NAME}(?:/{_NAME})*(?::[\w][\w.-]{{0,127}})?(?:@[A-Za-z0-9+._-]+:[0-9a-fA-F]{{32,}})?"
)


@dataclass(frozen=True, slots=True)
class BuildFile:
    """What a valid build file gives the build: a base for every architecture or for each, and arguments."""

    base: str | Mapping[str, str]
    args: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Base:
    """A FROM for one architecture: the image as filled in, and the arguments that have no value."""

    stage: Stage
    image: str
    missing: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether the name can be an image."""
        return is_reference(self.image)


@dataclass(frozen=True, slots=True)
class Placed:
    """A file of the folder in the image: its path there, and whether COPY itself sets the executable bit."""

    path: str
    source: str
    made_executable: bool


def is_reference(image: str) -> bool:
    """Whether Docker takes the text for the name of an image."""
    return len(image) < 512 and bool(_REFERENCE.fullmatch(image))


def passed_args(arch: str, version: str, build_file: BuildFile | None) -> dict[str, str]:
    """The build arguments that the Supervisor passes for an architecture."""
    args = {"BUILD_VERSION": version, "BUILD_ARCH": arch}
    if build_file:
        base = build_file.base
        args |= dict(build_file.args)
        args["BUILD_FROM"] = base if isinstance(base, str) else base.get(arch, "")
    return args


def global_scope(dockerfile: Dockerfile, arch: str, passed: Mapping[str, str]) -> dict[str, str]:
    """The arguments that FROM sees: BuildKit's own, and what is declared before the first FROM."""
    scope = platform_args(arch)
    for one in dockerfile.global_args:
        for name, default in pairs(one.value):
            if name in passed:
                scope[name] = passed[name]
            elif default is not None:
                scope[name] = expand(default, scope, escape=dockerfile.escape).text
    return scope


def platform_args(arch: str) -> dict[str, str]:
    """BuildKit's automatic platform arguments for a native build."""
    machine = _DOCKER_ARCH.get(arch, arch)
    return {
        f"{who}{what}": value
        for who in ("TARGET", "BUILD")
        for what, value in (
            ("PLATFORM", f"linux/{machine}"),
            ("OS", "linux"),
            ("ARCH", machine),
            ("VARIANT", ""),
        )
    }


def bases(dockerfile: Dockerfile, scope: Mapping[str, str]) -> list[Base]:
    """Each FROM with its image filled in; a FROM of an earlier stage is left out."""
    found: list[Base] = []
    names = {"scratch"}
    for index, stage in enumerate(dockerfile.stages):
        filled = expand(stage.image, scope, escape=dockerfile.escape)
        if filled.text.lower() not in names:
            found.append(Base(stage, filled.text, filled.missing))
        names |= {stage.name, str(index)} - {""}
    return found


def final_base(dockerfile: Dockerfile, scope: Mapping[str, str]) -> str:
    """The image that the last stage goes back to, through stages that it is made from; "" if unknown."""
    stages = dockerfile.stages
    if not stages or len(stages) > MANY:
        return ""
    return _root(stages, len(stages) - 1, scope, dockerfile.escape)


def stage_base(dockerfile: Dockerfile, index: int, scope: Mapping[str, str]) -> str:
    """The image that the stage at `index` goes back to; "" if unknown."""
    stages = dockerfile.stages
    return "" if len(stages) > MANY else _root(stages, index, scope, dockerfile.escape)


def chain(dockerfile: Dockerfile) -> list[Stage]:
    """The stages that the final image is made of, the earliest first."""
    stages = dockerfile.stages
    if len(stages) > MANY:
        return stages[-1:]
    found: list[Stage] = []
    index: int | None = len(stages) - 1 if stages else None
    while index is not None:
        found.insert(0, stages[index])
        index = _parent(stages, index, stages[index].image)
    return found


MANY = 300  # stages; nobody writes more, and beyond it all of them are taken to be needed
MOST = 200_000  # files in the image that are looked at


def needed(dockerfile: Dockerfile) -> list[Stage]:
    """The stages that BuildKit runs: the last one, and what it is made from or copies from."""
    stages = dockerfile.stages
    if len(stages) > MANY:
        return stages
    waiting = [len(stages) - 1] if stages else []
    found: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index not in found:
            found.add(index)
            waiting += _used(stages, index)
    return [stages[index] for index in sorted(found)]


def _mounted(text: str) -> Iterator[str]:
    """The stages that `RUN --mount=...,from=NAME` names."""
    for word in text.split():
        if not word.startswith("--mount="):
            continue
        for part in word.removeprefix("--mount=").split(","):
            if part.startswith("from="):
                yield part.removeprefix("from=")


def _used(stages: list[Stage], index: int) -> Iterator[int]:
    """The earlier stages that a stage uses; a name that cannot be read may be any of them."""
    stage = stages[index]
    words = [copy.flags["from"] for copy in stage.copies() if "from" in copy.flags]
    words += [name for one in stage.of("RUN") for name in _mounted(one.value)]
    for word in (stage.image, *words):
        if "$" in word:
            yield from range(index)
        elif word.isascii() and word.isdigit() and int(word) < index:
            yield int(word)
        elif (parent := _parent(stages, index, word)) is not None:
            yield parent


def _root(stages: list[Stage], index: int, scope: Mapping[str, str], escape: str) -> str:
    filled = expand(stages[index].image, scope, escape=escape)
    parent = _parent(stages, index, filled.text)
    return filled.text if parent is None else _root(stages, parent, scope, escape)


def _parent(stages: list[Stage], index: int, image: str) -> int | None:
    wanted = image.lower()
    return next((i for i in reversed(range(index)) if stages[i].name and stages[i].name == wanted), None)


def stage_scope(
    dockerfile: Dockerfile, stage: Stage, scope: Mapping[str, str], passed: Mapping[str, str]
) -> dict[str, str]:
    """The arguments and environment that a stage sets itself; what its base image sets is not known."""
    known: dict[str, str] = {}
    for one in stage.of("ARG", "ENV"):
        for name, value in pairs(one.value):
            if one.word == "ARG" and name in passed:
                known[name] = passed[name]
            elif value is not None:
                filled = expand(value, known, escape=dockerfile.escape)
                known.pop(name, None) if filled.missing else known.update({name: filled.text})
            elif name in scope:
                known[name] = scope[name]
    return known


def fill(text: str, known: Mapping[str, str], dockerfile: Dockerfile) -> Expansion:
    """A word of an instruction with the stage's variables filled in."""
    return expand(text, known, escape=dockerfile.escape)


def placements(dockerfile: Dockerfile, files: frozenset[str], known: Mapping[str, str]) -> Iterator[Placed]:
    """Where the folder's files end up in the image, as far as the Dockerfile shows it; at most MOST."""
    return islice(_placements(dockerfile, files, known), MOST)


def _placements(dockerfile: Dockerfile, files: frozenset[str], known: Mapping[str, str]) -> Iterator[Placed]:
    ordered = sorted(files)
    for stage in chain(dockerfile):
        folder = "/"
        copies = {id(copy.instruction): copy for copy in stage.copies()}
        for one in stage.instructions:
            if one.word == "WORKDIR":
                folder = posixpath.join(folder, expand(one.value, known).text)
            elif id(one) in copies:
                yield from placed(copies[id(one)], folder, ordered, known)


def placed(copy: Copy, folder: str, files: list[str], known: Mapping[str, str]) -> Iterator[Placed]:
    """Where one COPY or ADD puts the sorted `files`, in a stage that is in `folder`; none if unknown."""
    if "from" in copy.flags:
        return
    target = expand(copy.target, known)
    if target.missing:
        return
    place = posixpath.join(folder, target.text)
    into = target.text.endswith(("/", ".")) or len(copy.sources) > 1
    executable = _sets_run_bit(copy.flags.get("chmod", ""))
    for source in copy.sources:
        for file, inner in _under(expand(source, known).text, files):
            end = (
                place
                if inner is None and not into
                else posixpath.join(place, inner or posixpath.basename(file))
            )
            yield Placed(posixpath.normpath(end), file, executable)


def _under(source: str, files: list[str]) -> Iterator[tuple[str, str | None]]:
    """The files that a source means, each with its path below the source (None for the source itself)."""
    bare = clean_source(source)
    if any(char in bare for char in "*?["):
        pattern = re.compile(_glob(bare))
        for file in files:
            if found := pattern.match(file):
                yield file, file[found.end() :].lstrip("/") or None
        return
    start = bisect_left(files, bare)
    if bare and start < len(files) and files[start] == bare:
        yield bare, None
        return
    head = f"{bare}/" if bare else ""
    for file in islice(files, bisect_left(files, head), None):
        if not file.startswith(head):
            break
        yield file, file[len(head) :]


def _glob(pattern: str) -> str:
    """A Go path pattern for a whole path or a folder above it."""
    parts = (_glob_part(part) for part in _GLOB_PART.findall(pattern))
    return f"{''.join(parts)}(?:/|$)"


def _glob_part(part: str) -> str:
    """A character, an escaped one, or a class such as `[a-z]` and `[^a]`."""
    if part in {"*", "?"}:
        return {"*": "[^/]*", "?": "[^/]"}[part]
    if part.startswith("[") and len(part) > 2:
        inside = part[1:-1].replace("[", "\\[").replace("&", "\\&").replace("~", "\\~").replace("|", "\\|")
        return f"(?!/)[{inside}]"
    return re.escape(part[-1] if part.startswith("\\") and len(part) > 1 else part)


_GLOB_PART = re.compile(r"\\.|\[\^?[^\]]+\]|.", re.DOTALL)


def clean_source(source: str) -> str:
    """A source of COPY as a path below the folder: `./a/`, `/a` and `../a` are all `a`; "" is the folder."""
    return posixpath.normpath(posixpath.join("/", source)).strip("/")


def _sets_run_bit(mode: str) -> bool:
    return bool(re.fullmatch(r"0?[1357]\d\d|[ugoa]*\+[rw]*x.*", mode))
