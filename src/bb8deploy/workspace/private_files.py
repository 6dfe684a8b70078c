"""Private files: what never leaves the workspace by sync, publish or image, by name and by content."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Literal

NAMES = (
    "secrets.yaml",
    ".env",
    ".env.*",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ecdsa_sk",
    "id_ed25519",
    "id_ed25519_sk",
    "*.ppk",
    "*.p12",
    "*.pfx",
    ".netrc",
    ".git-credentials",
)
"""Names of files, in any folder, that hold passwords, tokens or private keys."""
TEMPLATES = (".env.example", ".env.sample", ".env.template", ".env.dist")
"""Names that `NAMES` covers, of files that show which settings exist and hold no secret."""

_TOKEN = re.compile(rb"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}")
# RFC 7468 and OpenSSH; headers such as `Proc-Type: 4,ENCRYPTED` may follow the first line (RFC 1421).
_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s+"
    rb"(?:[A-Za-z-]+: [^\r\n]*\s+)*[A-Za-z0-9+/=:]{16}"
)
_PUTTY = re.compile(rb"^PuTTY-User-Key-File-\d:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PrivateContent:
    """A token or private key in a file: its kind and the offset of its first byte, never its text."""

    kind: Literal["token", "key"]
    offset: int


def is_private_name(path: str) -> bool:
    """True if the last part of `path` is the name of a private file."""
    name = path.rpartition("/")[2]
    return name not in TEMPLATES and any(fnmatch.fnmatchcase(name, pattern) for pattern in NAMES)


def private_content(data: bytes) -> list[PrivateContent]:
    """The first access token (a JSON web token) and the first private key in a file's content."""
    found: list[PrivateContent] = []
    # A plain search is much faster than a pattern, and almost every file ends with it.
    if b"eyJ" in data and (token := _TOKEN.search(data)):
        found.append(PrivateContent("token", token.start()))
    if (key := _key(data)) is not None:
        found.append(PrivateContent("key", key))
    return found


def _key(data: bytes) -> int | None:
    """The offset of the first private key."""
    for mark, pattern in ((b"PRIVATE KEY", _KEY), (b"PuTTY-User-Key-File-", _PUTTY)):
        if mark in data and (found := pattern.search(data)):
            return found.start()
    return None
