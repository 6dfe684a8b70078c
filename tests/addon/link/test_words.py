"""Reasons and failures: every cause has words, and what the stack says is understood."""

from __future__ import annotations

import asyncio

import pytest
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
)
from tests.addon.virtual import run_virtually

from bb8_core.link.connection_states import CONNECTABLE, Cause, LinkState, explain
from bb8_core.link.pending_answers import Pending
from bb8_core.link.radio_interface import AnswerTimeout
from bb8_core.link.reconnect_delay import LONGEST_PAUSE_S, Backoff, pause_s
from bb8_core.radio.advertisement_match import Target, matches
from bb8_core.radio.bluetooth_errors import cause_of
from bb8_core.robot.packet_framing import Response


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_reason_without_leftover_marks(cause: Cause) -> None:
    for adapter in ("", "hci3"):
        status = explain(cause, adapter)
        assert status.reason.endswith(".")
        assert "{" not in status.reason + status.remedy


def test_a_link_through_a_proxy_names_the_proxy_and_a_failing_adapter_stays_the_adapter() -> None:
    full, lost = explain(Cause.NO_SLOT, "hci0", "kitchen"), explain(Cause.DROPPED, "hci0", "kitchen")
    assert full.reason == "The Bluetooth proxy kitchen has no free connection."
    assert "the Bluetooth proxy kitchen" in lost.remedy
    for cause in (Cause.STALE_SERVICES, Cause.NOT_A_BB8):
        words = explain(cause, "hci0", "kitchen")
        assert "host" not in words.reason + words.remedy
    assert explain(Cause.NOT_A_BB8, "hci0", "kitchen").remedy.endswith("restart the Bluetooth proxy kitchen.")
    assert explain(Cause.RADIO_BUSY, "hci0", "kitchen") == explain(Cause.RADIO_BUSY, "hci0")
    assert explain(Cause.NO_ADAPTER, "hci0", "kitchen") == explain(Cause.NO_ADAPTER, "hci0")


@pytest.mark.parametrize("cause", [c for c in Cause if explain(c).state is not LinkState.READY])
def test_every_state_that_is_not_good_news_reports_what_to_do(cause: Cause) -> None:
    if cause is not Cause.SHUTDOWN:
        assert explain(cause).remedy


def test_every_state_can_be_reached() -> None:
    assert {explain(cause).state for cause in Cause} == set(LinkState)
    assert LinkState.ADAPTER_OFF not in CONNECTABLE


Reason = BleakBluetoothNotAvailableReason


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (BleakBluetoothNotAvailableError("x", Reason.POWERED_OFF), Cause.ADAPTER_OFF),
        (BleakBluetoothNotAvailableError("x", Reason.NO_BLUETOOTH), Cause.NO_ADAPTER),
        (BleakDBusError("org.bluez.Error.InProgress", ["Operation already in progress"]), Cause.RADIO_BUSY),
        (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), Cause.ADAPTER_OFF),
        (BleakDBusError("org.bluez.Error.Failed", ["le-connection-abort-by-local"]), Cause.CONNECT_ABORTED),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["Rejected"]), Cause.NO_PERMISSION),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["x"]), Cause.NO_BLUETOOTH),
        (BleakDeviceNotFoundError("x", "Device with address x was not found."), Cause.CONNECT_TIMEOUT),
        (BleakCharacteristicNotFoundError("x"), Cause.STALE_SERVICES),
        (BleakError("failed to discover services, device disconnected"), Cause.DROPPED),
        (FileNotFoundError(2, "No such file or directory"), Cause.NO_BLUETOOTH),
        (TimeoutError(), Cause.CONNECT_TIMEOUT),
        (BleakError("something new"), Cause.CONNECT_FAILED),
    ],
)
def test_what_the_stack_reports_is_understood(error: Exception, cause: Cause) -> None:
    assert cause_of(error) is cause


def test_an_address_counts_alone_then_a_name_then_any_bb8() -> None:
    address = Target(address="c9:00:00:00:b5:4a", name="BB-0000")
    assert matches(address, "C9:00:00:00:B5:4A", None, (), ())
    assert not matches(address, "C9:00:00:00:B5:4B", "BB-0000", (0x3033,), ())
    assert matches(Target(name="Rolly"), "AA:00:00:00:00:00", "Rolly", (), ())
    assert not matches(Target(name="Rolly"), "AA:00:00:00:00:00", "BB-B54A", (), ())
    assert matches(Target(), "AA:00:00:00:00:00", "BB-B54A", (), ())
    assert matches(Target(), "AA:00:00:00:00:00", None, (0x3033,), ())
    assert not matches(Target(), "AA:00:00:00:00:00", "GB-1234", (), ())


def test_pauses_grow_and_are_bounded_and_a_busy_radio_is_not_hurried() -> None:
    pauses = [pause_s(n, Cause.DROPPED) for n in range(1, 20)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
    assert pause_s(1, Cause.RADIO_BUSY) >= 2.0


def test_a_robot_that_refuses_three_times_is_reported_to_be_held() -> None:
    async def story() -> list[Cause]:
        backoff = Backoff()
        said = []
        for _ in range(3):
            backoff.fail(Cause.CONNECT_ABORTED)
            said.append(backoff.blame(Cause.CONNECT_ABORTED))
        return said

    assert run_virtually(story()) == [Cause.CONNECT_ABORTED, Cause.CONNECT_ABORTED, Cause.REFUSED]


def test_answers_find_their_command_and_late_ones_are_counted() -> None:
    async def story() -> None:
        pending = Pending()
        first, one = pending.open(1.0)
        second, two = pending.open(1.0)
        assert first != second
        pending.answer(Response(0, second, b"2"))
        assert (await two).data == b"2"
        await asyncio.sleep(2)
        with pytest.raises(AnswerTimeout):
            await one
        pending.answer(Response(0, first, b"1"))
        assert (pending.late, len(pending)) == (1, 0)

    run_virtually(story())


def test_a_number_in_use_is_not_given_out_again() -> None:
    async def story() -> None:
        pending = Pending()
        taken = {pending.open(60.0)[0] for _ in range(256)}
        assert len(taken) == 256
        with pytest.raises(AnswerTimeout):
            pending.open(60.0)

    run_virtually(story())
