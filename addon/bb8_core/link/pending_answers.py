"""Commands that wait for their answer, by sequence number."""

from __future__ import annotations

import asyncio

from bb8_core.link.radio_interface import AnswerTimeout
from bb8_core.robot.packet_framing import Response

SEQUENCES = 256


class Pending:
    """Gives out sequence numbers and delivers each answer to its command; late answers are counted."""

    __slots__ = ("_next", "_waiting", "late")

    def __init__(self) -> None:
        """Start with nothing waiting."""
        self.late = 0
        self._next = 0
        self._waiting: dict[int, asyncio.Future[Response]] = {}

    def __len__(self) -> int:
        """How many commands wait."""
        return len(self._waiting)

    def open(self, timeout_s: float) -> tuple[int, asyncio.Future[Response]]:
        """Reserve a number; the future gets the answer, or AnswerTimeout after `timeout_s` seconds."""
        loop = asyncio.get_running_loop()
        seq = self.number()
        future: asyncio.Future[Response] = loop.create_future()
        timer = loop.call_later(timeout_s, self._time_out, seq, future)
        self._waiting[seq] = future
        future.add_done_callback(lambda _: self._close(seq, future, timer))
        return seq, future

    def number(self) -> int:
        """Return the next number that no command uses, 0-255."""
        for _ in range(SEQUENCES):
            seq, self._next = self._next, (self._next + 1) % SEQUENCES
            if seq not in self._waiting:
                return seq
        raise AnswerTimeout("256 commands wait for their answer")

    def answer(self, response: Response) -> None:
        """Deliver an answer; one that no command waits for is dropped."""
        future = self._waiting.pop(response.seq, None)
        if future is None or future.done():
            self.late += 1
        else:
            future.set_result(response)

    def fail_all(self, error: Exception) -> None:
        """End every wait: the link is gone."""
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            _fail(future, error)

    def _time_out(self, seq: int, future: asyncio.Future[Response]) -> None:
        if self._waiting.get(seq) is future:
            del self._waiting[seq]
        _fail(future, AnswerTimeout())

    def _close(self, seq: int, future: asyncio.Future[Response], timer: asyncio.TimerHandle) -> None:
        """Free the number of a wait that is over, a cancelled one included."""
        timer.cancel()
        if self._waiting.get(seq) is future:
            del self._waiting[seq]


def _fail(future: asyncio.Future[Response], error: Exception) -> None:
    """Set the error and mark it as retrieved: a caller that no longer waits has learned it another way."""
    if not future.done():
        future.set_exception(error)
        future.exception()
