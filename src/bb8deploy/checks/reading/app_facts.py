"""Everything that the rules look at, gathered once: the tree, the parsed files, the texts, the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.rule_definitions.all_rules import Place, found, rules
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.reading.dockerfile_evaluation import BUILT_ARCHES, DEFAULT_BASE, BuildFile
from bb8deploy.checks.reading.dockerfile_parser import Dockerfile, parse_dockerfile
from bb8deploy.checks.reading.dockerignore import DockerIgnore
from bb8deploy.checks.reading.folder_scan import FileFact, Scan, scan
from bb8deploy.checks.reading.yaml_json_reader import ParsedFile, read_source
from bb8deploy.checks.schema import ConfigVerdict, validate_build, validate_config
from bb8deploy.workspace.app_config import CONFIG_NAMES
from bb8deploy.workspace.ignore_patterns import DEFAULT, Ignore

MAX_TEXT = 1024 * 1024
MAX_TEXTS = 64 * 1024 * 1024
BUILD_NAMES = ("build.yaml", "build.yml", "build.json")


@dataclass(frozen=True)
class AddonFacts:
    """One app as its folder has it. Paths are relative to `root` with forward slashes.

    `contents` holds the bytes of every file up to MAX_TEXT; `tracked_secrets` are secrets files that git
    knows, relative to the workspace. `asked` is the mode that was asked for, `mode` the one that holds.
    """

    root: Path
    workspace: Path | None
    profile: str
    files: Mapping[str, FileFact]
    links: Mapping[str, str]
    folders: tuple[str, ...]
    top: frozenset[str]
    contents: Mapping[str, bytes]
    config: ParsedFile | None
    verdict: ConfigVerdict | None
    builds: tuple[ParsedFile, ...]
    translations: tuple[ParsedFile, ...]
    dockerfiles: tuple[Dockerfile, ...]
    tracked_secrets: tuple[str, ...]
    asked: Mode | None
    mode: Mode
    whole: bool = True
    scan_findings: tuple[Finding, ...] = field(default=())

    @property
    def raw(self) -> JsonObject:
        """The config as it is written, empty if it cannot be read."""
        data = self.config.data if self.config else None
        return data if isinstance(data, dict) else {}

    @property
    def built_here(self) -> bool:
        """Whether the host builds the folder; with `image:` it pulls."""
        return "image" not in self.raw

    @cached_property
    def arches(self) -> tuple[str, ...]:
        """The architectures of the config that hosts still have."""
        listed = self.raw.get("arch")
        named = listed if isinstance(listed, list) else []
        return tuple(arch for arch in BUILT_ARCHES if arch in named)

    @cached_property
    def build_file(self) -> BuildFile | None:
        """What the Supervisor takes from the build file; None if there is none."""
        source = next((one for one in self.builds if "/" not in one.path), next(iter(self.builds), None))
        if source is None:
            return None
        verdict = validate_build(source.data) if source.readable else None
        data = verdict.normalised if verdict and verdict.normalised else {}
        return BuildFile(data.get("build_from") or DEFAULT_BASE, data.get("args") or {})

    @cached_property
    def dockerignore(self) -> DockerIgnore:
        """The patterns of .dockerignore."""
        return DockerIgnore.parse(self.text("Dockerfile.dockerignore") or self.text(".dockerignore"))

    def dockerfile_for(self, arch: str) -> Dockerfile | None:
        """The Dockerfile that the Supervisor builds for an architecture."""
        known = {one.path: one for one in self.dockerfiles}
        return known.get(f"Dockerfile.{arch}") or known.get("Dockerfile")

    def text(self, path: str) -> str:
        """The file's text, "" if it is missing or not UTF-8."""
        return self.contents.get(path, b"").decode("utf-8", "replace")

    def found(
        self,
        code: str,
        message: str,
        path: str = "",
        place: Place = (None, None),
        *,
        level: Level | None = None,
        hint: str = "",
    ) -> Finding:
        """A finding at the level that its rule has in this profile."""
        return found(code, message, path, place, profile=self.profile, level=level, hint=hint)

    def own_level(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Findings that were made without a profile, at the level that their rules have in this one."""
        for one in findings:
            level = rules()[one.code].level_in(self.profile)
            yield one if one.level is Level.ERROR else replace(one, level=level)

    def at(
        self, code: str, message: str, *where: str | int, level: Level | None = None, hint: str = ""
    ) -> Finding:
        """A finding about the config's value at `where`."""
        if not self.config:
            return self.found(code, message, level=level, hint=hint)
        return self.found(code, message, self.config.path, self.config.place(where), level=level, hint=hint)

    def at_key(
        self, code: str, message: str, *where: str | int, level: Level | None = None, hint: str = ""
    ) -> Finding:
        """A finding about the config's key at `where`."""
        if not self.config:
            return self.found(code, message, level=level, hint=hint)
        place = self.config.key_place(where)
        return self.found(code, message, self.config.path, place, level=level, hint=hint)


def gather(addon: Path, *, workspace: Path | None, profile: str, mode: Mode | None) -> AddonFacts:
    """Reads the app once. Never raises for its content, only if git itself cannot run."""
    ignore = Ignore.of_workspace(workspace) if workspace else Ignore.parse(DEFAULT)
    tree = scan(addon, ignore, profile=profile)
    sources = {path: read_source(addon, path) for path in _settings_files(tree.files)}
    config = next((sources[name] for name in CONFIG_NAMES if name in sources), None)
    contents, unread = _contents(addon, tree.files)
    told = {path for path, source in sources.items() if source.findings}
    return AddonFacts(
        root=addon,
        workspace=workspace,
        profile=profile,
        files=tree.files,
        links=tree.links,
        folders=tuple(tree.folders),
        top=frozenset(tree.top),
        contents=contents,
        config=config,
        verdict=validate_config(config.data) if config and config.readable else None,
        builds=tuple(s for p, s in sources.items() if p.rpartition("/")[2] in BUILD_NAMES),
        translations=tuple(s for p, s in sources.items() if p.startswith("translations/")),
        dockerfiles=_dockerfiles(contents),
        tracked_secrets=_tracked_secrets(workspace),
        asked=mode,
        mode=mode or _mode(config),
        whole=tree.whole,
        scan_findings=_of_scan(tree, [one for one in unread if one.path not in told]),
    )


def _of_scan(tree: Scan, unread: list[Finding]) -> tuple[Finding, ...]:
    return (*tree.findings, *unread)


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
            message = "SKIPPED: too large to be searched for secrets"
            findings.append(found("FILE_NOT_SEARCHED", message, path))
            continue
        try:
            contents[path] = (addon / path).read_bytes()
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            findings.append(found("FILE_UNREADABLE", message, path))
            continue
        total += fact.size
    return contents, findings


def _dockerfiles(contents: Mapping[str, bytes]) -> tuple[Dockerfile, ...]:
    names = sorted(p for p in contents if p == "Dockerfile" or _is_arch_dockerfile(p))
    return tuple(parse_dockerfile(contents[name].decode("utf-8", "replace"), name) for name in names)


def _is_arch_dockerfile(path: str) -> bool:
    return path.startswith("Dockerfile.") and "/" not in path and not path.endswith(".dockerignore")


def _mode(config: ParsedFile | None) -> Mode:
    data = config.data if config else None
    return Mode.PUBLISH if isinstance(data, dict) and "image" in data else Mode.LOCAL_DEV


def _tracked_secrets(workspace: Path | None) -> tuple[str, ...]:
    if workspace is None or not (workspace / ".git").exists():
        return ()
    from bb8deploy.workspace.git import git

    listed = git(workspace, "ls-files", "--", "secrets.yaml", "**/secrets.yaml", ".env", ".env.*")
    return tuple(path for path in listed.splitlines() if not path.endswith(".example"))
