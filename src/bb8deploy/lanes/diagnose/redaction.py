"""Removes from a text what a bug report must not have: secrets, and names that identify the owner."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bb8deploy.base.secret import Secret, redact

COMMON = frozenset({"root", "localhost", "supervisor", "core-mosquitto"})
"""Names that every installation has; they identify no one."""
SHORT = 4
"""A name with fewer characters is removed only as a whole word: it may be part of any word."""
# What an app writes into its log is in no setting: it is known by its form only. No match ends outside of a
# string that it began in, so that JSON stays JSON.
_LOGIN = re.compile(r"(?<=://)[^\s/\"'\\]+@")
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?:\\r|\\n|[\s\",])*[A-Za-z0-9+/=]{16,})*"
    r"(?:(?:\\r|\\n|[\s\",])*(?:[A-Za-z0-9+/=]{1,15}(?:\\r|\\n|[\s\",])+)?-----END [A-Z ]*PRIVATE KEY-----)?"
)
_WORD = r"(?:password|passwd|passphrase|secret|token|api_?key|bearer)"
_IS = r"""(?:"\s*:\s*"|\\"\s*:\s*(?:\\")?|'?\s*[:=]\s*(?:\\?["'])?)"""
_GIVEN = re.compile(
    rf"""({_WORD}{_IS})(?!:|(?<=TOKEN: )[A-Z])([^\s"'\\,;&()\[\]{{}}<>]{{4,}})""", re.IGNORECASE
)
_NAMED = re.compile(
    rf"""(\b{_WORD} +)(?=[^\s"'\\]*\d)(?=[^\s"'\\]*[a-z])([^\s"'\\,;=:()\[\]<>]{{8,}})""", re.IGNORECASE
)
_RANDOM = re.compile(
    r"(?<![\w+=-])(?<!SHA256:)(?=[\w+=-]*[a-z])(?=[\w+=-]*[A-Z])(?=[\w+=-]*\d)[\w+=-]{32,}", re.ASCII
)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MAC = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")
_V4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_V6 = re.compile(r"(?<![\w:])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")


_MENTIONED = re.compile(r"(?:[\w.+-]@|\w://(?:[^\s/@\"]*@)?)([\w-]+(?:\.[\w-]+)*)")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class Names:
    """`hosts` and `places` (folders) are removed everywhere, `users` only as whole words."""

    hosts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


def mentioned(texts: Iterable[str]) -> frozenset[str]:
    """Hosts that the texts name as `user@host` or in a URL: an old run may be about another host than now.

    A commit, as in `main@3587f4c`, is none.
    """
    found = {name for text in texts for name in _MENTIONED.findall(text)}
    return frozenset(name for name in found if not _COMMIT.fullmatch(name))


class Redactor:
    """Replaces each name by the same placeholder everywhere, so that a text can still be followed."""

    def __init__(self, secrets: Iterable[Secret], names: Names) -> None:
        self._secrets = list(secrets)
        self._rules = [
            *_rules("place", names.places, whole=False),
            *_rules("host", names.hosts, whole=False),
            *_rules("user", names.users, whole=True),
        ]

    def clean(self, text: str) -> str:
        """The text without secrets, names, addresses and what looks like a token."""
        text = redact(text, self._secrets)
        text = _without_forms(text)
        for pattern, word in self._rules:
            text = pattern.sub(word, text)
        text = _EMAIL.sub("<email>", text)
        text = _MAC.sub("<mac>", text)
        text = _V4.sub(_address, text)
        return _V6.sub(_address, text)


def _without_forms(text: str) -> str:
    """The text without what has the form of a key, a login in a URL, a token or `password=VALUE`."""
    for pattern in (_PRIVATE_KEY, _JWT):
        text = pattern.sub("***", text)
    text = _LOGIN.sub("***@", text)
    text = _GIVEN.sub(r"\1***", text)
    return _RANDOM.sub("***", _NAMED.sub(r"\1***", text))


def _rules(kind: str, names: Iterable[str], *, whole: bool) -> list[tuple[re.Pattern[str], str]]:
    """One rule a name, longest first; in JSON a name may be escaped."""
    told = sorted({n for n in names if n and n.lower() not in COMMON}, key=lambda n: (-len(n), n))
    rules = []
    for number, name in enumerate(told, 1):
        forms = "|".join(re.escape(form) for form in {name, json.dumps(name)[1:-1]})
        alone = whole or len(name) < SHORT
        text = rf"(?<![^\W_])(?:{forms})(?![^\W_])" if alone else f"(?:{forms})"
        rules.append((re.compile(text, re.IGNORECASE), f"<{kind}-{number}>"))
    return rules


def _address(found: re.Match[str]) -> str:
    """An IP address is taken out; a version of four numbers or a time of day is none."""
    try:
        ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return "<ip>"
