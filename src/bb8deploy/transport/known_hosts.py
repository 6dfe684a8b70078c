"""Reads known_hosts as OpenSSH does: lines that it cannot read are skipped, never fatal.

Source: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"; sshconnect.c for the second look without the port.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
import os
import re
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bb8deploy.base.errors import Refused
from bb8deploy.base.user_files import read_user_bytes
from bb8deploy.catalogue.errors.ssh import (
    HOST_KEY_CHANGED,
    HOST_KEY_REVOKED,
    HOST_KEY_UNKNOWN,
    KNOWN_HOSTS_UNREADABLE,
    KNOWN_HOSTS_UNWRITABLE,
)

_MARKERS = ("@revoked", "@cert-authority")


class Verdict(Enum):
    """What known_hosts has about a key."""

    KNOWN = "known"
    NEW = "new"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KnownHost:
    """One usable line: its marker or empty, host patterns, key type, key, and its file and line."""

    marker: str
    hosts: str
    kind: str
    key: bytes
    place: str

    def covers(self, name: str) -> bool:
        """True if the line is about `name` (`host` or `[host]:port`), hashed or by patterns."""
        if self.hosts.startswith("|1|"):
            return _hashed_matches(self.hosts, name)
        return _patterns_match(self.hosts.split(","), name)


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """The verdict and the line that decided it, None for a new key."""

    verdict: Verdict
    line: KnownHost | None = None


class KeyUnknown(Refused):
    """A host whose key no known_hosts file has; `name` is its name there, `kind` and `key` what it offers."""

    def __init__(self, name: str, kind: str, key: bytes) -> None:
        super().__init__(
            HOST_KEY_UNKNOWN.code,
            f"the key of {name} is not known: {kind} {fingerprint(key)}",
            "Compare the fingerprint with the host's own, then run once with --accept-new.",
        )
        self.name, self.kind, self.key = name, kind, key


def fingerprint(key: bytes) -> str:
    """`SHA256:...` as `ssh-keygen -l` shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def lookup_name(host: str, port: int) -> str:
    """The name of a host in known_hosts: bare for port 22, else `[host]:port`."""
    return host.lower() if port == 22 else f"[{host.lower()}]:{port}"


def read(files: Iterable[Path]) -> list[KnownHost]:
    """Every usable line of the files that exist. Raises UsageError if one cannot be read."""
    lines: list[KnownHost] = []
    for file in files:
        try:
            text = read_user_bytes(file).decode(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise KNOWN_HOSTS_UNREADABLE(f"{file} cannot be read: {error.strerror}") from error
        found = (_parse(line, f"{file}:{n}") for n, line in enumerate(text.splitlines(), 1))
        lines.extend(line for line in found if line)
    return lines


def check(lines: list[KnownHost], host: str, port: int, kind: str, key: bytes) -> KeyAnswer:
    """What the lines have about `key`; a revoked key is revoked whatever other lines have."""
    name = lookup_name(host, port)
    answer = _check_name(lines, name, kind, key)
    if answer.verdict is Verdict.NEW and port != 22:
        bare = _check_name(lines, lookup_name(host, 22), kind, key)
        return bare if bare.verdict in {Verdict.KNOWN, Verdict.REVOKED} else answer
    return answer


def known_kinds(lines: list[KnownHost], host: str, port: int) -> list[str]:
    """The key types under which the host is known, in the files' order; they are asked for first."""
    names = {lookup_name(host, port), lookup_name(host, 22)}
    kinds = [line.kind for line in lines if not line.marker and any(line.covers(name) for name in names)]
    return list(dict.fromkeys(kinds))


def pin(file: Path, host: str, port: int, kind: str, key: bytes, *, hashed: bool) -> None:
    """Appends the key to `file`, creating it with mode 0600. Raises UsageError if that fails."""
    name = lookup_name(host, port)
    shown = _hash_name(name) if hashed else name
    row = f"{shown} {kind} {base64.b64encode(key).decode()}\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        torn = file.exists() and not file.read_bytes().endswith(b"\n") and file.stat().st_size > 0
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, (("\n" if torn else "") + row).encode())
        finally:
            os.close(handle)
    except OSError as error:
        raise KNOWN_HOSTS_UNWRITABLE(
            f"the new host key cannot be kept in {file}: {error.strerror}"
        ) from error


def refusal(answer: KeyAnswer, name: str, kind: str, key: bytes) -> Refused:
    """The error for a key that is not to be trusted, saying what was expected and what came."""
    shown = f"{kind} {fingerprint(key)}"
    if answer.verdict is Verdict.REVOKED:
        place = answer.line.place if answer.line else "known_hosts"
        return HOST_KEY_REVOKED(f"{name} offers the key {shown}, which {place} marks as revoked")
    if answer.verdict is Verdict.CHANGED and answer.line:
        file = shlex.quote(answer.line.place.rpartition(":")[0])
        return HOST_KEY_CHANGED(
            f"{name} offers another key than the one that is known",
            "If the host was reinstalled, check the new fingerprint on it and run "
            f"`ssh-keygen -R '{name}' -f {file}`; otherwise another machine may answer in its place.",
            details=[
                f"known: {answer.line.kind} {fingerprint(answer.line.key)} ({answer.line.place})",
                f"now:   {shown}",
            ],
        )
    return KeyUnknown(name, kind, key)


def _check_name(lines: list[KnownHost], name: str, kind: str, key: bytes) -> KeyAnswer:
    mine = [line for line in lines if line.covers(name)]
    for line in mine:
        if line.marker == "@revoked" and line.key == key:
            return KeyAnswer(Verdict.REVOKED, line)
    plain = [line for line in mine if not line.marker]
    same = [line for line in plain if line.key == key]
    if same:
        return KeyAnswer(Verdict.KNOWN, same[0])
    other = [line for line in plain if line.kind == kind]
    return KeyAnswer(Verdict.CHANGED, other[0]) if other else KeyAnswer(Verdict.NEW)


def _parse(text: str, place: str) -> KnownHost | None:
    words = text.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if len(words) < 3 or (marker and marker not in _MARKERS):
        return None
    try:
        key = base64.b64decode(words[2], validate=True)
    except (binascii.Error, ValueError):
        return None
    return KnownHost(marker, words[0], words[1], key, place) if key else None


def _patterns_match(patterns: list[str], name: str) -> bool:
    """A positive pattern must match and no negated one; case does not count."""
    matched = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if _glob(pattern.removeprefix("!").lower()).fullmatch(name.lower()):
            if negated:
                return False
            matched = True
    return matched


def _glob(pattern: str) -> re.Pattern[str]:
    """`*` and `?` only: brackets are part of `[host]:port`, not a set."""
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")), re.DOTALL)


def _hashed_matches(text: str, name: str) -> bool:
    parts = text.split("|")
    if len(parts) != 4:
        return False
    try:
        salt, wanted = (base64.b64decode(part, validate=True) for part in parts[2:])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), wanted)


def _hash_name(name: str) -> str:
    """The `|1|salt|hash` form; SHA-1 is what the format prescribes."""
    salt = secrets.token_bytes(20)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return "|1|" + "|".join(base64.b64encode(part).decode() for part in (salt, digest))
