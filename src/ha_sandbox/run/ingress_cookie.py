"""The cookie that lets a user of the sandbox's Core see pages through ingress."""

from __future__ import annotations

from ha_sandbox.sandbox import Sandbox
from ha_sandbox.supervisor.api.ingress_routes import USER_ID
from ha_sandbox.supervisor.ingress.ingress_sessions import COOKIE


def ingress_cookie(box: Sandbox) -> str:
    """A new session as NAME=VALUE, as the user's browser has it."""
    return f"{COOKIE}={box.call('POST', '/ingress/session', {'user_id': USER_ID})['session']}"
