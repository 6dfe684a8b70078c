"""The payload of the connection: the signal, and the radio that received it."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest

from bb8_core.bridge.state_publishing import LOCAL_ADAPTER, Reports
from bb8_core.link.connection_states import Cause, explain
from bb8_core.link.radio_interface import Sighting


def connection(sighting: Sighting | None, attempted: str) -> dict[str, Any]:
    link = MagicMock(through=attempted, readiness=None, counters={}, status=explain(Cause.DROPPED))
    link.search.sighting = sighting
    return Reports(link, MagicMock()).connection_json()


def heard(through: str) -> Sighting:
    return Sighting(None, "C9:00:00:00:B5:4A", "BB-B54A", -50, 0.0, through)


@pytest.mark.parametrize(
    ("sighting", "attempted", "shown"),
    [
        (heard("kitchen"), "", "kitchen"),
        (heard(""), "kitchen", LOCAL_ADAPTER),
        (heard("cellar"), "kitchen", "cellar"),
        (None, "kitchen", "kitchen"),
        (None, "", LOCAL_ADAPTER),
    ],
)
def test_the_radio_shown_is_the_one_that_received_the_signal(
    sighting: Sighting | None, attempted: str, shown: str
) -> None:
    payload = connection(sighting, attempted)
    assert payload["through"] == shown
    assert payload["rssi"] == (sighting.rssi if sighting else None)
