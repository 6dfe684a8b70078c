"""One WebSocket: wsproto parses and frames, this module sets the limits."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsproto.events import Event

MAX_MESSAGE = 2048
"""Bytes of a message; the longest sensible one has some hundred."""
READ = 4096
RATE = 120.0
"""Messages a second; a page sends 85 at most."""
BURST = 240.0
BEHIND = 256 * 1024
"""A client that has so many bytes waiting is too slow: news are dropped until it has read them."""
POLICY, TOO_BIG, TEXT_ONLY, PROTOCOL, NORMAL, BUSY = 1008, 1009, 1003, 1002, 1000, 1013

Headers = Sequence[tuple[bytes, bytes]]


class SocketEnded(Exception):
    """The connection is over; `code` is sent to the client if it still listens."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep both."""
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Allowance:
    """Refills with time; times are passed in (monotonic s)."""

    def __init__(self, rate: float, burst: float) -> None:
        """Start full."""
        self._rate, self._burst = rate, burst
        self._left = burst
        self._at: float | None = None

    def spend(self, now: float) -> bool:
        """Take one; False if there is none."""
        passed = 0.0 if self._at is None else now - self._at
        self._left = min(self._burst, self._left + passed * self._rate) - 1
        self._at = now
        return self._left >= 0


class PageSocket:
    """The server's side of a WebSocket whose request was already read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take the streams of the connection."""
        self._reader = reader
        self._writer = writer
        from wsproto import ConnectionType, WSConnection

        self._ws = WSConnection(ConnectionType.SERVER)
        self._events: deque[Event] = deque()
        self._allowance = Allowance(RATE, BURST)
        self._text = ""

    def accept(self, headers: Headers, target: str, early: bytes) -> None:
        """Answer the upgrade; SocketEnded if it is malformed."""
        from wsproto.events import AcceptConnection, Request
        from wsproto.utilities import LocalProtocolError, RemoteProtocolError

        try:
            self._ws.initiate_upgrade_connection(list(headers), target)
            for event in self._ws.events():
                if isinstance(event, Request):
                    self._writer.write(self._ws.send(AcceptConnection()))
            if early:
                self._feed(early)
        except (LocalProtocolError, RemoteProtocolError) as error:
            raise SocketEnded(PROTOCOL, str(error)) from error

    def send(self, text: str) -> bool:
        """Send a message; False if the client is leaving or too far behind, and it was dropped."""
        from wsproto.events import TextMessage

        if self._writer.transport.is_closing():
            return False
        if self._writer.transport.get_write_buffer_size() > BEHIND:
            return False
        return self._put(TextMessage(text))

    def close(self, ended: SocketEnded) -> None:
        """Send the reason for the end, if that is still possible."""
        from wsproto.events import CloseConnection

        self._put(CloseConnection(ended.code, ended.reason[:100]))

    async def receive(self) -> str:
        """Return the next message; SocketEnded."""
        from wsproto.utilities import RemoteProtocolError

        while True:
            while not self._events:
                data = await self._reader.read(READ)
                if not data:
                    raise SocketEnded(NORMAL, "the connection was closed")
                try:
                    self._feed(data)
                except RemoteProtocolError as error:
                    raise SocketEnded(PROTOCOL, str(error)) from error
            text = self._handle(self._events.popleft())
            if text is not None:
                return text

    def _feed(self, data: bytes) -> None:
        self._ws.receive_data(data)
        self._events.extend(self._ws.events())

    def _handle(self, event: Event) -> str | None:
        """Return a whole message, None if the event completes none; SocketEnded."""
        from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

        if not self._allowance.spend(asyncio.get_running_loop().time()):
            raise SocketEnded(POLICY, "too many messages")
        match event:
            case TextMessage(data=data):
                return self._piece(data, event.message_finished)
            case BytesMessage():
                raise SocketEnded(TEXT_ONLY, "text only")
            case Ping():
                self._put(Pong(event.payload))
            case CloseConnection():
                self._put(event.response())
                raise SocketEnded(NORMAL, "the page has left")
        return None

    def _put(self, event: Event) -> bool:
        """Send an event; False if the state of the connection does not allow it any more."""
        from wsproto.utilities import LocalProtocolError

        try:
            self._writer.write(self._ws.send(event))
        except LocalProtocolError:
            return False
        return True

    def _piece(self, data: str, finished: bool) -> str | None:
        self._text += data
        if len(self._text) > MAX_MESSAGE:
            raise SocketEnded(TOO_BIG, "the message is too long")
        if not finished:
            return None
        text, self._text = self._text, ""
        return text
