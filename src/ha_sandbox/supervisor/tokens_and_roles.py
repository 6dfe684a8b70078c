"""Access to the API: tokens with their roles, and the paths that each role may call."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ha_sandbox.supervisor import api_errors


class Role(IntEnum):
    """Rights of a token: an app without `hassio_api`, one with it by its `hassio_role`, and Core (ADMIN)."""

    NONE = 0
    DEFAULT = 1
    HOMEASSISTANT = 2
    BACKUP = 3
    MANAGER = 4
    ADMIN = 5


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a token; `slug` is empty for Core and the SSH app."""

    role: Role
    slug: str = ""


# Source: supervisor/api/middleware/security.py (2026.08).
_OPEN = re.compile(r"/supervisor/ping|/(addons|store/addons)/[^/]+/(icon|logo)|/ingress/[-_A-Za-z0-9]+/.*")
_SELF = re.compile(
    r"(/v2)?/((addons|apps)/self/(?!security|update)[^/]+|(addons|apps)/self/options/config"
    r"|info|services.*|discovery.*|auth)"
)
_INFO = r"(/v2)?/(.+/)?info"
_MANAGED = (
    r"(addons|apps)(/[^/]+/(?!security).+|/reload)?|auth/cache|available_updates|backups.*|mounts.*"
    r"|refresh_updates|snapshots.*|store.*|os/(?!datadisk/wipe).+"
    r"|(audio|cli|core|dns|docker|jobs|hardware|homeassistant|host|multicast|network|observer|resolution"
    r"|security|supervisor)/.+"
)
_PATHS = {
    Role.NONE: re.compile(r"(?!)"),
    Role.DEFAULT: re.compile(_INFO),
    Role.HOMEASSISTANT: re.compile(rf"{_INFO}|(/v2)?/(core|homeassistant)/.+"),
    Role.BACKUP: re.compile(rf"{_INFO}|(/v2)?/backups.*"),
    Role.MANAGER: re.compile(rf"{_INFO}|(/v2)?/({_MANAGED})"),
    Role.ADMIN: re.compile(r".*"),
}
"""The paths that each role may call, besides `_SELF` for apps."""


class Access:
    """The valid tokens."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._callers: dict[str, Caller] = {}

    def grant(self, caller: Caller) -> str:
        """Returns a new token for `caller`; an app's earlier token becomes invalid."""
        token = secrets.token_hex(56)
        with self._guard:
            if caller.slug:
                self._callers = {t: c for t, c in self._callers.items() if c.slug != caller.slug}
            self._callers[token] = caller
        return token

    def revoke(self, slug: str) -> None:
        """Makes the app's token invalid."""
        with self._guard:
            self._callers = {t: c for t, c in self._callers.items() if c.slug != slug}

    def admit(self, path: str, token: str) -> Caller:
        """The owner of `token`. Raises PlainError 401 or 403 if it may not call `path`."""
        if _OPEN.fullmatch(path):
            return Caller(Role.NONE)
        if not token:
            raise api_errors.unauthorized()
        with self._guard:
            caller = self._callers.get(token)
        if caller is None or not _may(caller, path):
            raise api_errors.forbidden()
        return caller


def role_of(config: Mapping[str, object]) -> Role:
    """The role of an app's token, from its config.yaml."""
    if not config.get("hassio_api"):
        return Role.NONE
    return Role[str(config.get("hassio_role", "default")).upper()]


def _may(caller: Caller, path: str) -> bool:
    if caller.slug and _SELF.fullmatch(path):
        return True
    return bool(_PATHS[caller.role].fullmatch(path))
