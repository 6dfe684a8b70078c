"""Everything that the rules look at, gathered once: the tree, the parsed files, the texts, the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.mode import Mode
from bb8deploy.checks.reading.dockerfile import Dockerfile, parse_dockerfile
from bb8deploy.checks.reading.scan import FileFact, scan
from bb8deploy.checks.reading.source import Source, read_source
from bb8deploy.checks.schema import ConfigVerdict, validate_config
from bb8deploy.workspace.addon import CONFIG_NAMES
from bb8deploy.workspace.ignore import Ignore

MAX_TEXT = 1024 * 1024
MAX_TEXTS = 64 * 1024 * 1024
BUILD_NAMES = ("build.yaml", "build.yml", "build.json")


@dataclass(frozen=True, slots=True)
class AddonFacts:
    """One add-on as it lies there. Paths are relative to `root` with forward slashes.

    `contents` holds the bytes of every file up to MAX_TEXT; `tracked_secrets` are secrets files that git
    knows, relative to the workspace. `asked` is the mode that was asked for, `mode` the one that holds.
    """

    root: Path
    workspace: Path | None
    profile: str
    files: Mapping[str, FileFact]
    folders: tuple[str, ...]
    top: frozenset[str]
    contents: Mapping[str, bytes]
    config: Source | None
    verdict: ConfigVerdict | None
    builds: tuple[Source, ...]
    translations: tuple[Source, ...]
    dockerfiles: tuple[Dockerfile, ...]
    tracked_secrets: tuple[str, ...]
    asked: Mode | None
    mode: Mode
    scan_findings: tuple[Finding, ...] = field(default=())

    @property
    def strict(self) -> Level:
        """The level of rules that only warn outside the bb8 profile."""
        return Level.ERROR if self.profile == "bb8" else Level.WARNING

    @property
    def raw(self) -> dict[str, Any]:
        """The config as it was written, empty where it cannot be read."""
        data = self.config.data if self.config else None
        return data if isinstance(data, dict) else {}

    def text(self, path: str) -> str:
        """The file's text, "" where it is missing or no UTF-8."""
        return self.contents.get(path, b"").decode("utf-8", "replace")

    def at(self, code: str, level: Level, message: str, *where: str | int, hint: str = "") -> Finding:
        """A finding about the config's value at `where`."""
        if not self.config:
            return Finding(code, level, message, hint=hint)
        line, column = self.config.place(where)
        return Finding(code, level, message, self.config.path, line, column, hint)


def gather(addon: Path, *, workspace: Path | None, profile: str, mode: Mode | None) -> AddonFacts:
    """Reads the add-on once. Never raises for its content, only where git itself cannot run."""
    found = scan(addon, Ignore.of_workspace(workspace) if workspace else Ignore.load(Path("/nonexistent")))
    sources = {path: read_source(addon, path) for path in _settings_files(found.files)}
    config = next((sources[name] for name in CONFIG_NAMES if name in sources), None)
    verdict = validate_config(config.data) if config and config.readable else None
    told = {path for path, source in sources.items() if source.findings}
    contents, unread = _contents(addon, found.files)
    return AddonFacts(
        root=addon,
        workspace=workspace,
        profile=profile,
        files=found.files,
        folders=tuple(found.folders),
        top=frozenset(found.top),
        contents=contents,
        config=config,
        verdict=verdict,
        builds=tuple(s for p, s in sources.items() if p.rpartition("/")[2] in BUILD_NAMES),
        translations=tuple(s for p, s in sources.items() if p.startswith("translations/")),
        dockerfiles=_dockerfiles(contents),
        tracked_secrets=_tracked_secrets(workspace),
        asked=mode,
        mode=mode or _mode(config),
        scan_findings=(*found.findings, *(one for one in unread if one.path not in told)),
    )


def _settings_files(files: Mapping[str, FileFact]) -> list[str]:
    def wanted(path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if folder == "translations":
            return name.endswith((".yaml", ".yml", ".json"))
        return name in BUILD_NAMES or (not folder and name in CONFIG_NAMES)

    return [path for path in files if wanted(path)]


def _contents(addon: Path, files: Mapping[str, FileFact]) -> tuple[dict[str, bytes], list[Finding]]:
    contents, findings, total = {}, [], 0
    for path, fact in files.items():
        if fact.size > MAX_TEXT or total > MAX_TEXTS:
            message = "SKIPPED: too large to be looked through for secrets"
            hint = "Make sure by hand that it holds none."
            findings.append(Finding("FILE_NOT_SEARCHED", Level.NOTE, message, path, hint=hint))
            continue
        try:
            contents[path] = (addon / path).read_bytes()
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            hint = "Give yourself the right to read it."
            findings.append(Finding("FILE_UNREADABLE", Level.ERROR, message, path, hint=hint))
            continue
        total += fact.size
    return contents, findings


def _dockerfiles(contents: Mapping[str, bytes]) -> tuple[Dockerfile, ...]:
    names = sorted(p for p in contents if p == "Dockerfile" or (p.startswith("Dockerfile.") and "/" not in p))
    return tuple(parse_dockerfile(contents[name].decode("utf-8", "replace"), name) for name in names)


def _mode(config: Source | None) -> Mode:
    data = config.data if config else None
    return Mode.PUBLISH if isinstance(data, dict) and "image" in data else Mode.LOCAL_DEV


def _tracked_secrets(workspace: Path | None) -> tuple[str, ...]:
    if workspace is None or not (workspace / ".git").exists():
        return ()
    from bb8deploy.workspace.git import git

    listed = git(workspace, "ls-files", "--", "secrets.yaml", "**/secrets.yaml", ".env", ".env.*")
    return tuple(path for path in listed.splitlines() if not path.endswith(".example"))
