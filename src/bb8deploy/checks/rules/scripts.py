"""Shell scripts: a shebang, unix line ends, the run bit, an exec at the end, and shellcheck's opinion."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.facts import AddonFacts

SHELLCHECK_DEADLINE = 60.0
MAX_SHELLCHECKED = 200
_ENTRY = re.compile(r"^(rootfs/etc/)?(services\.d|s6-overlay/s6-rc\.d)/[^/]+/(run|finish)$")
_SHELLS = re.compile(rb"^#!.*\b(sh|bash|dash|ash|ksh|bashio)\b")
_BRIDGE = re.compile(r"^exec\s+\S*\$\{?VIRTUAL_ENV\S*/bin/python\S*\s+-m\s+bb8_core\.main\b")
_LEVELS = {"error": Level.ERROR, "warning": Level.WARNING, "info": Level.NOTE, "style": Level.NOTE}


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every script rule."""
    scripts = [path for path in facts.contents if is_script(facts, path)]
    for path in scripts:
        yield from _form(facts, path)
    if facts.profile == "bb8":
        yield from _bridge_entry(facts)
        yield from _services(facts)
    windows = {path for path in scripts if b"\r\n" in facts.contents[path]}
    yield from (one for one in _shellcheck(facts, scripts) if not (one.path in windows and _is_return(one)))


def _is_return(finding: Finding) -> bool:
    """Whether shellcheck complains of a line's end, of which SCRIPT_CRLF has told already."""
    return finding.message.startswith("SC1017:")


def is_script(facts: AddonFacts, path: str) -> bool:
    """A shell script by its name, its place or its first line."""
    return (
        path.endswith((".sh", ".bash"))
        or bool(_ENTRY.match(path))
        or bool(_SHELLS.match(facts.contents[path][:80]))
    )


def _starts_container(path: str) -> bool:
    return path == "run.sh" or bool(_ENTRY.match(path))


def _form(facts: AddonFacts, path: str) -> Iterator[Finding]:
    data = facts.contents[path]
    entry = _starts_container(path)
    level = Level.ERROR if entry else Level.WARNING
    if entry and not data.startswith(b"#!"):
        hint = "Begin with #!/usr/bin/env bash or #!/usr/bin/with-contenv bash."
        yield Finding("SCRIPT_NO_SHEBANG", level, "the script has no first line with #!", path, 1, 1, hint)
    if b"\r\n" in data:
        line = data.count(b"\n", 0, data.index(b"\r\n")) + 1
        hint = "Save it with unix line ends; `validate --fix` does that."
        message = "the script has Windows line ends; Linux then looks for an interpreter named with `\\r`"
        yield Finding("SCRIPT_CRLF", level, message, path, line, hint=hint)
    if entry and not facts.files[path].executable:
        hint = "Set the run bit (chmod +x); `validate --fix` does that."
        yield Finding("SCRIPT_NOT_EXECUTABLE", facts.strict, "the script has no run bit", path, hint=hint)


def _commands(text: str) -> list[tuple[int, str]]:
    lines = ((n, line.strip()) for n, line in enumerate(text.splitlines(), 1))
    return [(n, line) for n, line in lines if line and not line.startswith("#")]


def _bridge_entry(facts: AddonFacts) -> Iterator[Finding]:
    commands = _commands(facts.text("run.sh"))
    if not commands:
        return
    number, last = commands[-1]
    if not _BRIDGE.match(last.replace('"', "")):
        message = "run.sh does not end in an exec of the venv's python with `-m bb8_core.main`"
        hint = 'End it with: exec "${VIRTUAL_ENV:-/opt/venv}/bin/python" -m bb8_core.main'
        yield Finding("RUN_SH_NO_EXEC", Level.ERROR, message, "run.sh", number, hint=hint)


def _services(facts: AddonFacts) -> Iterator[Finding]:
    for path in facts.contents:
        if not (_ENTRY.match(path) and path.endswith("/run")):
            continue
        if not any(re.match(r"exec\s", line) for _number, line in _commands(facts.text(path))):
            message = "the service does not exec its program, so s6 cannot stop it"
            yield Finding("SERVICE_NO_EXEC", Level.ERROR, message, path, hint="Start the program with exec.")


def _shellcheck(facts: AddonFacts, scripts: list[str]) -> Iterator[Finding]:
    if not scripts:
        return
    if not shutil.which("shellcheck"):
        message = "SKIPPED: shellcheck is not installed, so the scripts' content was not checked"
        hint = "Install shellcheck to have it looked at."
        yield Finding("SHELLCHECK_SKIPPED", Level.NOTE, message, hint=hint)
        return
    if len(scripts) > MAX_SHELLCHECKED:
        message = f"SKIPPED: only {MAX_SHELLCHECKED} of {len(scripts)} scripts went through shellcheck"
        hint = "Run shellcheck on the others by hand."
        yield Finding("SHELLCHECK_SKIPPED", Level.NOTE, message, hint=hint)
    contenv = {path for path in scripts if re.match(rb"#!.*(with-contenv|bashio)", facts.contents[path][:80])}
    for names, options in ((set(scripts) - contenv, []), (contenv, ["--shell=bash"])):
        chosen = sorted(names)[:MAX_SHELLCHECKED]
        if chosen:
            yield from _opinions(facts.root, chosen, options)


def _opinions(root: Path, scripts: list[str], options: list[str]) -> Iterator[Finding]:
    command = ["shellcheck", "--format=json1", "--norc", *options, "--", *(f"./{path}" for path in scripts)]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, timeout=SHELLCHECK_DEADLINE, check=False
        )
        comments = json.loads(done.stdout)["comments"]
    except (OSError, subprocess.TimeoutExpired, ValueError, KeyError):
        message = "SKIPPED: shellcheck did not answer, so the scripts' content was not checked"
        hint = "Run shellcheck by hand to see why."
        yield Finding("SHELLCHECK_SKIPPED", Level.NOTE, message, hint=hint)
        return
    for row in comments:
        hint = f"shellcheck's page SC{row['code']} explains it."
        message = f"SC{row['code']}: {row['message']}"
        level = _LEVELS.get(row["level"], Level.NOTE)
        path = row["file"].removeprefix("./")
        yield Finding("SCRIPT_SHELLCHECK", level, message, path, row["line"], row["column"], hint)
