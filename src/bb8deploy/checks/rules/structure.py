"""What must lie in the add-on's folder, and what must not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.dockerfile import Dockerfile
from bb8deploy.checks.reading.facts import BUILD_NAMES, AddonFacts
from bb8deploy.workspace.addon import CONFIG_NAMES

FOREIGN = (".github", ".githooks", "docs", "ops", "reports", "_backups", "addon")
MARKED = {"tools": ".allow_runtime_tools", "scripts": ".allow_runtime_scripts"}
SERVICES = ("services.d/ble_bridge/run", "services.d/echo_responder/run")
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][\w.\-]*(\[[^\]]*\])?\s*==\s*[\w.!+\-]+")


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every structure rule."""
    yield from facts.scan_findings
    yield from _foreign(facts)
    yield from _config_files(facts)
    if facts.profile == "bb8":
        yield from _own_files(facts)
        yield from _requirements(facts)


def used(facts: AddonFacts, folder: str) -> str:
    """Why a runtime folder (`tools`, `scripts`) may stay: `dockerfile`, `marker`, or "" where it may not."""
    if any(_copies(dockerfile, folder) for dockerfile in facts.dockerfiles):
        return "dockerfile"
    return "marker" if MARKED[folder] in facts.files or f"{folder}/{MARKED[folder]}" in facts.files else ""


def _copies(dockerfile: Dockerfile, folder: str) -> bool:
    return any(
        source.removeprefix("./").split("/")[0] == folder
        for _one, sources, _target in dockerfile.copies()
        for source in sources
    )


def _foreign(facts: AddonFacts) -> Iterator[Finding]:
    if ".git" in facts.top:
        message = "the add-on's folder is itself a git repository"
        hint = "Keep git in the workspace alone; the host's folder is a plain build context."
        yield Finding("ADDON_IS_REPOSITORY", Level.ERROR, message, ".git", hint=hint)
    for name in FOREIGN:
        if name in facts.top:
            hint = "Move it to the workspace, beside the add-on."
            message = f"{name}/ belongs to the workspace, not to the add-on"
            yield Finding("WORKSPACE_FOLDER_INSIDE", facts.strict, message, name, hint=hint)
    for name, marker in MARKED.items():
        if name in facts.folders and not used(facts, name):
            message = f"{name}/ is neither copied by the Dockerfile nor marked as wanted"
            hint = f"COPY it in the Dockerfile, add the file {marker}, or move it to the workspace."
            yield Finding("RUNTIME_FOLDER_UNUSED", facts.strict, message, name, hint=hint)


def _config_files(facts: AddonFacts) -> Iterator[Finding]:
    present = [name for name in CONFIG_NAMES if name in facts.files]
    if not present:
        hint = "Add config.yaml with name, version, slug, description and arch."
        yield Finding("CONFIG_MISSING", Level.ERROR, "the add-on has no config.yaml", hint=hint)
    for extra in present[1:]:
        message = f"{extra} stands beside {present[0]}; the Supervisor reads both as one add-on each"
        yield Finding("CONFIG_STRAY", Level.ERROR, message, extra, hint="Keep one of them.")
    for path in facts.files:
        folder, _, name = path.rpartition("/")
        if folder and name in CONFIG_NAMES and _counts(path):
            message = "the Supervisor takes a config file at any depth for another add-on"
            hint = "Rename it, or move it below a folder named rootfs."
            yield Finding("CONFIG_STRAY", facts.strict, message, path, hint=hint)
        if folder and name in BUILD_NAMES:
            message = "the Supervisor reads the first build file that it finds at any depth"
            yield Finding("BUILD_STRAY", facts.strict, message, path, hint="Rename it or remove it.")
    if not facts.dockerfiles and "image" not in facts.raw:
        message = "the add-on has neither a Dockerfile to build nor an `image:` to pull"
        yield Finding("DOCKERFILE_MISSING", Level.ERROR, message, hint="Add a Dockerfile, or set `image:`.")


def _counts(path: str) -> bool:
    """Whether the Supervisor's search would take this config file (supervisor.md 3)."""
    return not any(part.startswith(".") or part == "rootfs" for part in path.split("/")[:-1])


def _own_files(facts: AddonFacts) -> Iterator[Finding]:
    for path in ("run.sh", *SERVICES, "requirements.txt"):
        if path not in facts.files:
            hint = f"Add {path}; the image cannot start without it."
            yield Finding("FILE_MISSING", Level.ERROR, f"{path} is missing", path, hint=hint)


def _requirements(facts: AddonFacts) -> Iterator[Finding]:
    for number, text in _joined(facts.text("requirements.txt")):
        pinned = _REQUIREMENT.match(text)
        if text.startswith("-"):
            continue
        if not pinned or "--hash=" not in text:
            message = f"`{text.split(';')[0].split(' ')[0]}` is not pinned to one version with hashes"
            hint = "Write name==version with --hash, as `pip-compile --generate-hashes` or `uv` does."
            yield Finding("REQUIREMENT_UNPINNED", Level.ERROR, message, "requirements.txt", number, hint=hint)


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first; comments and empty lines left out."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.split(" #")[0].strip()
        if not parts and (not bare or bare.startswith("#")):
            continue
        start = start or number
        parts.append(bare.removesuffix("\\").strip())
        if not bare.endswith("\\"):
            yield start, " ".join(parts).strip()
            start, parts = 0, []
    if parts:
        yield start, " ".join(parts).strip()
