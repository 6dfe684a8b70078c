"""Safe fixes, which need no decision: executable bits, line endings, the version's quotes, an empty list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.atomic_files import write_bytes
from bb8deploy.checks.fix import yaml_edit
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.reading.app_facts import AddonFacts, gather
from bb8deploy.checks.reading.yaml_json_reader import ParsedFile, parse_source
from bb8deploy.checks.rules.shell_scripts import in_image, is_script, unexecutable

# Keys that end the Supervisor's reload if they are empty, and that mean the same as an empty list.
_LISTS = ("map", "devices")


@dataclass(frozen=True, slots=True)
class Fix:
    """One file before and after, with its executable bit, and in words what changes."""

    path: str
    before: bytes
    after: bytes
    executable_before: bool
    executable: bool
    description: str

    def diff(self) -> str:
        """The change as a unified diff, with git's lines for an executable bit; "" if nothing changes."""
        import difflib

        old, new = (_lines(data) for data in (self.before, self.after))
        head = (
            f"diff --git a/{self.path} b/{self.path}\nold mode 100644\nnew mode 100755\n"
            if self.executable and not self.executable_before
            else ""
        )
        body = difflib.unified_diff(old, new, f"a/{self.path}", f"b/{self.path}")
        return head + "".join(line.replace("\r\n", "^M\n") for line in body)


def _lines(data: bytes) -> list[str]:
    """Lines with their ends; a last line without an end is marked, as in git's diffs."""
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines


def plan_fixes(addon: Path, *, profile: str = "generic") -> Iterator[Fix]:
    """Every safe fix of the app in `addon`, one for each file; nothing is written."""
    facts = gather(addon, workspace=None, profile=profile, mode=Mode.LOCAL_DEV)
    windows = {p for p, data in facts.contents.items() if b"\r\n" in data and is_script(p, data)}
    lacking = set(unexecutable(facts, in_image(facts)))
    for path in sorted((windows | lacking) - facts.links.keys()):
        yield _script(facts, path, unix=path in windows, run_bit=path in lacking)
    config = facts.config
    if config and config.readable and not config.path.endswith(".json") and config.path not in facts.links:
        yield from _config(facts, config)


def apply_fixes(addon: Path, fixes: Iterable[Fix]) -> None:
    """Writes the fixes, each file in one step."""
    for fix in fixes:
        mode = (addon / fix.path).stat().st_mode & 0o777
        write_bytes(addon / fix.path, fix.after, mode=mode | 0o111 if fix.executable else mode)


def _script(facts: AddonFacts, path: str, *, unix: bool, run_bit: bool) -> Fix:
    before = facts.contents.get(path, b"")
    after = before.replace(b"\r\n", b"\n") if unix else before
    words = [*(["unix line endings"] if unix else []), *(["executable bit"] if run_bit else [])]
    had = facts.files[path].executable
    return Fix(path, before, after, had, had or run_bit, " and ".join(words))


def _config(facts: AddonFacts, config: ParsedFile) -> Iterator[Fix]:
    text, words = fixed_config(config.text, config.path)
    if words:
        run_bit = facts.files[config.path].executable
        before = facts.contents[config.path]
        yield Fix(config.path, before, text.encode(), run_bit, run_bit, " and ".join(words))


def fixed_config(text: str, path: str) -> tuple[str, list[str]]:
    """The config's text with every safe fix, each proven by parsing, and what was done in words."""
    words: list[str] = []
    for key, change, what in (
        ("version", _quoted_version, "quotes around the version"),
        *((key, _empty_list, f"`{key}:` as an empty list") for key in _LISTS),
    ):
        changed = change(parse_source(text.encode(), path), key)
        if changed is not None:
            text = changed
            words.append(what)
    return text, words


def _quoted_version(source: ParsedFile, key: str) -> str | None:
    """The text with quotes around a number, which then reads as it is written."""
    value = source.data.get(key) if isinstance(source.data, dict) else None
    written = source.written.get((key,), "")
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not written:
        return None
    changed = yaml_edit.replace(source.text, (key,), written, f'"{written}"')
    if changed and yaml_edit.proven(source.text, changed, source.path, key, written):
        return changed
    return None


def _empty_list(source: ParsedFile, key: str) -> str | None:
    if not isinstance(source.data, dict) or key not in source.data or source.data[key] is not None:
        return None
    written = source.written.get((key,), "")
    changed = (
        yaml_edit.replace(source.text, (key,), written, "[]")
        if written
        else yaml_edit.fill(source.text, (key,), "[]")
    )
    if changed and yaml_edit.proven(source.text, changed, source.path, key, []):
        return changed
    return None
