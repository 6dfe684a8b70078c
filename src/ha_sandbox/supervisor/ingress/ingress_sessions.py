"""Sessions of ingress: which cookies are valid, and whose identity an app learns."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping

COOKIE = "ingress_session"
_VALID = 15 * 60.0
"""Seconds. Each request makes a session valid so much longer, as in supervisor/ingress.py (2026.08)."""


class IngressSessions:
    """The sessions of one Supervisor."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._sessions: dict[str, tuple[float, Mapping[str, str]]] = {}

    def create(self, identity: Mapping[str, str]) -> str:
        """A new session; `identity` are the headers that name its user, none for an unknown user."""
        token = secrets.token_hex(64)
        with self._guard:
            self._sessions[token] = (self._clock() + _VALID, dict(identity))
        return token

    def validate(self, token: str) -> Mapping[str, str] | None:
        """The identity of a valid session, which is then valid for longer; None for any other."""
        with self._guard:
            end, identity = self._sessions.get(token, (0.0, {}))
            if token not in self._sessions or end < self._clock():
                return None
            self._sessions[token] = (end + _VALID, identity)
            return identity
