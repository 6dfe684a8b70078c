"""The outcome of a command, and its acknowledgement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bb8_core.requests.payload_parsing import Request, echo_of
from bb8_core.robot.packet_framing import Response, mrsp_name


class AckStatus(StrEnum):
    """How far a command came; CONFIRMED only ever follows the robot's own answer."""

    ACCEPTED = "accepted"
    SENT = "sent"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    EXPIRED = "expired"


FINAL = frozenset({AckStatus.CONFIRMED, AckStatus.REJECTED, AckStatus.EXPIRED})
_GOOD = frozenset({AckStatus.ACCEPTED, AckStatus.SENT, AckStatus.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step in a command's life; `rtt_ms` from the start of the write to the robot's answer."""

    status: AckStatus
    code: str = ""
    reason: str = ""
    rtt_ms: float | None = None
    lasting: bool | None = None
    """For the last step of an emergency stop: whether its latch survives a restart."""

    @property
    def final(self) -> bool:
        """Whether nothing follows."""
        return self.status in FINAL


Report = Callable[[Outcome], None]
"""Gets each step of a command."""


def silent(_: Outcome) -> None:
    """Ignore the outcome."""


ACCEPTED = Outcome(AckStatus.ACCEPTED)
SENT = Outcome(AckStatus.SENT)
SUPERSEDED = Outcome(AckStatus.EXPIRED, "SUPERSEDED", "a newer command took its place")
STOPPED = Outcome(AckStatus.EXPIRED, "STOPPED", "a stop came before it was sent")
LINK_LOST = Outcome(AckStatus.EXPIRED, "LINK_LOST", "the link to the robot ended first; it is not sent again")
TOO_LATE = Outcome(AckStatus.EXPIRED, "EXPIRED", "it could not be sent in time")
NO_ANSWER = Outcome(AckStatus.EXPIRED, "NO_ANSWER", "it was sent, but the robot did not answer in time")
QUEUE_FULL = Outcome(AckStatus.REJECTED, "BUSY", "too many commands wait already")


def rejected(code: str, reason: str) -> Outcome:
    """A refusal with its reason."""
    return Outcome(AckStatus.REJECTED, code, reason)


def answered(response: Response, rtt_s: float) -> Outcome:
    """The outcome that the robot's answer gives."""
    rtt_ms = round(rtt_s * 1000, 2)
    if response.ok:
        return Outcome(AckStatus.CONFIRMED, rtt_ms=rtt_ms)
    name = mrsp_name(response.mrsp)
    return Outcome(AckStatus.REJECTED, f"ROBOT_{name}", f"the robot answered {name}", rtt_ms)


def payload(request: Request, outcome: Outcome) -> dict[str, Any]:
    """The JSON of an acknowledgement of a command that could be read."""
    return body(request.cid, outcome) | {"echo": echo_of(request.intent)}


def body(cid: str | int | None, outcome: Outcome) -> dict[str, Any]:
    """The JSON of an acknowledgement without the repeated command."""
    ack: dict[str, Any] = {"cid": cid, "ok": outcome.status in _GOOD, "status": outcome.status.value}
    if outcome.code:
        ack["code"] = outcome.code
    if outcome.reason:
        ack["reason"] = outcome.reason
    if outcome.rtt_ms is not None:
        ack["rtt_ms"] = outcome.rtt_ms
    if outcome.lasting is False:
        ack["lasting"] = False
    return ack
