"""The name of a new app: its slug and its title, from what the user typed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bb8deploy.catalogue.errors.workspace import NEW_NAME_INVALID

LONGEST = 40
"""Characters of a slug: with `local-` before it, it is a host name, which may have 63."""
# Folders that a store, the Supervisor or the structure rules know under another meaning.
_RESERVED = frozenset({"addon", "docs", "local", "ops", "reports", "rootfs", "scripts", "tests", "tools"})
# Windows takes these for devices in every folder, so that the app could not be checked out there.
# Source: learn.microsoft.com, "Naming Files, Paths, and Namespaces".
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class AppName:
    """`slug` names the folder, the container and the URL; `title` is what people see."""

    slug: str
    title: str

    @classmethod
    def parse(cls, text: str) -> AppName:
        """`hello_lamp`, `hello-lamp` and `Hello Lamp` are one app. Raises UsageError NEW_NAME_INVALID."""
        words = text.strip()
        if not _NAME.fullmatch(words):
            raise NEW_NAME_INVALID(f"`{text}` cannot name an app")
        slug = re.sub(r"[ -]", "_", words).lower()
        if len(slug) > LONGEST:
            raise NEW_NAME_INVALID(
                f"`{text}` has {len(slug)} characters", f"Choose a name of at most {LONGEST} characters."
            )
        if slug in _RESERVED:
            raise NEW_NAME_INVALID(
                f"`{slug}` has another meaning as a folder of a repository", "Choose another name."
            )
        if _DEVICES.fullmatch(slug):
            raise NEW_NAME_INVALID(f"`{slug}` is the name of a device on Windows", "Choose another name.")
        return cls(slug, " ".join(_capital(word) for word in slug.split("_")))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
