"""A small client of Home Assistant's REST and websocket API."""

from __future__ import annotations

import json
from typing import Any

import httpx
from websockets.sync.client import connect

TIMEOUT_S = 30.0


class Client:
    """Speaks to one Home Assistant; without a token only onboarding and login answer."""

    def __init__(self, base_url: str, token: str = "") -> None:
        self._base_url = base_url
        self.token = token

    def call(self, method: str, path: str, body: Any = None, form: dict[str, str] | None = None) -> Any:
        """One request; returns its answer. RuntimeError when it is refused, OSError when unreachable."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            reply = httpx.request(
                method, self._base_url + path, json=body, data=form, headers=headers, timeout=TIMEOUT_S
            )
        except httpx.HTTPError as error:
            raise ConnectionError(f"{method} {path}: {error}") from error
        if reply.is_error:
            raise RuntimeError(f"{method} {path}: {reply.status_code} {reply.text[:400]}")
        return reply.json()

    def ask(self, **command: Any) -> Any:
        """One command over the websocket; returns its result."""
        url = self._base_url.replace("http", "ws", 1) + "/api/websocket"
        with connect(url, open_timeout=TIMEOUT_S, max_size=None, proxy=None) as socket:
            json.loads(socket.recv(TIMEOUT_S))
            socket.send(json.dumps({"type": "auth", "access_token": self.token}))
            if (answer := json.loads(socket.recv(TIMEOUT_S)))["type"] != "auth_ok":
                raise RuntimeError(f"the websocket refused us: {answer}")
            socket.send(json.dumps({"id": 1, **command}))
            while (answer := json.loads(socket.recv(TIMEOUT_S))).get("type") != "result":
                pass
        if not answer["success"]:
            raise RuntimeError(f"{command['type']}: {answer['error']}")
        return answer["result"]
