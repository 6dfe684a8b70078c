"""Requests, responses and routes of the Supervisor's REST API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.app_lifecycle import Manager, Work
from ha_sandbox.supervisor.jobs import Job
from ha_sandbox.supervisor.tokens_and_roles import Caller

JSON = "application/json; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A call: the path without its query, the body as sent, headers with lower-case names."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The bearer token from any of the three headers that the Supervisor reads."""
        bearer = self.headers.get("authorization", "")
        sent = bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else ""
        return sent or self.headers.get("x-supervisor-token", "") or self.headers.get("x-hassio-key", "")

    @property
    def is_v2(self) -> bool:
        """True for a path of the v2 API."""
        return self.path.startswith("/v2/")

    @property
    def is_form(self) -> bool:
        """True if the body is a URL-encoded form."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    def form(self) -> JsonObject:
        """The fields of a URL-encoded form."""
        return dict(parse_qsl(self.body.decode(errors="replace"), keep_blank_values=True))

    def json(self) -> JsonObject:
        """The body as an object, `{}` if it is empty. Raises ApiError if it is anything else."""
        if not self.body.strip():
            return {}
        try:
            value = json.loads(self.body)
        except ValueError as error:
            raise ApiError("Invalid json") from error
        if not isinstance(value, dict):
            raise ApiError(f"expected a dictionary. Got {value!r}")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. If `stream` is set, it replaces `body` and yields text as it arrives.

    `headers` are sent besides type and length, in this order; a name may appear twice.
    """

    status: int
    content_type: str
    body: bytes = b""
    stream: Iterator[str] | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MqttLogin:
    """The broker's user, as GET /services/mqtt returns it."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request with what its handler needs: the manager, the caller, the path's groups."""

    manager: Manager
    mqtt: MqttLogin
    request: Request
    caller: Caller
    match: re.Match[str]

    @property
    def slug(self) -> str:
        """The slug in the path; `self` is the caller's own slug."""
        name = self.match["slug"]
        return self.caller.slug if name == "self" and self.caller.slug else name

    def need_core(self) -> None:
        """Raises PlainError 401 if the caller is an app: the route is for Core alone."""
        if self.caller.slug:
            raise api_errors.unauthorized()

    def only_keys(self, *allowed: str) -> JsonObject:
        """The body. Raises ApiError if it has a key that is not allowed."""
        body = self.request.json()
        for key, value in body.items():
            if key not in allowed:
                raise api_errors.extra_key(key, value)
        return body

    def run(self, names: tuple[str, str], slug: str, work: Work) -> JsonObject | None:
        """Runs `work` as a job with these names; in the background if the body asks for it."""
        job = Job(*names, slug)
        if self.request.json().get("background"):
            return {"job_id": self.manager.jobs.start(job, work)}
        self.manager.jobs.run(job, work)
        return None


Answer = Response | JsonObject | list[JsonObject] | None
Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path pattern with the handler for them."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler


class Routes:
    """Routes in the order in which they are tried."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def add(self, method: str, pattern: str) -> Callable[[Handler], Handler]:
        """A decorator that registers a handler; `{s}` in the pattern matches a slug."""

        def register(handler: Handler) -> Handler:
            compiled = re.compile(pattern.replace("{s}", "(?P<slug>[^/]+)") + r"\Z")
            self._routes.append(Route(method, compiled, handler))
            return handler

        return register

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)


def json_response(status: int, body: object) -> Response:
    """A response with `body` as JSON."""
    return Response(status, JSON, json.dumps(body, separators=(",", ":")).encode())
