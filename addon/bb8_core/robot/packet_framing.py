"""Frames of the v1 protocol: how a command becomes bytes and how notifications become packets.

::

    command   FF SOP2 DID CID SEQ DLEN data CHK     SOP2 = 1111 11RA, A: answer, R: reset the sleep timer
    response  FF FF   MRSP SEQ DLEN    data CHK
    async     FF FE   ID   DLEN(16 bit) data CHK    DLEN counts the data and CHK
    CHK = 0xFF ^ (sum of everything between SOP2 and CHK, modulo 256)

Sources: the vendor's packet format page, sphero.js lib/packet.js, spherov2.py controls/v1.py, the vendor's
Android encoder. Numbers are big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple
from zlib import adler32

CHUNK: Final = 20
"""Bytes of one GATT write or notification at the robot's MTU of 23."""
MAX_DATA: Final = 254
"""Bytes of data that one command can carry (DLEN is one byte and counts the checksum)."""
MAX_PACKET: Final = 4096
"""Longest packet accepted; a header that announces more is noise. The longest real one is L1 diagnostics."""
PARTIAL_TIMEOUT_S: Final = 1.0
"""How long the rest of a packet may take; its 20-byte pieces come some 20 ms apart."""

CORE: Final = 0x00
BOOTLOADER: Final = 0x01
SPHERO: Final = 0x02

_SOP: Final = 0xFF
_SOP2_BASE: Final = 0xFC
_SOP2_RESPONSE: Final = 0xFF
_SOP2_ASYNC: Final = 0xFE
_RESPONSE_HEADER: Final = 5
_NEED_MORE: Final = 0
_NOT_A_PACKET: Final = -1
_RESPONSE_TOTAL: Final = (_SOP + _SOP2_RESPONSE + 0xFF) & 0xFF
_ASYNC_TOTAL: Final = (_SOP + _SOP2_ASYNC + 0xFF) & 0xFF
"""What all bytes of a good packet add up to, modulo 256."""
_ADLER_SUMS: Final = 256
"""Up to so many bytes the low half of Adler-32, started at 0, is their plain sum, four times as fast."""
_tuple = tuple.__new__
"""Makes a named tuple without the detour over its own constructor, which costs as much as the rest."""
_FOREVER: Final = b"\xff\xff"


class Mrsp(IntEnum):
    """Response codes (RKResponseCodes.h of the vendor's iOS SDK); others are left as plain integers."""

    OK = 0x00
    GENERAL_ERROR = 0x01
    BAD_CHECKSUM = 0x02
    FRAGMENT = 0x03
    BAD_COMMAND = 0x04
    UNSUPPORTED = 0x05
    BAD_MESSAGE = 0x06
    BAD_PARAMETER = 0x07
    EXECUTION_FAILED = 0x08
    BAD_DEVICE = 0x09
    MEMORY_BUSY = 0x0A
    BAD_PASSWORD = 0x0B
    POWER_NOT_GOOD = 0x31
    PAGE_ILLEGAL = 0x32
    FLASH_FAILED = 0x33
    MAIN_APP_CORRUPT = 0x34
    MESSAGE_TIMEOUT = 0x35


_MRSP: Final = {int(code): code for code in Mrsp}
_UNSUPPORTED: Final = frozenset({Mrsp.BAD_COMMAND, Mrsp.UNSUPPORTED})


@dataclass(frozen=True, slots=True)
class Command:
    """One command, not yet numbered.

    Deep sleep, the bootloader and a boost without end cannot be expressed: ValueError.
    """

    did: int
    cid: int
    data: bytes = b""
    name: str = ""
    answer: bool = True
    reset_timer: bool = True

    def __post_init__(self) -> None:
        """Refuse what does not fit in a frame and what must never be sent to the robot."""
        if not (0 <= self.did <= 0xFF and 0 <= self.cid <= 0xFF):
            raise ValueError(f"device and command ids are bytes, not {self.did}:{self.cid}")
        if len(self.data) > MAX_DATA:
            raise ValueError(f"a command carries at most {MAX_DATA} bytes, not {len(self.data)}")
        reason = _forbidden(self.did, self.cid, self.data)
        if reason:
            raise ValueError(reason)

    @property
    def key(self) -> tuple[int, int]:
        """Device and command id, which name the command on the wire."""
        return (self.did, self.cid)

    @property
    def is_motor(self) -> bool:
        """Whether this sets the motors: drives, raw motors, boost, and what runs them on its own."""
        return self.key in _MOTOR or (self.key == _SELF_LEVEL and _starts(self.data))

    @property
    def is_stop(self) -> bool:
        """Whether the motors are certainly off or braking after this, whatever they did before."""
        if self.key == _ROLL:
            return self.data[:1] == b"\0" and self.data[3:4] == b"\0"
        return self.key == _RAW_MOTORS and len(self.data) == 4 and {*self.data[::2]} <= _MOTOR_AT_REST


