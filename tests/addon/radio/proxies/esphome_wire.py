"""The server side of ESPHome's native API: frames with and without encryption, messages in and out.

The messages are those of aioesphomeapi, which are generated from ESPHome's own api.proto.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any

from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from cryptography.exceptions import InvalidTag
from noise.connection import NoiseConnection

NUMBERS = {kind: number for number, kind in MESSAGE_TYPE_TO_PROTO.items()}
NOISE = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"


class NodeWire(asyncio.Protocol):
    """One client of a node. `key` is the encryption key in base64, empty without encryption."""

    def __init__(
        self,
        name: str,
        key: str,
        on_message: Callable[[NodeWire, Any], None],
        on_gone: Callable[[NodeWire], None],
    ) -> None:
        self._name = name
        self._key = key
        self._on_message = on_message
        self._on_gone = on_gone
        self._buffer = b""
        self._hellos = 0
        self._noise: NoiseConnection | None = None
        self.transport: asyncio.Transport | None = None
        self.frozen = False
        """While true nothing is read or sent, as without Wi-Fi."""
        self.error: Exception | None = None
        """What ended the connection; None if it was closed in order."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc
        self._on_gone(self)

    def data_received(self, data: bytes) -> None:
        if self.frozen:
            return
        self._buffer += data
        read = self._read_encrypted if self._key else self._read_plain
        while not self.closed and read():
            pass

    @property
    def closed(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def send(self, message: Any) -> None:
        """Send a message, encrypted if a key is set."""
        if self.frozen or self.closed:
            return
        number, data = NUMBERS[type(message)], message.SerializeToString()
        if self._noise is None:
            self._write(b"\x00" + _varint(len(data)) + _varint(number) + data)
        else:
            header = number.to_bytes(2, "big") + len(data).to_bytes(2, "big")
            self._write_frame(self._noise.encrypt(header + data))

    def _write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def _write_frame(self, frame: bytes) -> None:
        self._write(b"\x01" + len(frame).to_bytes(2, "big") + frame)

    # Without encryption

    def _read_plain(self) -> bool:
        """Take one message from the buffer."""
        if self._buffer and self._buffer[0] != 0:
            # The firmware answers an encrypted client with a first byte of its own, and this text.
            self._write(b"\x00Bad indicator byte")
            self.close()
            return False
        at, numbers = 1, []
        for _ in range(2):
            number, at = _read_varint(self._buffer, at)
            if number is None:
                return False
            numbers.append(number)
        length, kind = numbers
        if len(self._buffer) < at + length:
            return False
        data, self._buffer = self._buffer[at : at + length], self._buffer[at + length :]
        self._deliver(kind, data)
        return True

    # With encryption

    def _read_encrypted(self) -> bool:
        """Take one frame from the buffer: the client's hello, its handshake, then messages."""
        if self._buffer[:1] == b"\x00":
            # The firmware answers a client without encryption with a frame that marks an error.
            self._write_frame(b"\x01Bad indicator byte")
            self.close()
            return False
        if len(self._buffer) < 3:
            return False
        end = 3 + int.from_bytes(self._buffer[1:3], "big")
        if len(self._buffer) < end:
            return False
        frame, self._buffer = self._buffer[3:end], self._buffer[end:]
        self._hellos += 1
        if self._hellos == 1:
            self._write_frame(b"\x01" + self._name.encode() + b"\x00" + b"AABBCCDDEEFF\x00")
        elif self._noise is None:
            self._shake_hands(frame[1:])
        else:
            plain = self._noise.decrypt(frame)
            self._deliver(int.from_bytes(plain[:2], "big"), plain[4:])
        return True

    def _shake_hands(self, data: bytes) -> None:
        noise = NoiseConnection.from_name(NOISE)
        noise.set_as_responder()
        noise.set_psks(base64.b64decode(self._key))
        noise.set_prologue(b"NoiseAPIInit\x00\x00")
        noise.start_handshake()
        try:
            noise.read_message(data)
        except InvalidTag:
            self._write_frame(b"\x01Handshake MAC failure")
            self.close()
            return
        self._write_frame(b"\x00" + bytes(noise.write_message()))
        self._noise = noise

    def _deliver(self, kind: int, data: bytes) -> None:
        message = MESSAGE_TYPE_TO_PROTO[kind]()
        message.ParseFromString(bytes(data))
        self._on_message(self, message)


def _varint(number: int) -> bytes:
    out = bytearray()
    while True:
        low, number = number & 0x7F, number >> 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int | None, int]:
    number = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at
    return None, at
