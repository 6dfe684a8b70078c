"""The Supervisor through Home Assistant Core's WebSocket, with a long-lived token and no ssh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.base.secret import Secret
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.host.supervisor.core_websocket import CoreSocket
from bb8deploy.host.supervisor.rest_paths import PathSupervisor
from bb8deploy.host.supervisor.route_interface import (
    QUICK,
    NoAnswer,
    RefusalKind,
    SupervisorError,
    classify,
    denied,
    unwrap,
)

if TYPE_CHECKING:
    import ssl

    import httpx

    from bb8deploy.transport.http import Calls

CONNECT = 15.0


class WebSocketSupervisor(PathSupervisor):
    """`supervisor/api` commands of `/api/websocket`; logs come from `/api/hassio/...`.

    Source: Home Assistant Core 2026.11 with an administrator's token. The timeout must be null: after its
    default of 10 s Core answers with an empty error while the job continues.
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
        self._core = CoreSocket(url, token, ca_file, connect_timeout=connect_timeout, note=note)
        self._token = token
        self._calls: Calls | None = None

    @property
    def where(self) -> str:
        """The address at which Core answers."""
        return self._core.where

    @property
    def tls(self) -> ssl.SSLContext | bool:
        """How certificates are checked, for httpx."""
        return self._core.tls

    def call(
        self, method: str, path: str, body: Mapping[str, object] | None, *, doing: str, deadline: float
    ) -> JsonObject:
        """One `supervisor/api` command."""
        message: JsonObject = {
            "type": "supervisor/api",
            "endpoint": path,
            "method": method,
            "timeout": None,
        }
        if body is not None:
            message["data"] = dict(body)
        answer = self._core.exchange(message, doing, deadline)
        if answer.get("success"):
            return _result(answer)
        if _is_unknown_command(answer.get("error")):
            raise self._without_supervisor(doing, deadline)
        raise self._failure(answer.get("error"), doing)

    def _without_supervisor(self, doing: str, deadline: float) -> SupervisorError:
        """The error for `unknown_command`: Core is still starting, or it has no Supervisor at all.

        Source: Core 2026.11 does this until its hassio integration is set up.
        """
        state = str(self.ask_core("get_config", doing=doing, deadline=deadline).get("state") or "")
        if state == "RUNNING":
            return SupervisorError(RefusalKind.OTHER, doing, "this Home Assistant Core has no Supervisor")
        return SupervisorError(
            RefusalKind.NOT_READY, doing, f"Home Assistant Core is starting (state {state})"
        )

    def ask_core(self, kind: str, *, doing: str, deadline: float) -> JsonObject:
        """A command of Core itself that takes nothing, such as `auth/current_user`."""
        answer = self._core.exchange({"type": kind}, doing, deadline)
        if answer.get("success"):
            return _result(answer)
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
        """Ends the connection permanently; calls under way raise Interrupted."""
        self._core.close()
        if self._calls:
            self._calls.close()

    def _proxy(self) -> Calls:
        """Calls of Core's own paths."""
        from bb8deploy.transport.http import Calls

        if self._calls is None:
            self._calls = Calls(self._http(QUICK))
        if self._core.closed:
            self._calls.close()
        return self._calls

    def _http(self, read: float | None) -> httpx.Client:
        import httpx

        return httpx.Client(
            base_url=self.where,
            headers={"Authorization": f"Bearer {self._token.reveal()}", "Accept": "text/plain"},
            timeout=httpx.Timeout(QUICK, read=read),
            verify=self._core.tls,
            trust_env=False,
        )

    def _failure(self, said: object, doing: str) -> Exception:
        """The error for the value of `error`: an object with code and message, or only a text."""
        error = said if isinstance(said, Mapping) else {"message": said}
        code, message = str(error.get("code") or ""), str(error.get("message") or "")
        if code == "unauthorized":
            return denied(self.where, 403, doing)
        if not message:
            return NoAnswer(doing, self.where, "Core gave up waiting for the Supervisor")
        return SupervisorError(classify(None, "", message), doing, message)


def _result(answer: JsonObject) -> JsonObject:
    result = answer.get("result")
    return result if isinstance(result, dict) else {}


def _is_unknown_command(error: object) -> bool:
    return isinstance(error, Mapping) and error.get("code") == "unknown_command"