_ROLL: Final = (SPHERO, 0x30)
_BOOST: Final = (SPHERO, 0x31)
_RAW_MOTORS: Final = (SPHERO, 0x33)
_SELF_LEVEL: Final = (SPHERO, 0x09)
_RUN_MACRO: Final = (SPHERO, 0x50)
_RUN_ORBBASIC: Final = (SPHERO, 0x62)
_SLEEP: Final = (CORE, 0x22)
_JUMP_TO_BOOTLOADER: Final = (CORE, 0x30)
_MOTOR: Final = frozenset({_ROLL, _BOOST, _RAW_MOTORS, _RUN_MACRO, _RUN_ORBBASIC})
_MOTOR_AT_REST: Final = frozenset({0, 3})


def _starts(self_level_data: bytes) -> bool:
    return bool(self_level_data[:1]) and bool(self_level_data[0] & 1)


def _forbidden(did: int, cid: int, data: bytes) -> str | None:
    """Return why a command must not exist, or None."""
    if did == BOOTLOADER or (did, cid) == _JUMP_TO_BOOTLOADER:
        return "the bootloader is never entered: a robot without its main application is lost"
    if (did, cid) == _SLEEP and data[:2] == _FOREVER:
        return "deep sleep is never sent: the robot comes back only on external power"
    if (did, cid) == _BOOST and data[:1] in {b"", b"\0"}:
        return "a boost of time 0 has no end"
    return None


def checksum(body: bytes | bytearray) -> int:
    """Return CHK for the bytes between SOP2 and CHK."""
    return 0xFF ^ (sum(body) & 0xFF)


def frame(sop2: int, did: int, cid: int, seq: int, data: bytes) -> bytes:
    """Build the bytes of one command frame; ids and seq are 0-255, data at most 254 bytes."""
    body = bytes((did, cid, seq, len(data) + 1)) + data
    return bytes((_SOP, sop2)) + body + bytes((checksum(body),))


def encode(command: Command, seq: int) -> bytes:
    """Return the frame of `command` with sequence number `seq` (0-255, echoed by the robot)."""
    sop2 = _SOP2_BASE | command.answer | command.reset_timer << 1
    return frame(sop2, command.did, command.cid, seq, command.data)


def chunks(frame_bytes: bytes) -> list[bytes]:
    """Cut a frame into the 20-byte writes that the robot takes."""
    return [frame_bytes[i : i + CHUNK] for i in range(0, len(frame_bytes), CHUNK)]


class Response(NamedTuple):
    """The robot's answer to the command with the same `seq`; a tuple, because many are made a second."""

    mrsp: int
    seq: int
    data: bytes

    @property
    def ok(self) -> bool:
        """Whether the robot accepted the command."""
        return self.mrsp == Mrsp.OK

    @property
    def unsupported(self) -> bool:
        """Whether this firmware does not know the command, so that asking again is useless."""
        return self.mrsp in _UNSUPPORTED


class AsyncPacket(NamedTuple):
    """Something the robot sent without a request; `bb8_core.robot.async_messages` gives it a meaning."""

    id: int
    data: bytes


Packet = Response | AsyncPacket


def mrsp_name(code: int) -> str:
    """Name a response code for people: `BAD_COMMAND`, or `0x42` for an undocumented one."""
    known = _MRSP.get(code)
    return known.name if known is not None else f"0x{code:02X}"


@dataclass(slots=True)
class DecoderStats:
    """What a decoder went through: counts since it was made."""

    resyncs: int = 0
    dropped_bytes: int = 0
    checksum_errors: int = 0
    timeouts: int = 0


