"""What can be mended without a decision: run bits, line ends, the version's quotes, an empty `map:`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.atomic import write_bytes
from bb8deploy.base.findings import Finding
from bb8deploy.checks.mode import Mode
from bb8deploy.checks.reading.facts import AddonFacts, gather
from bb8deploy.checks.reading.source import Source, parse_source
from bb8deploy.checks.rules.scripts import check as check_scripts


@dataclass(frozen=True, slots=True)
class Fix:
    """One file before and after, with its run bit, and in words what changes."""

    path: str
    before: bytes
    after: bytes
    executable_before: bool
    executable: bool
    description: str

    def diff(self) -> str:
        """The change as a unified diff, with git's lines for a run bit; "" where nothing changes."""
        old, new = (_lines(data) for data in (self.before, self.after))
        head = (
            f"diff --git a/{self.path} b/{self.path}\nold mode 100644\nnew mode 100755\n"
            if self.executable and not self.executable_before
            else ""
        )
        body = difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}")
        return head + "".join(line.replace("\r\n", "^M\n") for line in body)


def _lines(data: bytes) -> list[str]:
    """Lines with their ends; a last one without an end says so, as git's diffs do."""
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def plan_fixes(addon: Path) -> Iterator[Fix]:
    """Every safe fix of the add-on in `addon`, one for each file; nothing is written."""
    facts = gather(addon, workspace=None, profile="bb8", mode=Mode.LOCAL_DEV)
    found: dict[str, list[Finding]] = {}
    for finding in check_scripts(facts):
        if finding.code in {"SCRIPT_CRLF", "SCRIPT_NOT_EXECUTABLE"}:
            found.setdefault(finding.path, []).append(finding)
    for path in sorted(found):
        yield _script(facts, path, {finding.code for finding in found[path]})
    if facts.config and facts.config.readable and not facts.config.path.endswith(".json"):
        yield from _config(facts, facts.config)


def apply_fixes(addon: Path, fixes: Iterable[Fix]) -> None:
    """Writes the fixes, each file in one step."""
    for fix in fixes:
        mode = (addon / fix.path).stat().st_mode & 0o777
        write_bytes(addon / fix.path, fix.after, mode=mode | 0o111 if fix.executable else mode)


def _script(facts: AddonFacts, path: str, codes: set[str]) -> Fix:
    before = facts.contents[path]
    after = before.replace(b"\r\n", b"\n") if "SCRIPT_CRLF" in codes else before
    words = [
        *(["unix line ends"] if after != before else []),
        *(["run bit"] if "SCRIPT_NOT_EXECUTABLE" in codes else []),
    ]
    had = facts.files[path].executable
    return Fix(path, before, after, had, had or "SCRIPT_NOT_EXECUTABLE" in codes, " and ".join(words))


def _config(facts: AddonFacts, config: Source) -> Iterator[Fix]:
    before = facts.contents[config.path]
    after = before
    words: list[str] = []
    for key, change, what in (
        ("version", _quoted_version, "quotes around the version"),
        ("map", _empty_map, "`map:` as an empty list"),
    ):
        source = parse_source(after, config.path)
        if not isinstance(source.data, dict) or key not in source.data:
            continue
        changed = change(source, source.data[key])
        if changed is not None and _only(source, changed, key):
            after = changed.encode()
            words.append(what)
    if after != before:
        run_bit = facts.files[config.path].executable
        yield Fix(config.path, before, after, run_bit, run_bit, " and ".join(words))


def _quoted_version(source: Source, value: object) -> str | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return _replace(source, "version", lambda text: f'"{text}"')


def _empty_map(source: Source, value: object) -> str | None:
    return _replace(source, "map", lambda _text: "[]") if value is None else None


def _replace(source: Source, key: str, change: Callable[[str], str]) -> str | None:
    """The text with the scalar behind `key:` on its own line changed; what follows on the line stays."""
    line, column = source.keys.get((key,), (0, 0))
    lines = source.text.splitlines(keepends=True)
    if not line or column != 1:
        return None
    head, colon, rest = lines[line - 1].partition(":")
    bare = rest.split(" #")[0].strip()
    comment = rest[rest.index(" #") :] if " #" in rest else rest[len(rest.rstrip("\r\n")) :]
    lines[line - 1] = f"{head}{colon} {change(bare)}{comment}"
    return "".join(lines)


def _only(source: Source, text: str, key: str) -> bool:
    """Whether the changed text differs from the data in `key` alone; a fix that does more is no fix."""
    changed = parse_source(text.encode(), source.path)
    if not changed.readable or not isinstance(changed.data, dict):
        return False
    return {k: v for k, v in changed.data.items() if k != key} == {
        k: v for k, v in source.data.items() if k != key
    }
