"""The answer to a request for a log: text, verbose text, or a stream."""

from __future__ import annotations

from ha_sandbox.supervisor.api.routing import Request, Response
from ha_sandbox.supervisor.log_files import Journal

_ACCEPTED = frozenset({"*/*", "text/plain", "text/x-log", "application/json", "text/*"})
_INVALID = b"Invalid content type requested. Only text/plain is supported."
_DEFAULT_LINES, _FEWEST_LINES = 100, 2


def log_response(journal: Journal, request: Request, kind: str) -> Response:
    """The lines of `journal`; `kind` is the rest of the path after /logs."""
    accept = request.headers.get("accept", "*/*").split(",")[0].strip()
    if accept not in _ACCEPTED:
        return Response(400, "text/plain", _INVALID)
    lines = _lines(request)
    verbose = accept == "text/x-log" or "verbose" in request.query
    if kind.endswith("/follow"):
        return Response(200, "text/plain", stream=journal.follow(lines, verbose=verbose))
    text = journal.latest(lines) if kind == "/latest" else journal.tail(lines, verbose=verbose)
    return Response(200, "text/plain", text.encode())


def no_lines(request: Request) -> Response:
    """The log of something that does not run in the sandbox."""
    refused = request.headers.get("accept", "*/*").split(",")[0].strip() not in _ACCEPTED
    return Response(400, "text/plain", _INVALID) if refused else Response(200, "text/plain")


def _lines(request: Request) -> int:
    asked = request.query.get("lines", "")
    return max(_FEWEST_LINES, int(asked)) if asked.isdigit() else _DEFAULT_LINES
