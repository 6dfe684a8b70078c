"""Faults between the robot and its client, on demand and repeatable."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

GARBAGE: Final = b"u>"
"""The prompt that real robots were seen to send between packets."""
NOTIFICATION: Final = 20


@dataclass(slots=True)
class Faults:
    """Chances are 0.0-1.0 per packet that the robot sends; all may be changed while it runs.

    `drop`, `duplicate` and `corrupt` (one bit) concern whole packets, `garbage` puts a prompt before one,
    `delay_ms` holds every answer back, `lag_ms` makes the robot carry each command out so much later, even
    after the link has gone, `abort` is the chance that a command received ends the link, `silence` makes
    the robot obey without an answer, `split` cuts packets into random pieces of 1 to that many bytes
    (0: 20 bytes, as real ones), `refuse_connects` is how many connection attempts fail, `refused` names
    commands (device and command id) that this firmware does not know, and `cancel_writes` has the radio
    cancel a write that is in progress when the link drops.

    Three are chances per write, on each characteristic: after `lost_write` the client believes that it was
    written, but the robot has not heard it; `failed_write` is an error and the robot has not heard it;
    `lost_write_response` is an error although the robot has heard it.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    corrupt: float = 0.0
    garbage: float = 0.0
    delay_ms: int = 0
    lag_ms: int = 0
    abort: float = 0.0
    silence: bool = False
    split: int = 0
    refuse_connects: int = 0
    refused: frozenset[tuple[int, int]] = frozenset()
    cancel_writes: bool = False
    lost_write: float = 0.0
    failed_write: float = 0.0
    lost_write_response: float = 0.0
    seed: int = 0


class FaultyVoice:
    """Turns a packet into the notifications that really arrive."""

    def __init__(self, faults: Faults) -> None:
        """Follow `faults`, with the randomness that its seed gives."""
        self.faults = faults
        self._random = random.Random(faults.seed)  # noqa: S311 - repeatable, not secret

    def happens(self, chance: float) -> bool:
        """Whether something of this chance happens now; without a chance no random number is used up."""
        return chance > 0 and self._random.random() < chance

    def arrives(self) -> bool:
        """Whether a write reaches the robot; False if it is lost unnoticed, ConnectionError if noticed."""
        if self.happens(self.faults.failed_write):
            raise ConnectionError("the write has failed")
        return not self.happens(self.faults.lost_write)

    def acknowledge(self) -> None:
        """Answer a write that has arrived; ConnectionError if this answer is lost."""
        if self.happens(self.faults.lost_write_response):
            raise ConnectionError("the response to the write was lost")

    def pieces(self, packet: bytes) -> list[bytes]:
        """Return the notifications for one packet: none, mangled, doubled, cut."""
        faults = self.faults
        if faults.silence or self.happens(faults.drop):
            return []
        if self.happens(faults.corrupt):
            packet = self._one_bit_wrong(packet)
        if self.happens(faults.garbage):
            packet = GARBAGE + packet
        if self.happens(faults.duplicate):
            packet += packet
        if len(packet) <= NOTIFICATION and not faults.split:
            return [packet]
        return list(self._cut(packet))

    def _one_bit_wrong(self, packet: bytes) -> bytes:
        where = self._random.randrange(len(packet))
        return packet[:where] + bytes((packet[where] ^ 1 << self._random.randrange(8),)) + packet[where + 1 :]

    def _cut(self, packet: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(packet):
            size = (
                self._random.randint(1, min(self.faults.split, NOTIFICATION))
                if self.faults.split
                else NOTIFICATION
            )
            yield packet[at : at + size]
            at += size