class StreamDecoder:
    """Turns notifications, however they are cut, into packets; never raises, holds under 4096 bytes.

    A packet may span notifications and share one. Noise before a packet is dropped. After a bad checksum,
    an impossible length or a partial packet older than a second, one byte is dropped and the rest is read
    again, so that a good packet behind a bad one is never lost. FF inside a packet means nothing.
    """

    __slots__ = ("_arrivals", "_held", "_in_sync", "_size", "stats")

    def __init__(self) -> None:
        """Start with nothing held."""
        self.stats = DecoderStats()
        self.reset()

    @property
    def pending(self) -> int:
        """Bytes of an unfinished packet that are held."""
        return len(self._held)

    def reset(self) -> None:
        """Forget an unfinished packet: what follows a reconnection does not continue it."""
        self._held = b""
        self._size = 0
        self._arrivals: list[tuple[int, float]] = []
        self._in_sync = True

    def feed(self, data: bytes, now: float) -> list[Packet]:
        """Return the packets that `data` completes; `now` is monotonic seconds, `data` may be empty.

        Packets that begin and end with a notification are nearly all there are: they take the short way.
        """
        if self._held:
            return self._feed_next(data, now)
        size = len(data)
        if _RESPONSE_HEADER < size <= _ADLER_SUMS and data[0] == _SOP:
            if data[1] == _SOP2_RESPONSE and data[4] == size - _RESPONSE_HEADER:
                if adler32(data, 0) & 0xFF == _RESPONSE_TOTAL:
                    self._in_sync = True
                    return [_tuple(Response, (data[2], data[3], data[5:-1]))]
            elif data[1] == _SOP2_ASYNC:
                announced = _RESPONSE_HEADER + (data[3] << 8 | data[4])
                if announced == size and adler32(data, 0) & 0xFF == _ASYNC_TOTAL:
                    self._in_sync = True
                    return [_tuple(AsyncPacket, (data[2], data[5:-1]))]
                if size < announced <= MAX_PACKET:
                    self._held = data
                    self._size = announced
                    self._arrivals = [(size, now)]
                    return []
        return self._feed_noise(data, now)

    def _feed_next(self, data: bytes, now: float) -> list[Packet]:
        """Take the next piece of an event that came in several; all else goes the long way."""
        size = self._size
        if size and now - self._arrivals[0][1] <= PARTIAL_TIMEOUT_S:
            held = self._held + data
            if len(held) < size:
                self._held = held
                self._arrivals.append((len(held), now))
                return []
            if len(held) == size <= _ADLER_SUMS and adler32(held, 0) & 0xFF == _ASYNC_TOTAL:
                self.reset()
                return [_tuple(AsyncPacket, (held[2], held[5:-1]))]
        return self._feed_noise(data, now)

    def _feed_noise(self, data: bytes, now: float) -> list[Packet]:
        """Read byte by byte whatever is not simply one packet or the next piece of one."""
        out: list[Packet] = []
        self._size = 0
        while self._held and now - self._arrivals[0][1] > PARTIAL_TIMEOUT_S:
            self.stats.timeouts += 1
            self._drop(1)
            self._scan(1, out)
        if data:
            self._held += data
            self._arrivals.append((len(self._held), now))
            self._scan(0, out)
        return out

    def _drop(self, count: int) -> None:
        """Count bytes that belong to no packet; a run of them is one loss of synchronisation."""
        self.stats.dropped_bytes += count
        self.stats.resyncs += self._in_sync
        self._in_sync = False

    def _scan(self, pos: int, out: list[Packet]) -> None:
        """Move every finished packet from `pos` on to `out`; hold what may still become one."""
        held = self._held
        end = len(held)
        while pos < end:
            if held[pos] != _SOP:
                start = held.find(_SOP, pos)
                start = end if start < 0 else start
                self._drop(start - pos)
                pos = start
                continue
            size = _packet_size(held, pos, end)
            unfinished = size == _NEED_MORE or pos + size > end
            if unfinished and not _whole_packet(held, pos + 1, end):
                break
            packet = None if unfinished or size == _NOT_A_PACKET else _checked(held[pos : pos + size])
            if packet is not None:
                out.append(packet)
                self._in_sync = True
                pos += size
                continue
            self.stats.checksum_errors += size > 0 and not unfinished
            self._drop(1)
            pos += 1
        self._held = held[pos:]
        self._arrivals = [(upto - pos, when) for upto, when in self._arrivals if upto > pos]


def _packet_size(held: bytes, pos: int, end: int) -> int:
    """Return the length that the header at `pos` announces, or why there is none."""
    if end - pos < 2:
        return _NEED_MORE
    sop2 = held[pos + 1]
    if sop2 not in {_SOP2_RESPONSE, _SOP2_ASYNC}:
        return _NOT_A_PACKET
    if end - pos < _RESPONSE_HEADER:
        return _NEED_MORE
    length = held[pos + 4] if sop2 == _SOP2_RESPONSE else held[pos + 3] << 8 | held[pos + 4]
    size = _RESPONSE_HEADER + length
    return size if length and size <= MAX_PACKET else _NOT_A_PACKET


def _whole_packet(held: bytes, pos: int, end: int) -> bool:
    """Return whether a good packet starts right after the FF of an unfinished one.

    No response code is FF or FE, so that the FF was noise then and the packet need not wait for its time.
    """
    size = _packet_size(held, pos, end) if held[pos : pos + 1] == b"\xff" else _NEED_MORE
    return 0 < size <= end - pos and _checked(held[pos : pos + size]) is not None


def _checked(raw: bytes) -> Packet | None:
    """Make a packet of bytes whose header fits them, if their checksum does, too."""
    total = adler32(raw, 0) if len(raw) <= _ADLER_SUMS else sum(raw)
    if raw[1] == _SOP2_ASYNC:
        return _tuple(AsyncPacket, (raw[2], raw[5:-1])) if total & 0xFF == _ASYNC_TOTAL else None
    return _tuple(Response, (raw[2], raw[3], raw[5:-1])) if total & 0xFF == _RESPONSE_TOTAL else None
