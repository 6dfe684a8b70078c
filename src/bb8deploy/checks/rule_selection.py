"""Which findings count: what a project selects and ignores, comments on a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from bb8deploy.base.findings import Finding, Level
from bb8deploy.catalogue.errors.validate import RULE_UNKNOWN, VALIDATE_SETTING_INVALID
from bb8deploy.catalogue.rule_definitions.all_rules import found, rules
from bb8deploy.catalogue.rule_definitions.rule_definition import RuleArea

FailOn = Literal["error", "warning", "note", "never"]
FAIL_ON = ("error", "warning", "note", "never")
_COMMENT = re.compile(r"#\s*bb8deploy:\s*ignore\[([A-Z0-9_,\s]*)\]")
_LEVELS = (Level.ERROR, Level.WARNING, Level.NOTE)
_RELEASE = re.compile(r"20\d\d\.\d{1,2}(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Selection:
    """The settings of a project for rules. `source` is their file, relative to the repository.

    `select` and `ignore` hold codes and areas; an empty `select` means all. `per_folder` maps patterns of
    folders to what is ignored there. `target` is the oldest Supervisor that must take the config, "" for any.
    `extra_ignore` comes from the command line; `report_unused` asks for a warning about the others.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    per_folder: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fail_on: FailOn = "error"
    target: str = ""
    source: str = ""
    extra_ignore: tuple[str, ...] = ()
    report_unused: bool = True

    def keeps(self, code: str) -> bool:
        """Whether `select` lets findings of this code through."""
        return not self.select or names(code, self.select) != ""


@dataclass(frozen=True, slots=True)
class Selected:
    """Findings that count, and those that were ignored, each with the ignore that did it."""

    findings: tuple[Finding, ...]
    ignored: tuple[tuple[Finding, str], ...] = ()


def names(code: str, words: Iterable[str]) -> str:
    """The first of `words` (codes, areas, ALL) that means `code`, "" if none does."""
    rule = rules().get(code)
    area = rule.area.value if rule else ""
    return next((word for word in words if word in (code, area, "ALL")), "")


def read_selection(table: Mapping[str, object], source: str) -> Selection:
    """Reads `[tool.bb8deploy.validate]`; raises UsageError for what it cannot mean."""
    known = {"select", "ignore", "per-folder-ignores", "fail-on", "target-supervisor"}
    for key in table:
        if key not in known:
            raise VALIDATE_SETTING_INVALID(f"{source} has the unknown key `{key}` for validate")
    per_folder = table.get("per-folder-ignores", {})
    if not isinstance(per_folder, Mapping):
        raise VALIDATE_SETTING_INVALID(f"`per-folder-ignores` of {source} is not a table")
    return Selection(
        select=_codes(table.get("select", []), "select", source),
        ignore=_codes(table.get("ignore", []), "ignore", source),
        per_folder=tuple((str(k), _codes(v, "per-folder-ignores", source)) for k, v in per_folder.items()),
        fail_on=_fail_on(table.get("fail-on", "error"), source),
        target=_target(table.get("target-supervisor", ""), source),
        source=source,
    )


