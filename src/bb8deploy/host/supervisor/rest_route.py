"""The Supervisor by its REST API, from inside Home Assistant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import httpx

from bb8deploy.base.secret import Secret
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.host.supervisor.rest_paths import PathSupervisor
from bb8deploy.host.supervisor.route_interface import (
    QUICK,
    NoAnswer,
    RefusalKind,
    SupervisorError,
    denied,
    unwrap,
)
from bb8deploy.transport.http import Calls


class RestSupervisor(PathSupervisor):
    """Calls `SUPERVISOR_URL` with `SUPERVISOR_TOKEN`."""

    route = "rest"
    log_is_current = True

    def __init__(self, url: str, token: Secret) -> None:
        self.where = url
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token.reveal()}"},
            timeout=QUICK,
            trust_env=False,
        )
        self._calls = Calls(self._client)

    def call(
        self, method: str, path: str, body: Mapping[str, object] | None, *, doing: str, deadline: float
    ) -> JsonObject:
        """One call; a plain-text 401 or 403 is a refusal, a plain-text 404 an old Supervisor."""
        try:
            answer = self._calls.call(
                method, path, deadline=deadline, json=body, timeout=httpx.Timeout(deadline, connect=10.0)
            )
        except httpx.HTTPError as error:
            raise NoAnswer(doing, self.where, str(error) or type(error).__name__) from error
        return unwrap(self._json(answer, doing), doing=doing, status=answer.status_code)

    def text(self, path: str, lines: int, *, doing: str) -> str:
        """A log as text/plain."""
        try:
            answer = self._calls.call(
                "GET", path, deadline=QUICK, params={"lines": lines}, headers={"Accept": "text/plain"}
            )
        except httpx.HTTPError as error:
            raise NoAnswer(doing, self.where, str(error) or type(error).__name__) from error
        if answer.status_code != 200:
            unwrap(self._json(answer, doing), doing=doing, status=answer.status_code)
            raise SupervisorError(RefusalKind.OTHER, doing, answer.text[:200])
        return answer.text

    def stream(self, path: str) -> Iterator[str]:
        """A followed log; silence of the container is not an error, so reading has no deadline of its own."""
        timeout = httpx.Timeout(QUICK, read=None)
        headers = {"Accept": "text/plain"}
        try:
            with self._client.stream("GET", path, headers=headers, timeout=timeout) as answer:
                if answer.status_code != 200:
                    answer.read()
                    self._json(answer, "follow the log")
                yield from answer.iter_lines()
        except httpx.HTTPError as error:
            raise NoAnswer("follow the log", self.where, str(error)) from error

    def log_path(self, slug: str) -> str:
        """The log since the present container's start."""
        return f"/addons/{slug}/logs/latest"

    def close(self) -> None:
        """Closes the connections; calls under way raise Interrupted."""
        self._calls.close()

    def _json(self, answer: httpx.Response, doing: str) -> object:
        if answer.status_code in {401, 403}:
            raise denied(self.where, answer.status_code, doing)
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise SupervisorError(
                RefusalKind.OTHER, doing, f"{answer.status_code} {answer.text[:200]}"
            ) from error
