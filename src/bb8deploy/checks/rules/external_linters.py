"""Findings of the shellcheck and hadolint that are installed beside Python; they never make a run fail."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.app_facts import AddonFacts
from bb8deploy.checks.rules.shell_scripts import is_script

DEADLINE = 60.0  # seconds
MAX_SCRIPTS = 200
# The shells that shellcheck knows, and bashio, which is bash.
_KNOWN = re.compile(
    rb"^#!\s*(?:\S*/env\s+(?:-S\s*)?|\S*/with-contenv\s+|/command/with-contenv\s+)?\S*?(sh|bash|dash|ash|ksh|bashio)\s*(?:-\w+\s*)*\r?$"
)
_BASH = re.compile(rb"^#!.*(with-contenv|bashio)")
_UNREADABLE = range(1000, 2000)  # SC1xxx: the shell itself cannot read the file, or may not mean what it says


def check(facts: AddonFacts) -> Iterator[Finding]:
    """The opinions about every shell script and every Dockerfile."""
    scripts = [path for path, data in facts.contents.items() if _is_shell(path, data)]
    windows = {path for path in scripts if b"\r\n" in facts.contents[path]}
    for finding in _shellcheck(facts, scripts):
        if not (finding.path in windows and finding.message.startswith("SC1017:")):
            yield finding
    yield from _hadolint(facts)


def _is_shell(path: str, data: bytes) -> bool:
    """The first line decides: a program of another language is none, whatever its path."""
    return is_script(path, data) and bool(_KNOWN.match(data[:120].split(b"\n", 1)[0].rstrip()))


def _shellcheck(facts: AddonFacts, scripts: list[str]) -> Iterator[Finding]:
    if not scripts:
        return
    program = _beside("shellcheck")
    if program is None:
        message = "SKIPPED: shellcheck is not installed, so the content of the scripts was not checked"
        yield facts.found("SHELLCHECK_SKIPPED", message)
        return
    if len(scripts) > MAX_SCRIPTS:
        message = f"SKIPPED: only {MAX_SCRIPTS} of {len(scripts)} scripts were checked with shellcheck"
        yield facts.found("SHELLCHECK_SKIPPED", message, hint="Run shellcheck on the others.")
    bash = {path for path in scripts if _BASH.match(facts.contents[path][:120])}
    for names, options in ((set(scripts) - bash, []), (bash, ["--shell=bash"])):
        chosen = sorted(names)[:MAX_SCRIPTS]
        if chosen:
            yield from _opinions(facts, chosen, [program, *options])


def _opinions(facts: AddonFacts, scripts: list[str], words: list[str]) -> Iterator[Finding]:
    command = [*words, "--format=json1", "--norc", "--severity=warning", "--"]
    answer = _answer([*command, *(f"./{path}" for path in scripts)], facts.root)
    rows = answer.get("comments") if isinstance(answer, dict) else None
    if rows is None:
        message = "SKIPPED: shellcheck did not answer, so the content of the scripts was not checked"
        yield facts.found("SHELLCHECK_SKIPPED", message, hint="Run shellcheck to see why.")
        return
    for row in rows:
        unreadable = row["level"] == "error" and row["code"] in _UNREADABLE
        level = Level.WARNING if unreadable else Level.NOTE
        hint = f"See shellcheck's page SC{row['code']}."
        message = f"SC{row['code']}: {row['message']}"
        place = (row["line"], row["column"])
        path = row["file"].removeprefix("./")
        yield facts.found("SCRIPT_SHELLCHECK", message, path, place, level=level, hint=hint)


def _hadolint(facts: AddonFacts) -> Iterator[Finding]:
    program = _beside("hadolint")
    if not facts.dockerfiles or program is None:
        return
    names = [f"./{one.path}" for one in facts.dockerfiles]
    rows = _answer([program, "--no-fail", "--format", "json", *names], facts.root)
    for row in rows if isinstance(rows, list) else []:
        path = row["file"].removeprefix("./")
        yield facts.found(
            "HADOLINT",
            f"{row['code']}: {row['message']}",
            path,
            (row["line"], row["column"]),
            level=Level.NOTE,
        )


def _beside(name: str) -> str | None:
    """A program in the folder of the running Python: one on PATH depends on the machine."""
    return shutil.which(name, path=str(Path(sys.executable).parent))


def _answer(command: list[str], root: Path) -> object:
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=DEADLINE, check=False)
        return json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
