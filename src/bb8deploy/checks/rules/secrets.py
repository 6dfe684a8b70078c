"""Secrets that would travel with the add-on: tokens, private keys, secrets files that git knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.reading.facts import AddonFacts

_JWT = re.compile(rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=:]{16}")
_WHAT = (
    (_JWT, "SECRET_TOKEN", "what looks like an access token stands here", "eyJ"),
    (_KEY, "SECRET_KEY", "a private key stands here", "-----BEGIN"),
)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every secret rule; the secret itself is never repeated."""
    for path, data in facts.contents.items():
        for pattern, code, message, mark in _WHAT:
            found = pattern.search(data) if mark.encode() in data else None
            if found:
                line = data.count(b"\n", 0, found.start()) + 1
                hint = "Remove it, make it invalid where it was issued, and keep it in .env or the options."
                yield Finding(code, Level.ERROR, message, path, line, hint=hint)
    for path in facts.tracked_secrets:
        message = f"{path} of the workspace is tracked by git"
        hint = f"Run git rm --cached {path}, add it to .gitignore, and renew what it held."
        yield Finding("SECRETS_TRACKED", Level.ERROR, message, hint=hint)
