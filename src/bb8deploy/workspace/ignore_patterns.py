"""Which paths are never sent: rsync's exclude-from patterns with rsync's own meaning.

Source of the meaning: rsync(1), section "PATTERN MATCHING RULES", and `rule_matches` in rsync's exclude.c.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from bb8deploy.base.user_files import is_there, read_user_text
from bb8deploy.catalogue.errors.workspace import IGNORE_UNREADABLE
from bb8deploy.workspace.private_files import NAMES, TEMPLATES

SOURCE = Path("ops/rsync_runtime.exclude")
STATE = ".bb8deploy"
"""The folder beside the app folders on a host: earlier trees, trees that are being made, locks."""
ALWAYS = (*NAMES, STATE)
"""Never sent, even if the rules of a workspace include it."""
LITTER = (
    ".DS_Store",
    "._*",
    ".AppleDouble",
    ".apdisk",
    "Thumbs.db",
    "desktop.ini",
    ".smbdelete*",
    ".fuse_hidden*",
    ".nfs0*",
)
"""Files that file managers and file systems create by themselves, above all on shares."""
DEFAULT = "\n".join(
    (
        ".git",
        ".git*",
        *LITTER,
        "__pycache__",
        "*.pyc",
        "*.pyo",
        ".venv",
        "*.egg-info",
        ".coverage",
        "htmlcov",
        ".pytest_cache",
        ".ruff_cache",
        ".mypy_cache",
        ".hypothesis",
        "",
    )
)
"""The rules of a workspace without a file of its own."""


@dataclass(frozen=True)
class IgnoreRule:
    """One include or exclude line: a pattern, whether it means folders only, and how it is anchored."""

    pattern: str
    exclude: bool
    folders_only: bool

    @classmethod
    def parse(cls, line: str) -> IgnoreRule:
        """Reads `pattern`, `- pattern` or `+ pattern`; a trailing slash means folders only."""
        exclude = True
        if line[:2] in {"+ ", "- "}:
            exclude, line = line[0] == "-", line[2:]
        folders_only = len(line) > 1 and line.endswith("/")
        return cls(line[:-1] if folders_only else line, exclude, folders_only)

    @property
    def line(self) -> str:
        """The rule as a line of an exclude-from file."""
        return f"{'-' if self.exclude else '+'} {self.pattern}{'/' if self.folders_only else ''}"

    def matches(self, path: str, *, is_dir: bool) -> bool:
        """True if this rule matches `path` in rsync's way (relative, forward slashes)."""
        if self.folders_only and not is_dir:
            return False
        names = [f"{path}/", path] if is_dir and self.pattern.endswith("/***") else [path]
        return any(self._regex.fullmatch(_bytes(text)) for name in names for text in self._candidates(name))

    @cached_property
    def expression(self) -> str:
        """A regular expression for `/` and the path of each file that this rule fits."""
        inner = _translate(_bytes(self.pattern.removeprefix("/")))
        if self._anchored:
            return f"/{inner}"
        return inner if self.pattern.startswith("**") else f".*/{inner}"

    @cached_property
    def _anchored(self) -> bool:
        return self.pattern.startswith("/")

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(_translate(_bytes(self.pattern.removeprefix("/"))), re.DOTALL)

    def _candidates(self, name: str) -> list[str]:
        """The parts of `name` that the pattern is held against."""
        slashes, deep = self.pattern.count("/"), "**" in self.pattern
        if self._anchored:
            return [name]
        if self.pattern.startswith("**"):
            return ["/" + name]
        if deep:
            return _suffixes(name)
        return ["/".join(name.split("/")[-(slashes + 1) :])] if name.count("/") >= slashes else []


