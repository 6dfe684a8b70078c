"""When a long-lived token ends."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest

from bb8deploy.plan.token_expiry import expiry


def jwt(body: object) -> str:
    """A token with this body and a signature of nobody's."""
    middle = base64.urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{middle}.c2lnbmF0dXJl"


def test_a_jwt_has_an_end() -> None:
    assert expiry(jwt({"iss": "x", "exp": 2110000000})) == datetime.fromtimestamp(2110000000, UTC)


@pytest.mark.parametrize(
    "token", ["", "abc", "a.b.c", "a.é.c", jwt({}), jwt([]), jwt({"exp": "soon"}), jwt({"exp": 1e300})]
)
def test_what_has_no_end_has_none(token: str) -> None:
    assert expiry(token) is None
