"""The Supervisor through Home Assistant Core's WebSocket, with a long-lived token and no ssh."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bb8deploy.base.secret import Secret
from bb8deploy.catalogue.errors.supervisor import HA_TOKEN_REFUSED
from bb8deploy.host.supervisor.api import PathSupervisor
from bb8deploy.host.supervisor.base import (
    QUICK,
    NoAnswer,
    Problem,
    SupervisorError,
    classify,
    denied,
    unwrap,
)
from bb8deploy.transport.base import given_up

if TYPE_CHECKING:
    import httpx

    from bb8deploy.transport.http import Calls

CONNECT = 15.0
LIMIT = 16 * 1024 * 1024
CORE_PORTS = {80: 8123, 8123: 80}


class WebSocketSupervisor(PathSupervisor):
    """`supervisor/api` commands of `/api/websocket`; logs come from `/api/hassio/...`.

    Source: Home Assistant Core 2026.11 with an administrator's token. The timeout must be null: after its
    default of 10 s Core answers with an empty error while the job goes on.
    """

    route = "websocket"
    log_is_current = False

    def __init__(
        self,
        url: str,
        token: Secret,
        ca_file: Path | None = None,
        *,
        connect_timeout: float = CONNECT,
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.where = url.rstrip("/")
        self._note = note
        self._token = token
        self._connect_timeout = connect_timeout
        self._ca_file = ca_file
        self._socket: ClientConnection | None = None
        self._calls: Calls | None = None
        self._closed = False
        self._count = 0

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None, *, doing: str, deadline: float
    ) -> dict[str, Any]:
        """One command; its answer is found by its number, whatever comes in between."""
        self._count += 1
        message: dict[str, Any] = {
            "id": self._count,
            "type": "supervisor/api",
            "endpoint": path,
            "method": method,
            "timeout": None,
        }
        if body is not None:
            message["data"] = dict(body)
        answer = self._exchange(message, doing, deadline)
        if answer.get("success"):
            result = answer.get("result")
            return result if isinstance(result, dict) else {}
        if _is_unknown_command(answer.get("error")):
            raise self._without_supervisor(doing, deadline)
        raise self._failure(answer.get("error"), doing)

    def _without_supervisor(self, doing: str, deadline: float) -> SupervisorError:
        """The error for `unknown_command`: Core is still starting, or it has no Supervisor at all.

        Source: Core 2026.11 does this until its hassio integration is set up.
        """
        state = str(self.ask_core("get_config", doing=doing, deadline=deadline).get("state") or "")
        if state == "RUNNING":
            return SupervisorError(Problem.OTHER, doing, "this Home Assistant Core has no Supervisor")
        return SupervisorError(Problem.NOT_READY, doing, f"Home Assistant Core is starting (state {state})")

    def ask_core(self, kind: str, *, doing: str, deadline: float) -> dict[str, Any]:
        """A command of Core itself that takes nothing, such as `auth/current_user`."""
        self._count += 1
        answer = self._exchange({"id": self._count, "type": kind}, doing, deadline)
        if answer.get("success"):
            result = answer.get("result")
            return result if isinstance(result, dict) else {}
        raise self._failure(answer.get("error"), doing)

    def text(self, path: str, lines: int, *, doing: str) -> str:
        """A log through Core's proxy, which passes few paths on."""
        import httpx

        try:
            answer = self._proxy().call("GET", f"/api/hassio{path}", deadline=QUICK, params={"lines": lines})
        except httpx.HTTPError as error:
            raise NoAnswer(doing, self.where, str(error) or type(error).__name__) from error
        if answer.status_code in {401, 403}:
            raise denied(self.where, answer.status_code, doing)
        if answer.status_code != 200:
            if "json" in answer.headers.get("content-type", ""):
                unwrap(answer.json(), doing=doing, status=answer.status_code)
            raise NoAnswer(doing, self.where, f"{answer.status_code} {answer.text[:200]}")
        return answer.text

    def stream(self, path: str) -> Iterator[str]:
        """A followed log through Core's proxy."""
        import httpx

        try:
            with self._http(None) as client, client.stream("GET", f"/api/hassio{path}") as answer:
                if answer.status_code in {401, 403}:
                    raise denied(self.where, answer.status_code, "follow the log")
                if answer.status_code != 200:
                    raise NoAnswer("follow the log", self.where, f"it answered {answer.status_code}")
                yield from answer.iter_lines()
        except httpx.HTTPError as error:
            raise NoAnswer("follow the log", self.where, str(error)) from error

    def log_path(self, slug: str) -> str:
        """The whole log: `logs/latest` is not among the paths that Core passes on."""
        return f"/addons/{slug}/logs"

    def close(self) -> None:
        """Ends the connection for good; calls under way raise Interrupted."""
        self._closed = True
        self._hang_up()
        if self._calls:
            self._calls.close()

    def _hang_up(self) -> None:
        """Ends the connection; the next command makes another."""
        socket, self._socket = self._socket, None
        if socket:
            socket.close()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made at its first use: it takes 30 ms, and most homes have no TLS."""
        return ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)

    def _proxy(self) -> Calls:
        """Calls of Core's own paths."""
        from bb8deploy.transport.http import Calls

        if self._calls is None:
            self._calls = Calls(self._http(QUICK))
        if self._closed:
            self._calls.close()
        return self._calls

    def _http(self, read: float | None) -> httpx.Client:
        import httpx

        return httpx.Client(
            base_url=self.where,
            headers={"Authorization": f"Bearer {self._token.reveal()}", "Accept": "text/plain"},
            timeout=httpx.Timeout(QUICK, read=read),
            verify=self._tls,
            trust_env=False,
        )

    def _exchange(self, message: dict[str, Any], doing: str, deadline: float) -> dict[str, Any]:
        end = time.monotonic() + deadline
        try:
            socket = self._open()
            socket.send(json.dumps(message))
            while True:
                answer = self._receive(socket, end - time.monotonic())
                if answer.get("id") == message["id"] and answer.get("type") == "result":
                    return answer
        except (WebSocketException, OSError, ValueError, RecursionError) as error:
            self._hang_up()
            if self._closed:
                raise given_up(self.where) from error
            why = f"no answer within {deadline:.0f} s" if isinstance(error, TimeoutError) else str(error)
            raise NoAnswer(doing, self.where, why) from error

    def _open(self) -> ClientConnection:
        """The connection, authenticated; made again after it was lost."""
        if self._closed:
            raise given_up(self.where)
        if self._socket:
            return self._socket
        try:
            socket = self._dial(self.where)
        except ConnectionRefusedError:
            socket = self._dial_other_port()
        try:
            self._receive(socket, self._connect_timeout)
            socket.send(json.dumps({"type": "auth", "access_token": self._token.reveal()}))
            answer = self._receive(socket, self._connect_timeout)
        except BaseException:
            socket.close()
            raise
        if answer.get("type") != "auth_ok":
            socket.close()
            raise HA_TOKEN_REFUSED(
                f"{self.where} does not accept the long-lived token: {answer.get('message', 'no reason')}"
            )
        self._socket = socket
        if self._closed:  # while it came about
            self._hang_up()
            raise given_up(self.where)
        return socket

    def _dial(self, url: str) -> ClientConnection:
        scheme, _, rest = url.partition("://")
        secure = scheme in {"https", "wss"}
        link = connect(
            f"{'wss' if secure else 'ws'}://{rest}/api/websocket",
            ssl=self._tls if secure else None,
            open_timeout=self._connect_timeout,
            close_timeout=5.0,
            max_size=LIMIT,
            proxy=None,
        )
        link.__enter__()  # websockets 17 deprecates a connection outside of `with`; close() ends ours
        return link

    def _dial_other_port(self) -> ClientConnection:
        """The other of Core's two ports on the same host. Raises the error of the first one if there is none.

        Source: a new installation of Core 2026.11 listens on port 80; before, and after an update, on 8123.
        """
        other = other_port(self.where)
        if not other:
            return self._dial(self.where)
        try:
            socket = self._dial(other)
        except (OSError, WebSocketException) as error:
            message = f"connection refused; port {urlsplit(other).port} of the host does not answer either"
            raise ConnectionRefusedError(message) from error
        self._note(f"{self.where} refuses connections; Home Assistant Core answers at {other}")
        self.where = other
        return socket

    def _receive(self, socket: ClientConnection, seconds: float) -> dict[str, Any]:
        answer = json.loads(socket.recv(timeout=max(0.0, seconds)))
        return answer if isinstance(answer, dict) else {}

    def _failure(self, said: object, doing: str) -> Exception:
        """The error for what stands under `error`: an object with code and message, or just words."""
        error = said if isinstance(said, Mapping) else {"message": said}
        code, message = str(error.get("code") or ""), str(error.get("message") or "")
        if code == "unauthorized":
            return denied(self.where, 403, doing)
        if not message:
            return NoAnswer(doing, self.where, "Core gave up waiting for the Supervisor")
        return SupervisorError(classify(None, "", message), doing, message)


def other_port(url: str) -> str:
    """The same address with the other port of Core, 80 or 8123; empty for TLS and for any other port."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError:
        return ""
    if parts.scheme != "http" or port not in CORE_PORTS or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"http://{host}:{CORE_PORTS[port]}"


def _is_unknown_command(error: object) -> bool:
    return isinstance(error, Mapping) and error.get("code") == "unknown_command"
