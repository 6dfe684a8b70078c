"""How long a long-lived access token is still valid, read from the token; pure."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime


def expiry(token: str) -> datetime | None:
    """The time at which a JWT ends (RFC 7519 `exp`, seconds since 1970); None if it has no such field.

    The signature is not checked: only Home Assistant could, and it does.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        body = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(body["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
