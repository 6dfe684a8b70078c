"""Secrets that would travel with the app: tokens, private keys, secrets files that git knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bb8deploy.base.findings import Finding
from bb8deploy.checks.reading.app_facts import AddonFacts

_JWT = re.compile(rb"\beyJ[A-Za-z0-9_-]{8,300}\.eyJ[A-Za-z0-9_-]{8,2000}\.[A-Za-z0-9_-]{16}")
_KEY = re.compile(rb"-----BEGIN (?:[A-Z]{1,20} ){0,4}PRIVATE KEY-----\s{1,8}[A-Za-z0-9+/=:]{16}")
_WHAT = (
    (_JWT, "SECRET_TOKEN", "this looks like an access token", b"eyJ"),
    (_KEY, "SECRET_KEY", "this is a private key", b"-----BEGIN"),
)


def check(facts: AddonFacts) -> Iterator[Finding]:
    """Every secret rule; the secret itself is never repeated."""
    for path, data in facts.contents.items():
        for pattern, code, message, mark in _WHAT:
            found = pattern.search(data) if mark in data else None
            if found:
                line = data.count(b"\n", 0, found.start()) + 1
                yield facts.found(code, message, path, (line, None))
    for path in facts.tracked_secrets:
        hint = f"Run git rm --cached {path}, add it to .gitignore, and renew every secret in it."
        yield facts.found("SECRETS_TRACKED", f"{path} of the workspace is tracked by git", hint=hint)
