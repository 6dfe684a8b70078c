"""What is wrong with a workflow or an action of GitHub: keys, references, contexts, as actionlint has it.

actionlint itself is not in a registry: the package of that name downloads it when it is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

TOP = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB = {
    "name", "needs", "if", "runs-on", "permissions", "environment", "concurrency", "outputs", "env",
    "defaults", "steps", "timeout-minutes", "strategy", "continue-on-error", "container", "services", "uses",
    "with", "secrets",
}  # fmt: skip
STEP = {
    "id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "continue-on-error",
    "timeout-minutes",
}  # fmt: skip
EVENTS = {"pull_request", "push", "release", "schedule", "workflow_call", "workflow_dispatch"}
SCOPES = {
    "actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions",
    "id-token", "issues", "models", "packages", "pages", "pull-requests", "security-events", "statuses",
}  # fmt: skip
RUNNERS = {"ubuntu-latest", "ubuntu-24.04", "ubuntu-24.04-arm", "ubuntu-22.04", "ubuntu-22.04-arm"}
CONTEXTS = {
    "github",
    "env",
    "vars",
    "job",
    "jobs",
    "steps",
    "runner",
    "secrets",
    "strategy",
    "matrix",
    "needs",
    "inputs",
}
FUNCTIONS = {
    "contains", "startsWith", "endsWith", "format", "join", "toJSON", "fromJSON", "hashFiles",
    "success", "always", "cancelled", "failure",
}  # fmt: skip
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_WORD = re.compile(r"(?<![\w.\-])([A-Za-z_][\w-]*)((?:\.[\w-]+)*)(\s*\()?")
_PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
Table = Mapping[str, Any]


class _Unique(yaml.SafeLoader):
    """Refuses a key that is given twice; `on` stays a word."""


def _mapping(loader: _Unique, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [one.value for one, _ in node.value]
    if len(keys) != len(set(keys)):
        raise yaml.YAMLError(f"a key is given twice among {keys}")
    return {one.value: loader.construct_object(value, deep=True) for one, value in node.value}


_Unique.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(text: str) -> dict[str, Any]:
    """The document. Raises YAMLError for a key that is given twice."""
    return yaml.load(text, _Unique)


def problems(document: Table) -> list[str]:
    """Everything that is wrong with a workflow (`jobs`) or a composite action (`runs`)."""
    if "runs" in document:
        return list(_action(document))
    return [
        *_workflow(document),
        *(row for name, job in document["jobs"].items() for row in _job(document, name, job)),
    ]


def _action(document: Table) -> Iterator[str]:
    steps = document["runs"]["steps"]
    yield from _strange(
        "action", document, {"name", "description", "author", "branding", "inputs", "outputs", "runs"}
    )
    known = {"inputs": set(document.get("inputs", {})), "steps": set(), "needs": set(), "matrix": set()}
    for step in steps:
        if "run" in step and "shell" not in step:
            yield f"{step['run'][:20]!r} has no shell"
    yield from _steps("runs", steps, known)
    for name, output in document.get("outputs", {}).items():
        yield from _expressions(f"output {name}", output["value"], known)


def _workflow(document: Table) -> Iterator[str]:
    yield from _strange("workflow", document, TOP)
    yield from _strange("on", dict.fromkeys(document["on"]), EVENTS)
    yield from _permissions("workflow", document)
    jobs = document["jobs"]
    for name in jobs:
        seen, waiting = set[str](), _needs(jobs[name])
        while waiting:
            one = waiting.pop()
            if one not in jobs:
                yield f"{name} needs {one}, which is not a job"
            elif one == name:
                yield f"{name} needs itself"
            elif one not in seen:
                seen.add(one)
                waiting += _needs(jobs[one])


def _needs(job: Table) -> list[str]:
    found = job.get("needs", [])
    return [found] if isinstance(found, str) else list(found)


def _permissions(where: str, table: Table) -> Iterator[str]:
    given = table.get("permissions", {})
    for scope, right in given.items() if isinstance(given, dict) else ():
        if scope not in SCOPES or right not in {"read", "write", "none"}:
            yield f"{where}: permission {scope}: {right}"


def _job(document: Table, name: str, job: Table) -> Iterator[str]:
    yield from _strange(name, job, JOB)
    yield from _permissions(name, job)
    matrix = job.get("strategy", {}).get("matrix", {})
    rows = matrix.get("include", [])
    inputs = (
        (document["on"]["workflow_call"] or {}).get("inputs", {}) if "workflow_call" in document["on"] else {}
    )
    known = {
        "inputs": set(inputs),
        "steps": set[str](),
        "needs": set(_needs(job)),
        "matrix": {*matrix, *(key for row in rows for key in row)} - {"include", "exclude"},
    }
    runner = str(job["runs-on"])
    runners = {str(row.get("runner")) for row in rows} if runner == "${{ matrix.runner }}" else {runner}
    for strange in sorted(runners - RUNNERS):
        yield f"{name}: unknown runner {strange}"
    for key in ("name", "if", "runs-on", "env", "environment", "concurrency", "with"):
        yield from _expressions(
            f"{name}.{key}", job.get(key, ""), {**known, "steps": {"*"}}, bare=key == "if"
        )
    yield from _steps(name, job["steps"], known)


def _steps(where: str, steps: list[Table], known: dict[str, set[str]]) -> Iterator[str]:
    for number, step in enumerate(steps, start=1):
        at = f"{where}, step {number}"
        yield from _strange(at, step, STEP)
        if ("run" in step) == ("uses" in step):
            yield f"{at}: needs one of run and uses"
        if "uses" in step and not _PINNED.fullmatch(step["uses"]):
            yield f"{at}: {step['uses']} is not pinned to a commit"
        if "${{" in step.get("run", ""):
            yield f"{at}: an expression becomes shell text"
        for key in ("if", "name", "env", "with", "working-directory"):
            yield from _expressions(f"{at}.{key}", step.get(key, ""), known, bare=key == "if")
        if (own := step.get("id", "")) in known["steps"]:
            yield f"{at}: the id {own} is given twice"
        known["steps"] |= {own} - {""}


def _strange(where: str, table: Table, keys: set[str]) -> Iterator[str]:
    yield from (f"{where}: unknown key {key}" for key in table if key not in keys)


def _expressions(
    where: str, value: Any, known: Mapping[str, set[str]], *, bare: bool = False
) -> Iterator[str]:
    """Checks every expression of a value; an `if` is one without braces too."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _expressions(where, one, known)
        return
    text = str(value)
    holes = _HOLE.findall(text) or ([text] if bare else [])
    for hole in holes:
        for root, path, call in _WORD.findall(_TEXT.sub("", hole)):
            yield from _name(where, root, path[1:].split("."), known, called=bool(call))


def _name(
    where: str, root: str, path: list[str], known: Mapping[str, set[str]], *, called: bool
) -> Iterator[str]:
    if called:
        if root not in FUNCTIONS:
            yield f"{where}: unknown function {root}"
    elif root not in CONTEXTS:
        if root not in {"true", "false", "null"}:
            yield f"{where}: unknown context {root}"
    elif root in known and not known[root] & {path[0], "*"}:
        yield f"{where}: {root}.{path[0]} is not known here"
    elif root == "steps" and path[1:2] not in ([], ["outputs"], ["outcome"], ["conclusion"]):
        yield f"{where}: steps.{path[0]} has no {path[1]}"
