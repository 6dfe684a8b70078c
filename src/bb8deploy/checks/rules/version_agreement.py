"""One version everywhere: config, package, image label and changelog agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.app_facts import AddonFacts

_HEADING = re.compile(r"^##\s+\[?v?([0-9][\w.\-+]*)\]?", re.MULTILINE)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every place that names a version, compared with the config."""
    version = facts.raw.get("version")
    if not facts.config or not facts.config.readable or not isinstance(version, str):
        return
    from bb8deploy.base.errors import Bb8Error
    from bb8deploy.workspace.versions.version_places import stamps

    wanted = str(version)
    try:
        found = stamps(facts.root)
    except (Bb8Error, OSError, ValueError) as error:
        message = f"the places that name the version cannot be compared: {error}"
        hint = "Fix the file that is named here."
        yield facts.found("VERSION_DIFFERS", message, facts.config.path, hint=hint)
        return
    for stamp in found:
        path = stamp.path.relative_to(facts.root).as_posix()
        if stamp.says != wanted and path != facts.config.path:
            yield _differs(facts, path, stamp.says, wanted, _line(facts.text(path), stamp.start))
    heading = _HEADING.search(facts.text("CHANGELOG.md")) if facts.profile == "bb8" else None
    if heading and heading[1] != wanted:
        line = _line(facts.text("CHANGELOG.md"), heading.start(1))
        yield _differs(facts, "CHANGELOG.md", heading[1], wanted, line)


def _differs(facts: AddonFacts, path: str, says: str, wanted: str, line: int) -> Finding:
    message = f"the version here is {says}, in the config it is {wanted}"
    level = Level.WARNING if path == "CHANGELOG.md" else None
    return facts.found("VERSION_DIFFERS", message, path, (line, None), level=level)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
