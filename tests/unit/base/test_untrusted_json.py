"""A JSON object out of whatever text a broker or a file holds."""

from __future__ import annotations

import pytest

from bb8deploy.base.untrusted_json import json_object


def test_an_object_is_read() -> None:
    assert json_object('{"state": "ready"}') == {"state": "ready"}


@pytest.mark.parametrize("text", ["", "broken", "[1]", "null", "[" * 100_000, '{"a":' * 100_000])
def test_anything_else_is_an_empty_one(text: str) -> None:
    assert json_object(text) == {}
