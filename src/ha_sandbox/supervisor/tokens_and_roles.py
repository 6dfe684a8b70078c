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
    """Rights of a token, in rising order: an app without `hassio_api`, with it, a manager, and Core."""

    NONE = 0
    DEFAULT = 1
    MANAGER = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """The owner of a token; `slug` is empty for Core and the SSH app."""

    role: Role
    slug: str = ""


_OPEN = re.compile(r"^/supervisor/ping$|^/(addons|store/addons)/[^/]+/(icon|logo)$")
_SELF = re.compile(r"^/(addons/self(?!/(security|update))|services|discovery|auth)(/.*)?$|^/info$")
_INFO = re.compile(r"^/([^/]+/)*info$|^/info$")
_ADMIN_ONLY = re.compile(r"^/addons/[^/]+/security$|^/(v2/)?apps/[^/]+/security$")


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
        if _OPEN.match(path):
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
    names = {"manager": Role.MANAGER, "admin": Role.ADMIN}
    return names.get(str(config.get("hassio_role", "default")), Role.DEFAULT)


def _may(caller: Caller, path: str) -> bool:
    if caller.role is Role.ADMIN:
        return True
    if caller.slug and _SELF.match(path):
        return True
    if _ADMIN_ONLY.match(path):
        return False
    return caller.role is Role.MANAGER or (caller.role is Role.DEFAULT and bool(_INFO.match(path)))
