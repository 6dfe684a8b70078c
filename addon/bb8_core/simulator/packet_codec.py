"""The robot's side of the protocol: decodes commands, and encodes answers and async packets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ROBOT_PATIENCE_S: Final = 1.0
"""A command whose rest does not come within this is forgotten."""
OK: Final = 0x00
BAD_CHECKSUM: Final = 0x02
BAD_COMMAND: Final = 0x04
BAD_MESSAGE: Final = 0x06
BAD_PARAMETER: Final = 0x07
BAD_DEVICE: Final = 0x09


@dataclass(frozen=True, slots=True)
class Heard:
    """A command as it arrived; `intact` is whether its checksum was right."""

    raw: bytes
    intact: bool

    @property
    def wants_answer(self) -> bool:
        """SOP2 bit 0."""
        return self.raw[1] % 2 == 1

    @property
    def resets_timer(self) -> bool:
        """SOP2 bit 1."""
        return self.raw[1] // 2 % 2 == 1

    @property
    def key(self) -> tuple[int, int]:
        """Device and command id."""
        return (self.raw[2], self.raw[3])

    @property
    def seq(self) -> int:
        """Sequence number, to be echoed."""
        return self.raw[4]

    @property
    def data(self) -> bytes:
        """The bytes between the length and the checksum."""
        return self.raw[6:-1]


class Ear:
    """Collects writes until a command is whole."""

    def __init__(self) -> None:
        """Start empty."""
        self._held = b""
        self._since = 0.0

    def hear(self, data: bytes, now: float) -> list[Heard]:
        """Return the commands that this write completes."""
        if self._held and now - self._since > ROBOT_PATIENCE_S:
            self._held = b""
        self._held += data
        self._since = now
        heard = []
        while (command := self._next()) is not None:
            heard.append(command)
        return heard

    def forget(self) -> None:
        """Start again, as with a new connection."""
        self._held = b""

    def _next(self) -> Heard | None:
        while len(self._held) >= 2 and not (self._held[0] == 255 and self._held[1] >= 252):
            self._held = self._held[1:]
        if len(self._held) < 6 or len(self._held) < 6 + self._held[5]:
            return None
        size = 6 + self._held[5]
        raw, self._held = self._held[:size], self._held[size:]
        return Heard(raw, raw[-1] == 255 - sum(raw[2:-1]) % 256)


def response(mrsp: int, seq: int, data: bytes) -> bytes:
    """Build an answer."""
    middle = bytes([mrsp, seq, len(data) + 1]) + data
    return b"\xff\xff" + middle + bytes([255 - sum(middle) % 256])


def event(code: int, data: bytes = b"") -> bytes:
    """Build an async packet."""
    middle = bytes([code]) + (len(data) + 1).to_bytes(2, "big") + data
    return b"\xff\xfe" + middle + bytes([255 - sum(middle) % 256])
