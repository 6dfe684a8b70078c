"""HTTP calls with a deadline: the whole answer comes in time, or the call fails.

httpx's own time limits hold for each read, so a server that sends a byte now and then is never late;
and nothing ends a call of another thread. Here a separate thread makes the call, and the caller waits for it
with a deadline.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from threading import Thread
from typing import Any

import httpx

from bb8deploy.transport.transport_interface import given_up

LIMIT = 64 * 1024 * 1024
_OF_THE_WIRE = {"content-encoding", "content-length", "transfer-encoding"}


class Calls:
    """The calls of one client, which `close` ends in whatever thread they wait."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._under_way: set[Future[httpx.Response]] = set()
        self._closed = False

    def call(self, method: str, url: str, *, deadline: float, **words: Any) -> httpx.Response:
        """The whole answer, whatever its status; `words` are those of httpx.

        Raises httpx.HTTPError if none comes within `deadline` seconds, or one longer than LIMIT;
        Interrupted if `close` was called.
        """
        request = self._client.build_request(method, url, **{"timeout": deadline, **words})
        answer: Future[httpx.Response] = Future()
        self._under_way.add(answer)
        if self._closed:
            answer.cancel()
        arguments = (answer, request, time.monotonic() + deadline)
        Thread(target=self._carry_out, args=arguments, daemon=True, name="http call").start()
        try:
            return answer.result(deadline)
        except CancelledError:
            raise given_up(str(request.url.copy_with(query=None))) from None
        except TimeoutError:
            answer.cancel()
            raise _late(deadline) from None

    def close(self) -> None:
        """Gives up every call and closes the connections, except those that a thread still waits on."""
        self._closed = True
        for answer in tuple(self._under_way):
            answer.cancel()
        if not self._under_way:
            self._client.close()

    def _carry_out(self, answer: Future[httpx.Response], request: httpx.Request, end: float) -> None:
        try:
            if not answer.cancelled():
                with suppress(InvalidStateError):  # given up meanwhile
                    answer.set_result(self._whole(request, end))
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            with suppress(InvalidStateError):
                answer.set_exception(error)
        finally:
            self._under_way.discard(answer)

    def _whole(self, request: httpx.Request, end: float) -> httpx.Response:
        """The answer with its body, unpacked; the deadline holds here too, so that the thread ends."""
        body = bytearray()
        answer = self._client.send(request, stream=True)
        try:
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > LIMIT:
                    raise httpx.ReadError(f"the answer is longer than {LIMIT // 1024**2} MiB")
                if time.monotonic() > end:
                    raise httpx.ReadTimeout("the answer did not end in time")
        finally:
            answer.close()
        kept = [pair for pair in answer.headers.multi_items() if pair[0].lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=kept, content=bytes(body), request=answer.request)


def _late(deadline: float) -> httpx.ReadTimeout:
    return httpx.ReadTimeout(f"no whole answer within {deadline:g} s")
