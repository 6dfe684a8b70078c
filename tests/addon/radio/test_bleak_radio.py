"""The radio through bleak, where no session is needed: which earlier connection it ends."""

from __future__ import annotations

import bleak_retry_connector
import pytest

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import BleakRadio

CONFIGURED, REMEMBERED = "C9:00:00:00:B5:4A", "D0:00:00:00:00:01"


@pytest.mark.parametrize(
    ("target", "remembered", "closed"),
    [
        (Target(CONFIGURED), REMEMBERED, [CONFIGURED]),
        (Target(), REMEMBERED, [REMEMBERED]),
        (Target(), "", []),
    ],
)
async def test_the_connection_of_an_earlier_run_is_ended_by_address(
    monkeypatch: pytest.MonkeyPatch, target: Target, remembered: str, closed: list[str]
) -> None:
    asked: list[str] = []

    async def close(address: str) -> None:
        asked.append(address)

    monkeypatch.setattr(bleak_retry_connector, "close_stale_connections_by_address", close)
    await BleakRadio(target).close_stale(remembered)
    assert asked == closed


async def test_a_bluetooth_service_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def close(_: str) -> None:
        raise FileNotFoundError("/run/dbus/system_bus_socket")

    monkeypatch.setattr(bleak_retry_connector, "close_stale_connections_by_address", close)
    with pytest.raises(LinkError) as caught:
        await BleakRadio(Target(CONFIGURED)).close_stale()
    assert caught.value.cause is Cause.NO_BLUETOOTH
