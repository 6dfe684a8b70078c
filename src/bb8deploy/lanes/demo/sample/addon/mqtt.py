"""As much of MQTT 3.1.1 as a small app needs: connect, subscribe, publish and receive with QoS 0."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

CONNECT, CONNACK, PUBLISH, SUBSCRIBE, PINGREQ = 0x10, 0x20, 0x30, 0x82, 0xC0
KEEPALIVE = 60
"""Seconds after which the broker drops a silent client."""


def text(value: str) -> bytes:
    """A string with its length, as MQTT writes it."""
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def packet(kind: int, body: bytes) -> bytes:
    """A packet with its header; the length has seven bits a byte, the lowest first."""
    length, header = len(body), bytes([kind])
    while True:
        length, low = divmod(length, 128)
        header += bytes([low | (128 if length else 0)])
        if not length:
            return header + body


def connect(client: str, username: str, password: str) -> bytes:
    """The first packet, with a clean session and a login."""
    flags = 0x02 | 0x80 | 0x40
    return packet(
        CONNECT,
        text("MQTT")
        + bytes([4, flags])
        + struct.pack("!H", KEEPALIVE)
        + text(client)
        + text(username)
        + text(password),
    )


def subscribe(topic: str) -> bytes:
    """Asks for a topic with QoS 0."""
    return packet(SUBSCRIBE, struct.pack("!H", 1) + text(topic) + b"\0")


def publish(topic: str, payload: bytes, *, retain: bool = False) -> bytes:
    """A message with QoS 0."""
    return packet(PUBLISH | retain, text(topic) + payload)


def message(body: bytes) -> tuple[str, bytes]:
    """Topic and payload of a received PUBLISH with QoS 0."""
    (length,) = struct.unpack_from("!H", body)
    return body[2 : 2 + length].decode(), body[2 + length :]


class Connection:
    """A connection to a broker; `packets` yields what it sends."""

    def __init__(self, host: str, port: int, login: tuple[str, str], client: str) -> None:
        self._socket = socket.create_connection((host, port), timeout=10)
        self._socket.settimeout(KEEPALIVE / 2)
        self._buffer = b""
        self.send(connect(client, *login))
        kind, body = next(self.packets())
        if kind != CONNACK or body[1]:
            raise ConnectionError(f"the broker refused the login with code {body[1] if body else kind}")

    def send(self, data: bytes) -> None:
        """Sends one packet."""
        self._socket.sendall(data)

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """Each packet's kind, without its flags, and body; keeps the connection alive in between."""
        while True:
            kind = self._take(1)[0]
            length = shift = 0
            while True:
                byte = self._take(1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if not byte & 128:
                    break
            yield kind & 0xF0, self._take(length)

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                self.send(packet(PINGREQ, b""))
                continue
            if not data:
                raise ConnectionError("the broker closed the connection")
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken
