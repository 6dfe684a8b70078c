"""Core's own calls of the Supervisor, with its token, and what Core makes of a lost one."""

from __future__ import annotations

import json
import threading
import time

from ha_sandbox.json_types import JsonObject
from ha_sandbox.restart import Power
from ha_sandbox.situations import Situation
from ha_sandbox.supervisor.api.request_dispatch import Api
from ha_sandbox.supervisor.api.routing import PLAIN, Request, Response

LOST = Response(502, PLAIN, b"502: Bad Gateway")
"""No answer: the connection to the Supervisor broke, or there was none."""
_LOOK = 0.05  # seconds between two looks whether the Supervisor was restarted


class SupervisorCalls:
    """Calls of the Supervisor by Core; `token` is Core's own."""

    def __init__(self, api: Api, token: str, power: Power) -> None:
        self._api = api
        self._token = token
        self._power = power

    def send(self, request: Request) -> Response:
        """The Supervisor's response; LOST if its container is stopped or it restarts meanwhile."""
        return self.send_within(request, None) or LOST

    def send_within(self, request: Request, seconds: float | None) -> Response | None:
        """The response, None if `seconds` have passed before it came. The work continues in any case."""
        if Situation.SUPERVISOR_STOPPED in self._power.faults:
            return LOST
        restarts = self._power.restarts
        answers: list[Response] = []
        signed = self._signed(request)
        worker = threading.Thread(target=lambda: answers.append(self._api.answer(signed)), name="core call")
        worker.start()
        end = None if seconds is None else time.monotonic() + seconds
        while not answers and worker.is_alive():
            if self._power.restarts != restarts:
                return LOST
            left = _LOOK if end is None else min(_LOOK, end - time.monotonic())
            if left <= 0:
                return None
            worker.join(left)
        return LOST if self._power.restarts != restarts else answers[0]

    def pass_on(self, path: str, request: Request) -> Response:
        """What the proxy answers for a log: the Supervisor's own response, streams included."""
        if Situation.SUPERVISOR_STOPPED in self._power.faults:
            return LOST
        return self._api.answer(self._signed(Request("GET", path, request.query, headers=request.headers)))

    def _signed(self, request: Request) -> Request:
        headers = {**request.headers, "authorization": f"Bearer {self._token}"}
        return Request(request.method, request.path, request.query, request.body, headers)


def envelope(response: Response) -> JsonObject:
    """The JSON object of a response, empty if it is not one."""
    return parse_object(response.body) if response.content_type.startswith("application/json") else {}


def parse_object(text: str | bytes) -> JsonObject:
    """`text` as a JSON object, empty if it is anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
