"""Turns a step of the retired home-assistant/builder action into today's build-image action.

Source: home-assistant/builder, README and actions/build-image/action.yml of 2026.06.0; the old action and its
container were removed in that release.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bb8deploy.base.yaml_loader import load
from bb8deploy.checks.migrate.migration_step import Change
from bb8deploy.checks.reading.dockerfile_evaluation import BUILT_ARCHES

if TYPE_CHECKING:
    import yaml

ACTION = "home-assistant/builder/actions/build-image@4de35182ce1e329181bffcbcc84d33db5e2c7e10 # 2026.06.0"
_OLD = re.compile(r"home-assistant/builder@\S+")
_INFO = "home-assistant/actions/helpers/info@"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_ARCH_LIST = re.compile(r"^(\s*arch:\s*)\[([^\]]*)\]\s*$")
_RUNNER = "${{ matrix.arch == 'aarch64' && 'ubuntu-24.04-arm' || 'ubuntu-24.04' }}"
Items: TypeAlias = "dict[str, yaml.Node]"
_WHY = (
    "home-assistant/builder was retired on 2026-04-02 and removed in 2026.06.0; build-image takes its place",
    "each architecture is built on a runner of its own kind, without emulation",
)


@dataclass(frozen=True, slots=True)
class _Old:
    """What the arguments of the old action ask for."""

    target: str
    image: str
    registry: str
    tests_only: str


def plan_workflows(root: Path) -> tuple[list[Change], list[str]]:
    """The changes of a repository's workflows, and hints about those that cannot be changed."""
    changes: list[Change] = []
    hints: list[str] = []
    folder = root / ".github" / "workflows"
    for path in sorted(folder.glob("*.y*ml")) if folder.is_dir() else []:
        text = path.read_text(encoding="utf-8", errors="replace")
        if not _OLD.search(text):
            continue
        name = path.relative_to(root).as_posix()
        after = migrated(text)
        if after is None:
            hints.append(f"{name} uses home-assistant/builder in a way that is not known; see its README")
        else:
            changes.append(Change(name, text, after, _WHY))
    return changes, hints


def migrated(text: str) -> str | None:
    """The workflow with every step of the old action replaced; None if a step is not understood."""
    import yaml

    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
        edits = [edit for job in _jobs(document) for edit in _edits(job)]
    except (yaml.YAMLError, LookupError, ValueError):
        return None
    if not edits:
        return None
    lines = text.split("\n")
    for start, end, new in sorted(edits, reverse=True):
        lines[start : _last_own(lines, start, end)] = new
    after = "\n".join(_without_old_arches(line) for line in lines)
    return after if _is_yaml(after) and not _OLD.search(after) else None


def _last_own(lines: list[str], start: int, end: int) -> int:
    """The end of a step without the comments and empty lines before the next one."""
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return end


def _is_yaml(text: str) -> bool:
    import yaml

    try:
        return isinstance(load(text), dict)
    except yaml.YAMLError:
        return False


def _items(node: yaml.Node | None) -> Items:
    import yaml

    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _jobs(document: yaml.Node | None) -> Iterator[Items]:
    for job in _items(_items(document)["jobs"]).values():
        yield _items(job)


def _edits(job: Items) -> Iterator[tuple[int, int, list[str]]]:
    """Line ranges of a job and what replaces them."""
    steps = [(node, _items(node)) for node in job["steps"].value] if "steps" in job else []
    for node, step in steps:
        if "uses" not in step or not _OLD.fullmatch(step["uses"].value):
            continue
        info = next(s["id"].value for _n, s in steps if "id" in s and _INFO in _text(s.get("uses")))
        old = _arguments(_items(step["with"])["args"].value)
        start, end = node.start_mark.line, node.end_mark.line
        yield start, end, _new_step(node.start_mark.column, step, old, info)
        runner = job["runs-on"]
        yield (
            runner.start_mark.line,
            runner.start_mark.line + 1,
            [f"{' ' * (runner.start_mark.column - len('runs-on: '))}runs-on: {_RUNNER}"],
        )


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if node is not None else ""


def _arguments(text: str) -> _Old:
    """Reads the arguments; raises LookupError or ValueError if they are not understood."""
    held: list[str] = []

    def hold(found: re.Match[str]) -> str:
        held.append(found[0])
        return f"\0{len(held) - 1}\0"

    words = shlex.split(_EXPRESSION.sub(hold, text.replace("\\\n", " ")))
    words = [re.sub(r"\0(\d+)\0", lambda m: held[int(m[1])], word) for word in words]
    options = dict(itertools.pairwise(words))
    if "--${{ matrix.arch }}" not in words and "--${{matrix.arch}}" not in words:
        raise LookupError("the architecture is not taken from the matrix")
    tests = next((word for word in words if word.startswith("${{") and "env." in word), "")
    if "--test" in words:
        tests = "--test"
    return _Old(options["--target"], options["--image"], options["--docker-hub"], tests)


def _new_step(column: int, step: Items, old: _Old, info: str) -> list[str]:
    pad = " " * (column - 2)
    version = f"${{{{ steps.{info}.outputs.version }}}}"
    context = "./" + old.target.removeprefix("/data").strip("/")
    kept = [f"name: {step['name'].value}"] if "name" in step else []
    kept += [f"if: {step['if'].value}"] if "if" in step else []
    return [
        f"{pad}- name: Fill in the architecture of the image",
        f"{pad}  id: bb8deploy_image",
        f"{pad}  env:",
        f"{pad}    ARCH: ${{{{ matrix.arch }}}}",
        f"{pad}    IMAGE: {old.image}",
        f'{pad}  run: echo "name=${{IMAGE//\\{{arch\\}}/$ARCH}}" >> "$GITHUB_OUTPUT"',
        *(
            f"{pad}{'- ' if index == 0 else '  '}{line}"
            for index, line in enumerate([*kept, f"uses: {ACTION}"])
        ),
        f"{pad}  with:",
        f"{pad}    arch: ${{{{ matrix.arch }}}}",
        f"{pad}    container-registry-password: ${{{{ secrets.GITHUB_TOKEN }}}}",
        f"{pad}    context: {context}",
        f'{pad}    cosign: "false"',
        f"{pad}    image: {old.registry}/${{{{ steps.bb8deploy_image.outputs.name }}}}",
        f"{pad}    image-tags: |",
        f"{pad}      {version}",
        f"{pad}      latest",
        f"{pad}    push: {_push(old.tests_only)}",
        f"{pad}    version: {version}",
    ]


def _push(tests_only: str) -> str:
    """Whether the image is pushed: the old action had `--test` for that."""
    if tests_only == "--test":
        return '"false"'
    found = _EXPRESSION.fullmatch(tests_only)
    return f"${{{{ !contains({found[1]}, '--test') }}}}" if found else '"true"'


def _without_old_arches(line: str) -> str:
    found = _ARCH_LIST.match(line)
    if not found:
        return line
    words = [word.strip() for word in found[2].split(",") if word.strip()]
    kept = [word for word in words if word.strip("\"'") in BUILT_ARCHES]
    return f"{found[1]}[{', '.join(kept)}]" if kept and len(kept) < len(words) else line
