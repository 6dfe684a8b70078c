"""Whether an app's own AppArmor profile lets the launcher start.

Source: apparmor.d(5), the sections on globbing and on access modes.
"""

from __future__ import annotations

import re

from bb8deploy.base.seal_paths import LAUNCHER

_RULE = re.compile(r'^(?P<path>"?[/@{][^\s"]*"?)\s+(?P<modes>[a-zA-Z]+)(?:\s*->.*)?\s*,$')
_PLAIN_FILE = re.compile(r"^(?:allow\s+)?(?:file|allow all|all)\s*,$")


def allows_launcher(profile: str) -> bool:
    """Whether a rule of the profile allows reading and executing the launcher's path.

    Rules of a child profile do not count: the container starts in its parent.
    """
    modes, depth = set(), 0
    for line in profile.splitlines():
        bare = line.partition("#")[0].strip()
        depth += bare.endswith("{") - (bare == "}")
        if depth > 1:
            continue
        if _PLAIN_FILE.match(bare):
            return True
        found = _RULE.match(bare.removeprefix("allow ").removeprefix("owner "))
        if found and re.fullmatch(_glob(found["path"].strip('"')), LAUNCHER):
            modes |= set(found["modes"])
    return {"r", "x"} <= modes


def _glob(pattern: str) -> str:
    parts, at, depth = [], 0, 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            parts.append(".*")
            at += 1
        elif char == "[" and (end := pattern.find("]", at + 2)) > 0:
            parts.append(pattern[at : end + 1])
            at = end
        elif char in "{}":
            depth += 1 if char == "{" else -1
            parts.append("(?:" if char == "{" else ")")
        elif char == "," and depth:
            parts.append("|")
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        at += 1
    return "".join(parts) if depth == 0 else r"(?!)"
