"""Plans the migration of one app: what changes, in which file, and what is left to its author."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.atomic_files import write_text
from bb8deploy.checks.migrate import config_yaml as config_steps
from bb8deploy.checks.migrate.build_yaml_to_dockerfile import with_build_file
from bb8deploy.checks.migrate.github_workflow import plan_workflows
from bb8deploy.checks.migrate.migration_step import Change
from bb8deploy.checks.reading.app_facts import AddonFacts, gather
from bb8deploy.checks.reading.yaml_json_reader import ParsedFile, parse_source
from bb8deploy.checks.schema import validate_build


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of one app's folder, and hints about what a program cannot decide."""

    folder: Path
    changes: tuple[Change, ...]
    hints: tuple[str, ...]


def plan(folder: Path) -> Plan:
    """What migrates the app in `folder`; nothing is written. A migrated app has no changes."""
    facts = gather(folder, workspace=None, profile="generic", mode=None)
    changes: list[Change] = []
    hints: list[str] = []
    for made in (_config(facts), _build(facts)):
        changes += made[0]
        hints += made[1]
    return Plan(folder, tuple(changes), (*hints, *_hints(facts)))


def workflows(roots: Iterable[Path]) -> list[Plan]:
    """The plans of repositories whose workflows use the retired builder action."""
    made = [(root, plan_workflows(root)) for root in roots]
    return [Plan(root, tuple(changes), tuple(hints)) for root, (changes, hints) in made if changes or hints]


def apply(plan: Plan) -> None:
    """Writes the changes of a plan."""
    for change in plan.changes:
        path = plan.folder / change.path
        if change.after is None:
            path.unlink()
        else:
            write_text(path, change.after)


Made = tuple[list[Change], list[str]]


def _config(facts: AddonFacts) -> Made:
    config = facts.config
    if config is None or not config.readable or facts.verdict is None or not facts.verdict.valid:
        return [], ["the config is not valid, so it is not changed: run `bb8deploy validate` first"]
    if config.path in facts.links:
        return [], [f"{config.path} is a link and is not changed"]
    try:
        after, why = config_steps.migrated(config.text, config.path, dict(facts.raw))
    except Exception as error:  # noqa: BLE001 - an editor of YAML refuses what a reader takes
        return [], [f"{config.path} cannot be edited: {type(error).__name__}"]
    if not why:
        return [], []
    if not _as_meant(config, after):
        return [], [f"{config.path} cannot be edited without changing more than is meant"]
    return [Change(config.path, config.text, after, tuple(why))], []


def _as_meant(config: ParsedFile, after: str) -> bool:
    """Whether the edited text holds exactly the data that the steps ask for."""
    expected = copy.deepcopy(config.data)
    if not isinstance(expected, dict):
        return False
    config_steps.apply_steps(expected)
    edited = parse_source(after.encode("utf-8"), config.path)
    return edited.readable and edited.data == expected


def _build(facts: AddonFacts) -> Made:
    source = next((one for one in facts.builds if "/" not in one.path), None)
    if source is None or facts.build_file is None:
        return [], []
    verdict = validate_build(source.data) if source.readable else None
    if verdict is None or verdict.normalised is None:
        return [], [f"{source.path} is not valid, so the Supervisor ignores it: fix or remove it"]
    files = [one.path for one in facts.dockerfiles]
    if files != ["Dockerfile"] or "Dockerfile" in facts.links or source.path in facts.links:
        return [], [f"{source.path} is not moved: there is no single Dockerfile of the app's own"]
    made = with_build_file(facts.text("Dockerfile"), facts.build_file, verdict.normalised["labels"])
    if made is None:
        return [], [
            f"{source.path} is not moved: it has no base image for amd64 or aarch64, or FROM adds to its name"
        ]
    text, why = made
    changes = [Change(source.path, source.text, None, ("its content is in the Dockerfile",))]
    if text != facts.text("Dockerfile"):
        changes.insert(0, Change("Dockerfile", facts.text("Dockerfile"), text, tuple(why)))
    return changes, []


def _hints(facts: AddonFacts) -> Iterator[str]:
    if "{arch}" in str(facts.raw.get("image", "")):
        yield (
            "`image:` names one image per architecture; publish one image for all, then drop `{arch}`:"
            " until it is published, the new name cannot be pulled"
        )
