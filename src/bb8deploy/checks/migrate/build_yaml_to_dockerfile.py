"""Moves a build file into the Dockerfile: the base image as a default, arguments, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bb8deploy.checks.reading.dockerfile_evaluation import BUILT_ARCHES, BuildFile
from bb8deploy.checks.reading.dockerfile_parser import Instruction, parse_dockerfile
from bb8deploy.checks.reading.dockerfile_words import pairs

_PLAIN = re.compile(r"[\w./:@+,-]*")


@dataclass(slots=True)
class _Text:
    """The lines of a Dockerfile that is being changed: replacements by line, and lines to add."""

    lines: list[str]
    replaced: dict[int, tuple[int, list[str]]] = field(default_factory=dict)

    def replace(self, one: Instruction, new: list[str]) -> None:
        self.replaced[one.line - 1] = (one.end, new)

    def render(self, head: list[str], tail: list[str], head_at: int) -> str:
        out: list[str] = []
        index = 0
        while index < len(self.lines):
            if index == head_at:
                out += head
            if index in self.replaced:
                end, new = self.replaced[index]
                out += new
                index = end
                continue
            out.append(self.lines[index])
            index += 1
        while tail and out and not out[-1]:
            out.pop()
        return "\n".join([*out, *tail]) + ("\n" if tail else "")


def with_build_file(text: str, build: BuildFile, labels: Mapping[str, str]) -> tuple[str, list[str]] | None:
    """The Dockerfile that builds without the build file what it built with it, and what was done.

    None if the base images cannot be expressed: an architecture has none, or FROM adds a tag to them.
    """
    dockerfile = parse_dockerfile(text)
    if not dockerfile.stages:
        return None
    uses_base = any("BUILD_FROM" in stage.image for stage in dockerfile.stages)
    head, default = _base(build) if uses_base else ([], "")
    if uses_base and not default:
        return None
    images = {stage.image.strip("\"'") for stage in dockerfile.stages if "BUILD_FROM" in stage.image}
    if any(line.startswith("FROM ") for line in head) and images - {"$BUILD_FROM", "${BUILD_FROM}"}:
        return None  # the name of a stage cannot be completed as that of an image can
    values = {**build.args, **({"BUILD_FROM": default} if uses_base else {})}
    changed = _Text(text.split("\n"))
    declared: set[str] = set()
    for one in dockerfile.of("ARG"):
        names = [name for name, _value in pairs(one.value)]
        if set(names) & values.keys():
            changed.replace(one, [_argument(name, value, values) for name, value in pairs(one.value)])
            declared |= set(names)
    first = dockerfile.stages[0].base.line - 1
    globals_ = {name for one in dockerfile.global_args for name, _value in pairs(one.value)}
    if uses_base and "BUILD_FROM" not in globals_:
        head = [*head, f"ARG BUILD_FROM={default}"]
    start = dockerfile.global_args[0].line - 1 if dockerfile.global_args else first
    if any(line.startswith("FROM ") for line in head):
        changed, head, start = _stages_after_arguments(changed, head, first, start)
    tail = [f"LABEL {name}={_quoted(value)}" for name, value in labels.items()]
    done = _said(build, labels, declared, uses_base=uses_base)
    return changed.render(head, tail, start), done


def _stages_after_arguments(
    changed: _Text, head: list[str], first: int, start: int
) -> tuple[_Text, list[str], int]:
    """Stages of base images go below the arguments, because FROM sees only what is above the first one."""
    arguments = [line for line in head if not line.startswith("FROM ")]
    stages = [line for line in head if line.startswith("FROM ")]
    lines = changed.lines
    changed.replaced[first] = _with_stages(changed.replaced.get(first), lines, first, stages)
    return changed, arguments, start


def _with_stages(
    known: tuple[int, list[str]] | None, lines: list[str], first: int, stages: list[str]
) -> tuple[int, list[str]]:
    end, own = known or (first + 1, [lines[first]])
    return end, [*stages, *own]


def _base(build: BuildFile) -> tuple[list[str], str]:
    """Lines for the top of the file, and the default of BUILD_FROM."""
    if isinstance(build.base, str):
        return [], build.base
    images = {arch: build.base[arch] for arch in BUILT_ARCHES if arch in build.base}
    if not images:
        return [], ""
    if len(set(images.values())) == 1:
        return [], next(iter(images.values()))
    common = {image.replace(arch, "${BUILD_ARCH}") for arch, image in images.items()}
    argument = "ARG BUILD_ARCH=amd64"
    if len(common) == 1:
        return [argument], common.pop()
    stages = [f"FROM {image} AS base-{arch}" for arch, image in images.items()]
    return [argument, *stages], "base-${BUILD_ARCH}"


def _argument(name: str, value: str | None, values: Mapping[str, str]) -> str:
    if name in values:
        written = values[name]
        return f"ARG {name}={written if name == 'BUILD_FROM' else _quoted(written)}"
    return f"ARG {name}" if value is None else f"ARG {name}={value}"


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value) and value:
        return value
    escaped = re.sub(r'([\\"$])', r"\\\1", value)
    return f'"{escaped}"'


def _said(build: BuildFile, labels: Mapping[str, str], declared: set[str], *, uses_base: bool) -> list[str]:
    done = []
    if uses_base:
        done.append("the base image is the default of BUILD_FROM: build files are deprecated since 2026.04")
    used = sorted(set(build.args) & declared)
    unused = sorted(set(build.args) - declared)
    if used:
        done.append(f"arguments are defaults of ARG: {', '.join(used)}")
    if unused:
        done.append(f"arguments that no ARG declares had no effect: {', '.join(unused)}")
    if labels:
        done.append(f"labels are LABEL instructions: {', '.join(sorted(labels))}")
    return done
