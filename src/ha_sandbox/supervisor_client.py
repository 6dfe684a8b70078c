"""A small client of the sandbox's own Supervisor, for tests and for the sandbox itself."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from bb8deploy.catalogue.errors.tool import SANDBOX_PORT_IN_USE, SANDBOX_REFUSED
from ha_sandbox.supervisor.log_files import Journal

_DEADLINE = 1800.0  # seconds; an install builds
_LOG_LINES = 25
_REMEDIES = (
    (
        "--docker`",
        "Use `--docker`, which builds the app on its real base, or correct what the log shows.",
    ),
    (
        "Can't install",
        "Check the image's name and tag, and that this machine reaches the registry.",
    ),
)
"""Signs in the Supervisor's log, and what then helps."""


def call_supervisor(url: str, token: str, method: str, path: str, body: object, journal: Journal) -> Any:
    """One call; returns `data`.

    Raises CheckFailed SANDBOX_REFUSED, with the end of the log, for an error, and OSError if the sandbox ends
    before it has answered.
    """
    request = urllib.request.Request(  # noqa: S310  our own loopback address
        url + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_DEADLINE) as response:  # noqa: S310
            return json.load(response)["data"]
    except http.client.HTTPException as error:
        raise ConnectionError(f"the sandbox ended during {method} {path}: {error}") from error
    except urllib.error.HTTPError as error:
        with error:
            message = _text(error)
        answer = _envelope(message)
        if answer.get("error_key") == "app_port_conflict":
            raise SANDBOX_PORT_IN_USE(str(answer["message"])) from error
        log = journal.tail(_LOG_LINES)
        raise SANDBOX_REFUSED(
            f"the sandbox's Supervisor answered {method} {path} with {error.code}: "
            f"{answer.get('message', message)}",
            next((remedy for sign, remedy in _REMEDIES if sign in log), ""),
            details=log.splitlines(),
        ) from error


def _text(error: urllib.error.HTTPError) -> str:
    """The body of an error; as much as there is of one that was cut off."""
    try:
        body = error.read()
    except http.client.IncompleteRead as cut:
        body = cut.partial
    return body.decode(errors="replace")


def _envelope(text: str) -> dict[str, Any]:
    """The Supervisor's JSON, empty for plain text."""
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
