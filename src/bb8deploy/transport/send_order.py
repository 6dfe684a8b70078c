"""Keeps the order of a channel's last messages: nothing is sent on a channel after its close.

paramiko decides under the channel's lock that it sends data or end-of-file, and sends it after it released
the lock. If the command ends in between, the thread that reads the connection answers with the close first.
OpenSSH then ends the whole connection: "data packet referred to nonexistent channel".
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import paramiko


@dataclass(slots=True)
class _Under:
    """What is being sent on one channel: by how many calls, and the messages that follow."""

    calls: int = 0
    last: list[paramiko.Message] = field(default_factory=list)


class SendOrder:
    """The sends of one connection.

    No lock is held while something is sent: that may wait for a full socket, or for new keys, which the
    reading thread has to receive.
    """

    def __init__(self) -> None:
        self._under: dict[paramiko.Channel, _Under] = {}

    @contextlib.contextmanager
    def sending(self, channel: paramiko.Channel) -> Iterator[None]:
        """While the block sends on `channel`, its close waits; it is sent at the end of the block."""
        inside: Any = channel  # its lock is not part of the types
        with inside.lock:
            under = self._under.setdefault(channel, _Under())
            under.calls += 1
        try:
            yield
        finally:
            with inside.lock:
                under.calls -= 1
                last = [] if under.calls else self._under.pop(channel).last
            self._send_last(channel, last)

    def on_close(self, channel: paramiko.Channel, _message: paramiko.Message) -> None:
        """Handles the server's close as paramiko does, but for the moment of the answer."""
        self._close(channel, ended=True)

    def on_refusal(self, channel: paramiko.Channel, _message: paramiko.Message) -> None:
        """Handles the refusal of a command, after which paramiko closes the channel."""
        self._close(channel, ended=False)

    def _close(self, channel: paramiko.Channel, *, ended: bool) -> None:
        """The channel is closed from now on; its last messages go out now, or after what is being sent."""
        inside: Any = channel
        with inside.lock:
            last = [message for message in inside._close_internal() if message is not None]  # noqa: SLF001
            if ended:
                inside.transport._unlink_channel(inside.chanid)  # noqa: SLF001
            under = self._under.get(channel)
            if under is not None:
                under.last += last
                return
        for message in last:
            inside.transport._send_user_message(message)  # noqa: SLF001

    @staticmethod
    def _send_last(channel: paramiko.Channel, last: list[paramiko.Message]) -> None:
        """Sends what waited. A connection that has ended by now shows at the next read."""
        if not last:
            return
        import paramiko

        inside: Any = channel
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            for message in last:
                inside.transport._send_user_message(message)  # noqa: SLF001
