"""The reception of raw commands: floods, expiry, and what waited while the process stood still."""

from __future__ import annotations

import pytest
from tests.addon.voices import Ears

from bb8_core.requests.payload_parsing import Request
from bb8_core.requests.refuse_or_accept import RawCommand, Reception

DRIVE = b'{"speed":9,"heading":0,"ms":100,"cid":"d"}'


def received(raw: RawCommand, now: float, **how: object) -> tuple[list[Request], Ears]:
    ears = Ears()
    obeyed: list[Request] = []
    Reception(ears, obeyed.append, wall_clock=lambda: 5000.0, **how).receive(raw, now)  # type: ignore[arg-type]
    return obeyed, ears


def test_a_flood_is_counted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    ears = Ears()
    reception = Reception(ears, lambda request: None)
    reception.flooded(50)
    reception.flooded(82)
    assert ears.statuses["refusals"] == {"FLOOD": 82}
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("raw", "stood_still"),
    [
        (RawCommand("drive", DRIVE, False, 1.0, fresh=False), False),
        (RawCommand("drive", DRIVE, False, 1.0), True),
        (RawCommand("clear_estop", b"{}", False, 1.0, fresh=False), False),
    ],
)
def test_what_may_have_waited_during_a_standstill_is_refused(raw: RawCommand, stood_still: bool) -> None:
    obeyed, ears = received(raw, 1.0, stood_still=lambda: stood_still)
    assert obeyed == []
    assert ears.acks[-1][1]["code"] == "STALE"


@pytest.mark.parametrize("cmd", ["stop", "estop"])
def test_a_stop_is_obeyed_after_a_standstill_and_after_its_expiry(cmd: str) -> None:
    raw = RawCommand(cmd, b'{"expires_at":1}', True, 1.0, expiry_s=0.5, fresh=False)
    assert len(received(raw, 100.0, stood_still=lambda: True)[0]) == 1


@pytest.mark.parametrize(
    ("payload", "expiry_s", "expires_at"),
    [
        (DRIVE, None, float("inf")),
        (DRIVE, 3, 13.0),
        (DRIVE[:-1] + b',"expires_at":5002.5}', None, 12.5),
        (DRIVE[:-1] + b',"expires_at":5002.5}', 1, 11.0),
    ],
)
def test_the_sooner_of_both_expiries_counts(
    payload: bytes, expiry_s: float | None, expires_at: float
) -> None:
    obeyed, _ = received(RawCommand("drive", payload, False, 10.0, expiry_s), 10.0)
    assert [request.expires_at for request in obeyed] == [expires_at]


@pytest.mark.parametrize(
    ("when", "code"), [("4999.9", "EXPIRED"), ('"soon"', "BAD_VALUE"), ("true", "BAD_VALUE")]
)
def test_an_expired_or_unreadable_expiry_is_refused(when: str, code: str) -> None:
    payload = DRIVE[:-1] + f',"expires_at":{when}}}'.encode()
    obeyed, ears = received(RawCommand("drive", payload, False, 10.0), 10.0)
    assert obeyed == []
    assert (ears.acks[-1][1]["code"], ears.acks[-1][1]["cid"]) == (code, "d")