@dataclass(frozen=True)
class Ignore:
    """The rules in order: the first that matches decides; everything in an ignored folder is ignored."""

    rules: tuple[IgnoreRule, ...]
    _decided: dict[tuple[str, bool], bool] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _folders: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    @staticmethod
    @lru_cache(maxsize=8)
    def parse(text: str) -> Ignore:
        """Reads an exclude-from file: one rule a line, `#` and `;` comments, `!` forgets the rules so far.

        The same text gives the same object, so that the hosts of a rollout share what it has decided.
        """
        rules: list[IgnoreRule] = []
        for line in re.split(r"[\r\n]", text):
            if not line or line[0] in "#;":
                continue
            if line == "!":
                rules.clear()
                continue
            rules.append(IgnoreRule.parse(line))
        return Ignore((*_always(rules), *rules))

    @classmethod
    def of_workspace(cls, workspace: Path) -> Ignore:
        """The rules of a checkout: its ops/rsync_runtime.exclude, else the built-in ones.

        If the checkout is an app itself, the reports of bb8deploy are in it and stay at home. Raises
        UsageError if the file cannot be read.
        """
        text = _text(workspace / SOURCE)
        is_app = (workspace / "config.yaml").is_file() and not (workspace / "addon").is_dir()
        return cls.parse(f"{text}\n/reports/" if is_app else text)

    def text(self) -> str:
        """The rules as an exclude-from file."""
        return "".join(f"{rule.line}\n" for rule in self.rules)

    def ignored(self, path: str, *, is_dir: bool) -> bool:
        """True if `path` or a folder above it is excluded."""
        above = path.rpartition("/")[0]
        if above and self._inside(above):
            return True
        return self._excluded(path, is_dir=is_dir)

    def ignores_file(self, path: str) -> bool:
        """True if the file `path` or a folder above it is excluded."""
        return self.ignored(path, is_dir=False)

    def _inside(self, folder: str) -> bool:
        """True if everything in `folder` is ignored."""
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self.ignored(folder, is_dir=True)
        return known

    def _excluded(self, path: str, *, is_dir: bool) -> bool:
        if not is_dir and not self._any.fullmatch(_bytes(f"/{path}")):
            return False
        known = self._decided.get((path, is_dir))
        if known is None:
            known = next((rule.exclude for rule in self.rules if rule.matches(path, is_dir=is_dir)), False)
            self._decided[path, is_dir] = known
        return known

    @cached_property
    def _any(self) -> re.Pattern[str]:
        """All rules for files as one expression: most files match none of them."""
        return re.compile(
            "|".join(rule.expression for rule in self.rules if not rule.folders_only), re.DOTALL
        )


def _text(file: Path) -> str:
    if not is_there(file):
        return DEFAULT
    try:
        return read_user_text(file)
    except OSError as error:
        raise IGNORE_UNREADABLE(f"{file.name} cannot be read: {error.strerror}") from error


def is_litter(name: str) -> bool:
    """True for a file that a file manager or file system created by itself."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in LITTER)


def _always(rules: Sequence[IgnoreRule]) -> Iterator[IgnoreRule]:
    """The rules that come first; a template of a private file is sent unless the workspace excludes it."""
    for name in TEMPLATES:
        said = next((rule for rule in rules if rule.matches(name, is_dir=False)), None)
        if said is None or not said.exclude:
            yield IgnoreRule(name, exclude=False, folders_only=False)
    for name in ALWAYS:
        yield IgnoreRule(name, exclude=True, folders_only=False)


def _bytes(text: str) -> str:
    """One character for each byte, because rsync's `?` and sets match bytes."""
    return os.fsencode(text).decode("latin-1")


def _suffixes(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[n:]) for n in range(len(parts))]


def _translate(pattern: str) -> str:
    """rsync's wildmatch as a regular expression; a backslash escapes only in a pattern with a wildcard."""
    if not re.search(r"[*?\[]", pattern):
        return re.escape(pattern)
    out, at = [], 0
    while at < len(pattern):
        piece, at = _piece(pattern, at)
        out.append(piece)
    return "".join(out)


def _piece(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at]
    if char == "*":
        end = at
        while end < len(pattern) and pattern[end] == "*":
            end += 1
        return (".*" if end - at > 1 else "[^/]*"), end
    if char == "?":
        return "[^/]", at + 1
    if char == "\\" and at + 1 < len(pattern):
        return re.escape(pattern[at + 1]), at + 2
    if char == "[":
        return _bracket(pattern, at)
    return re.escape(char), at + 1


_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "xdigit": "0-9a-fA-F",
    "punct": r"!-/:-@\[-`{-~",
}


def _bracket(pattern: str, at: int) -> tuple[str, int]:
    """A `[...]` set; it never matches a slash, and one that is not closed matches nothing."""
    end = at + 1
    negated = pattern[end : end + 1] in {"!", "^"} and bool(pattern[end : end + 1])
    end += negated
    body, first = "", True
    while end < len(pattern) and (first or pattern[end] != "]"):
        first = False
        named = re.match(r"\[:([a-z]+):\]", pattern[end:])
        if named and named[1] in _CLASSES:
            body, end = body + _CLASSES[named[1]], end + len(named[0])
            continue
        if pattern[end] == "\\" and end + 1 < len(pattern):
            end += 1
        body += pattern[end] if pattern[end] == "-" else re.escape(pattern[end])
        end += 1
    if end >= len(pattern):
        return "(?!)", len(pattern)
    return f"(?!/)[{'^' if negated else ''}{body}]", end + 1
