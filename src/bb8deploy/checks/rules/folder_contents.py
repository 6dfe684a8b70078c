"""What the app's folder must hold, and what it must not."""

from __future__ import annotations

from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.app_facts import BUILD_NAMES, AddonFacts
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile
from bb8deploy.checks.reading.yaml_json_reader import ParsedFile, parse_source
from bb8deploy.checks.schema import validate_config
from bb8deploy.workspace.app_config import CONFIG_NAMES

MARKED = {"tools": ".allow_runtime_tools", "scripts": ".allow_runtime_scripts"}


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every structure rule that holds for any app."""
    yield from facts.scan_findings
    yield from _runtime_folders(facts)
    yield from _config_files(facts)


def used(facts: AddonFacts, folder: str) -> str:
    """Why a runtime folder (`tools`, `scripts`) may stay: `dockerfile`, `marker`, or "" if it may not."""
    if any(_copies(dockerfile, folder) for dockerfile in facts.dockerfiles):
        return "dockerfile"
    return "marker" if MARKED[folder] in facts.files or f"{folder}/{MARKED[folder]}" in facts.files else ""


def _copies(dockerfile: Dockerfile, folder: str) -> bool:
    """Whether a COPY names the folder or everything."""
    names = {
        source.strip("\"'").removeprefix("./").lstrip("/").split("/")[0]
        for copy in dockerfile.copies()
        for source in copy.sources
    }
    return folder in names or bool(names & {"", ".", "*"})


def _runtime_folders(facts: AddonFacts) -> Iterator[Finding]:
    for name, marker in MARKED.items():
        if name in facts.folders and not used(facts, name):
            message = f"{name}/ is neither copied by the Dockerfile nor marked as wanted"
            hint = f"COPY it in the Dockerfile, add the file {marker}, or move it to the workspace."
            yield facts.found("RUNTIME_FOLDER_UNUSED", message, name, hint=hint)


def _config_files(facts: AddonFacts) -> Iterator[Finding]:
    present = [name for name in CONFIG_NAMES if name in facts.files]
    if not present:
        yield facts.found("CONFIG_MISSING", "the app has no config.yaml")
    for extra in present[1:]:
        message = f"{extra} is beside {present[0]}; the Supervisor reads both, as one app each"
        yield facts.found("CONFIG_STRAY", message, extra, hint="Keep one of them.")
    for path in facts.files:
        folder, _, name = path.rpartition("/")
        if folder and name in CONFIG_NAMES and _counts(path):
            yield from _stray(facts, path)
        if folder and name in BUILD_NAMES:
            message = "the Supervisor reads the first build file that it finds at any depth"
            yield facts.found("BUILD_STRAY", message, path)


def _counts(path: str) -> bool:
    """Whether the Supervisor's search would take this config file (supervisor/store/data.py)."""
    return not any(part.startswith(".") or part == "rootfs" for part in path.split("/")[:-1])


def _stray(facts: AddonFacts, path: str) -> Iterator[Finding]:
    source: ParsedFile = parse_source(facts.contents.get(path, b""), path)
    verdict = validate_config(source.data) if source.readable else None
    if verdict and verdict.stage == "crash":
        message = f"the Supervisor reads this file, too: {verdict.errors[0].message}"
        place = source.place(verdict.errors[0].path)
        yield facts.found("CONFIG_CRASHES", message, path, place, level=Level.ERROR)
        return
    message = "the Supervisor takes a config file at any depth for another app"
    yield facts.found("CONFIG_STRAY", message, path)
