"""The reception of raw commands."""

from __future__ import annotations

import pytest
from tests.addon.voices import Ears

from bb8_core.requests.reception import Reception


def test_a_flood_is_counted_and_told_of(caplog: pytest.LogCaptureFixture) -> None:
    ears = Ears()
    reception = Reception(ears, lambda request: None)
    reception.flooded(50)
    reception.flooded(82)
    assert ears.statuses["refusals"] == {"FLOOD": 82}
    assert len(caplog.records) == 1
