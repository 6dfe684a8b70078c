"""What the broker keeps of the app, however it was written."""

from __future__ import annotations

import pytest

from bb8deploy.lanes.diagnose.areas.broker import connection_of


@pytest.mark.parametrize("text", ["", "broken", "[1]", "[" * 100_000, '{"a":' * 100_000])
def test_what_is_not_a_json_object_reports_nothing(text: str) -> None:
    assert connection_of({"bb8/status/connection": text}, "bb8") == {}