def _codes(value: object, key: str, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise VALIDATE_SETTING_INVALID(f"`{key}` of {source} is not a list of codes")
    for one in value:
        check_code(one, f"`{key}` of {source}")
    return tuple(value)


def check_code(word: str, where: str) -> None:
    """Raises UsageError if `word` is neither a code, an area nor ALL."""
    if word not in rules() and word not in list(RuleArea) and word != "ALL":
        raise RULE_UNKNOWN(f"{where} names {word}, which is neither a rule nor an area")


def _fail_on(value: object, source: str) -> FailOn:
    for known in FAIL_ON:
        if value == known:
            return known  # type: ignore[return-value]  # mypy does not narrow the items of the tuple
    raise VALIDATE_SETTING_INVALID(f"`fail-on` of {source} is not one of {', '.join(FAIL_ON)}")


def _target(value: object, source: str) -> str:
    if isinstance(value, str) and (not value or _RELEASE.fullmatch(value)):
        return value
    raise VALIDATE_SETTING_INVALID(f'`target-supervisor` of {source} is not a release such as "2026.04"')


def fails(findings: Iterable[Finding], fail_on: FailOn) -> list[Finding]:
    """The findings that fail the run."""
    if fail_on == "never":
        return []
    failing = _LEVELS[: FAIL_ON.index(fail_on) + 1]
    return [finding for finding in findings if finding.level in failing]


@dataclass(slots=True)
class Comments:
    """The ignore comments of one app's files: path and line to codes, with those that have been used."""

    root: Path
    by_path: dict[str, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    alone: set[tuple[str, int]] = field(default_factory=set)
    used: set[tuple[str, int, str]] = field(default_factory=set)

    @classmethod
    def read(cls, root: Path, contents: Mapping[str, bytes]) -> Comments:
        """Finds every comment in files of bounded size; JSON has none."""
        result = cls(root)
        for path, data in contents.items():
            if b"bb8deploy:" not in data or path.endswith((".json", ".md")) or b"\0" in data:
                continue
            for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
                for comment in _COMMENT.finditer(line):
                    codes = tuple(code.strip() for code in comment[1].split(",") if code.strip())
                    result.by_path.setdefault(path, {})[number] = codes
                    if not line[: comment.start()].strip():
                        result.alone.add((path, number))
        return result

    def covers(self, finding: Finding) -> str:
        """The place of the comment that ignores a finding, "" if there is none.

        A comment counts for its own line, alone on a line for the next one, too; a finding about a whole
        file takes a comment on any line.
        """
        for number, codes in self.by_path.get(finding.path, {}).items():
            near = finding.line is None or finding.line == number
            below = (finding.path, number) in self.alone and finding.line == number + 1
            if finding.code in codes and (near or below):
                self.used.add((finding.path, number, finding.code))
                return f"{finding.path}:{number}"
        return ""

    def unused(self, skipped: frozenset[str] = frozenset()) -> Iterator[Finding]:
        """A warning for each code of a comment that ignored nothing."""
        for path, lines in self.by_path.items():
            for number, codes in lines.items():
                for code in codes:
                    if (path, number, code) not in self.used and code not in skipped:
                        message = f"nothing is found for `ignore[{code}]`"
                        yield found("IGNORE_UNUSED", message, path, (number, 1))


def apply(findings: Sequence[Finding], selection: Selection, comments: Comments, folder: str) -> Selected:
    """The findings that count for the app in `folder` (relative to the repository)."""
    kept: list[Finding] = []
    ignored: list[tuple[Finding, str]] = []
    local = tuple(
        (pattern, codes) for pattern, codes in selection.per_folder if fnmatchcase(folder or ".", pattern)
    )
    for finding in findings:
        if not selection.keeps(finding.code):
            ignored.append((finding, "select"))
        elif why := _ignored(finding, selection, local, comments):
            ignored.append((finding, why))
        else:
            kept.append(finding)
    skipped = frozenset(code for code in rules() if not selection.keeps(code))
    kept += [one for one in comments.unused(skipped) if selection.keeps(one.code)]
    return Selected(tuple(kept), tuple(ignored))


def _ignored(
    finding: Finding,
    selection: Selection,
    local: tuple[tuple[str, tuple[str, ...]], ...],
    comments: Comments,
) -> str:
    if word := names(finding.code, selection.extra_ignore):
        return f"--ignore {word}"
    if word := names(finding.code, selection.ignore):
        return f"ignore {word}"
    for pattern, codes in local:
        if word := names(finding.code, codes):
            return f"per-folder-ignores {pattern} {word}"
    return comments.covers(finding)


def unused_settings(selection: Selection, used: Iterable[str]) -> Iterator[Finding]:
    """A warning for each ignore of the project's settings that ignored nothing in any app."""
    if not selection.report_unused:
        return
    spent = set(used)
    for word in selection.ignore:
        if f"ignore {word}" not in spent:
            yield found("IGNORE_UNUSED", f"nothing is found for `ignore` of {word}", selection.source)
    for pattern, codes in selection.per_folder:
        for word in codes:
            if f"per-folder-ignores {pattern} {word}" not in spent:
                message = f"nothing is found for `per-folder-ignores` of {pattern}: {word}"
                yield found("IGNORE_UNUSED", message, selection.source)
