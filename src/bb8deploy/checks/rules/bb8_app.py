"""Rules of this project's own app: its files, its Dockerfile, its start script, its requirements."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.reading.dockerfile_parser import Copy, Dockerfile

RUN_SH = "/usr/src/app/run.sh"
FOREIGN = (".github", ".githooks", "docs", "ops", "reports", "_backups", "addon")
SERVICES = ("services.d/ble_bridge/run", "services.d/echo_responder/run")
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][\w.\-]*(\[[^\]]*\])?\s*==\s*[\w.!+\-]+")
_BRIDGE = re.compile(r"^exec\s+\S*\$\{?VIRTUAL_ENV\S*/bin/python\S*\s+-m\s+bb8_core\.main\b")
_SERVICE = re.compile(r"^services\.d/[^/]+/run$")


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every rule of the bb8 profile; nothing for other profiles."""
    if facts.profile != "bb8":
        return
    yield from _folders(facts)
    yield from _files(facts)
    yield from _requirements(facts)
    for dockerfile in facts.dockerfiles:
        yield from _dockerfile(facts, dockerfile)
    yield from _bridge_entry(facts)
    yield from _services(facts)
    yield from _shebangs(facts)
    if facts.mode is Mode.LOCAL_DEV:
        yield from _build_block(facts)


def _folders(facts: AddonFacts) -> Iterator[Finding]:
    if ".git" in facts.top:
        yield facts.found("ADDON_IS_REPOSITORY", "the app's folder is itself a git repository", ".git")
    for name in FOREIGN:
        if name in facts.top:
            message = f"{name}/ belongs to the workspace, not to the app"
            yield facts.found("WORKSPACE_FOLDER_INSIDE", message, name)


def _files(facts: AddonFacts) -> Iterator[Finding]:
    for path in ("run.sh", *SERVICES, "requirements.txt"):
        if path not in facts.files:
            hint = f"Add {path}; the image cannot start without it."
            yield facts.found("FILE_MISSING", f"{path} is missing", path, hint=hint)


def _requirements(facts: AddonFacts) -> Iterator[Finding]:
    for number, text in _joined(facts.text("requirements.txt")):
        pinned = _REQUIREMENT.match(text)
        if text.startswith("-"):
            continue
        if not pinned or "--hash=" not in text:
            message = f"`{text.split(';')[0].split(' ')[0]}` is not pinned to one version with hashes"
            yield facts.found("REQUIREMENT_UNPINNED", message, "requirements.txt", (number, None))


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


def _dockerfile(facts: AddonFacts, dockerfile: Dockerfile) -> Iterator[Finding]:
    path = dockerfile.path
    for one in dockerfile.of("RUN"):
        if re.search(r"\bapt(-get)?\s", one.text):
            message = "apt-get does not exist in Home Assistant's Alpine base images"
            yield facts.found("PACKAGE_APT", message, path, (one.line, None))
    if "BUILD_FROM" not in dockerfile.defaults():
        hint = "Write ARG BUILD_FROM=<image> before the first FROM."
        yield facts.found("FROM_WITHOUT_DEFAULT", "BUILD_FROM has no default", path, (1, None), hint=hint)
    if not any(re.search(r"-m\s+venv\s+\S*/opt/venv\b", one.text) for one in dockerfile.of("RUN")):
        yield facts.found("VENV_MISSING", "no instruction makes the venv at /opt/venv", path)
    if not any(RUN_SH in _targets(dockerfile, copy) for copy in dockerfile.copies()):
        yield facts.found("RUN_SH_NOT_COPIED", f"no COPY brings run.sh to {RUN_SH}", path)


def _targets(dockerfile: Dockerfile, copy: Copy) -> list[str]:
    folders = [one.value for one in dockerfile.of("WORKDIR")]
    full = posixpath.join("/", *folders, copy.target)
    if copy.target.endswith(("/", ".")) or len(copy.sources) > 1:
        return [posixpath.normpath(posixpath.join(full, posixpath.basename(one))) for one in copy.sources]
    return [posixpath.normpath(full)] if copy.sources[:1] in (("run.sh",), ("./run.sh",)) else []


def commands(text: str) -> list[tuple[int, str]]:
    """The lines of a script that are not empty or comments, with their numbers."""
    lines = ((n, line.strip()) for n, line in enumerate(text.splitlines(), 1))
    return [(n, line) for n, line in lines if line and not line.startswith("#")]


def _bridge_entry(facts: AddonFacts) -> Iterator[Finding]:
    lines = commands(facts.text("run.sh"))
    if not lines:
        return
    number, last = lines[-1]
    if not _BRIDGE.match(last.replace('"', "")):
        message = "run.sh does not end in an exec of the venv's python with `-m bb8_core.main`"
        yield facts.found("RUN_SH_NO_EXEC", message, "run.sh", (number, None))


def _services(facts: AddonFacts) -> Iterator[Finding]:
    for path in facts.contents:
        if not _SERVICE.match(path):
            continue
        if not any(re.match(r"exec\s", line) for _number, line in commands(facts.text(path))):
            message = "the service does not exec its program, so s6 cannot stop it"
            yield facts.found("SERVICE_NO_EXEC", message, path)


def _shebangs(facts: AddonFacts) -> Iterator[Finding]:
    for path, data in facts.contents.items():
        if (path == "run.sh" or _SERVICE.match(path)) and not data.startswith(b"#!"):
            yield facts.found("SCRIPT_NO_SHEBANG", "the script has no first line with #!", path, (1, 1))


def _build_block(facts: AddonFacts) -> Iterator[Finding]:
    """The block has no effect on the Supervisor; the guard reads it to know what the workspace is for."""
    block = facts.raw.get("build")
    if facts.raw and not isinstance(block, dict):
        message = "the `build:` block that marks a locally built app is missing"
        yield facts.at("BUILD_BLOCK_MISSING", message)
        return
    named = _base(block)
    real = next((d.defaults().get("BUILD_FROM") for d in facts.dockerfiles), None)
    if named and real and named != real:
        message = f"`build:` names the base image {named}, the Dockerfile's default is {real}"
        yield facts.at("BUILD_BLOCK_DIFFERS", message, "build", "args", "BUILD_FROM")


def _base(block: object) -> str:
    args = block.get("args") if isinstance(block, dict) else None
    return str(args.get("BUILD_FROM") or "") if isinstance(args, dict) else ""
