"""The Supervisor's REST API as a function from request to response: routes, roles, envelopes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ha_sandbox.supervisor import failures, host_info, options, views
from ha_sandbox.supervisor.access import Access, Caller
from ha_sandbox.supervisor.failures import ApiError, PlainError
from ha_sandbox.supervisor.jobs import Job
from ha_sandbox.supervisor.journal import Journal
from ha_sandbox.supervisor.manager import Manager, Work

JSON = "application/json; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"
_LEGACY_STORE = re.compile(r"^/addons/([^/]+)/(install|update)$")


@dataclass(frozen=True, slots=True)
class Request:
    """A call: path without query, body as sent, headers with lower-case names."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """The bearer token, however it was sent."""
        bearer = self.headers.get("authorization", "")
        sent = bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else ""
        return sent or self.headers.get("x-supervisor-token", "") or self.headers.get("x-hassio-key", "")

    def json(self) -> dict[str, Any]:
        """The body as an object; an empty one is `{}`; raises ApiError."""
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
    """An answer; `stream` replaces `body` where lines follow as they come."""

    status: int
    content_type: str
    body: bytes = b""
    stream: Iterator[str] | None = None


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The broker as /services/mqtt tells it to an add-on."""

    username: str
    password: str


Handler = Callable[["Api", Request, Caller, re.Match[str]], Any]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def _route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _ROUTES.append((method, re.compile(pattern.replace("{s}", "(?P<slug>[^/]+)") + r"\Z"), handler))
        return handler

    return register


class Api:
    """The API of one host."""

    def __init__(self, manager: Manager, access: Access, mqtt: Mqtt) -> None:
        self.manager = manager
        self.access = access
        self.mqtt = mqtt

    def answer(self, request: Request) -> Response:
        """The response; never raises for what a client can send."""
        try:
            caller = self.access.admit(request.path, request.token)
            data = self._dispatch(request, caller)
        except PlainError as error:
            return Response(error.status, PLAIN, error.text.encode())
        except ApiError as error:
            return _json(error.status, error.envelope())
        except Exception as error:  # noqa: BLE001 - a server answers 500, it never just closes the connection
            self.manager.journal.log("ERROR", "api", f"{request.method} {request.path}: {error!r}")
            return Response(500, PLAIN, f"500 Internal Server Error\n\n{error}".encode())
        if isinstance(data, Response):
            return data
        return _json(200, {"result": "ok", "data": {} if data is None else data})

    def _dispatch(self, request: Request, caller: Caller) -> Any:
        for method, pattern, handler in _ROUTES:
            match = pattern.match(request.path)
            if match and method == request.method:
                return handler(self, request, caller, match)
        raise failures.no_route()

    def slug(self, caller: Caller, match: re.Match[str]) -> str:
        """The slug of the path; `self` is the caller's own."""
        name = match["slug"]
        return caller.slug if name == "self" and caller.slug else name

    def run(self, request: Request, names: tuple[str, str], slug: str, work: Work) -> Any:
        """Does `work` as a job, in the background where the body asks for it."""
        job = Job(*names, slug)
        if request.json().get("background"):
            return {"job_id": self.manager.jobs.start(job, work)}
        self.manager.jobs.run(job, work)
        return None


def _json(status: int, body: object) -> Response:
    return Response(status, JSON, json.dumps(body, separators=(",", ":")).encode())


def _only_keys(body: Mapping[str, Any], *allowed: str) -> None:
    for key, value in body.items():
        if key not in allowed:
            raise failures.extra_key(key, value)


# -------------------------------------------------------------------- the host


@_route("GET", "/supervisor/ping")
def _ping(_api: Api, _request: Request, _caller: Caller, _match: re.Match[str]) -> None:
    return None


@_route("GET", "/(?P<what>info|supervisor/info|host/info|core/info|os/info|resolution/info)")
def _host_info(api: Api, _request: Request, _caller: Caller, match: re.Match[str]) -> Any:
    return host_info.INFO[match["what"]](api.manager)


@_route("GET", "/available_updates")
def _available_updates(api: Api, _request: Request, _caller: Caller, _match: re.Match[str]) -> Any:
    return {"available_updates": host_info.available_updates(api.manager)}


@_route("GET", "/supervisor/logs(?P<kind>/follow|/latest)?")
def _supervisor_logs(api: Api, request: Request, _caller: Caller, match: re.Match[str]) -> Response:
    return _logs(api.manager.journal, request, match["kind"] or "")


@_route("GET", "/jobs/info")
def _jobs(api: Api, _request: Request, _caller: Caller, _match: re.Match[str]) -> Any:
    return {"ignore_conditions": [], "jobs": [job.view() for job in api.manager.jobs.listed()]}


@_route("GET", "/jobs/(?P<uuid>[^/]+)")
def _job(api: Api, _request: Request, _caller: Caller, match: re.Match[str]) -> Any:
    found = [job for job in api.manager.jobs.listed() if job.uuid == match["uuid"]]
    if not found:
        raise ApiError("Job does not exist", status=404)
    return found[0].view()


@_route("GET", "/services/mqtt")
def _services_mqtt(api: Api, _request: Request, caller: Caller, _match: re.Match[str]) -> Any:
    services = _services_of(api, caller)
    if caller.slug and not any(str(service).startswith("mqtt:") for service in services):
        raise ApiError("No access to mqtt service!", status=403)
    host, port = api.manager.runtime.address("mqtt")
    return {
        "host": host,
        "port": port,
        "ssl": False,
        "protocol": "3.1.1",
        "username": api.mqtt.username,
        "password": api.mqtt.password,
        "addon": "core_mosquitto",
    }


def _services_of(api: Api, caller: Caller) -> list[Any]:
    app = api.manager.installed.get(caller.slug)
    return list(app.config.get("services") or []) if app else []


# -------------------------------------------------------------------- the store


@_route("POST", "/(store|addons|v2/store)/reload")
def _reload(api: Api, _request: Request, _caller: Caller, _match: re.Match[str]) -> None:
    api.manager.store.reload()


@_route("GET", "/(v2/)?store")
def _store(api: Api, request: Request, _caller: Caller, _match: re.Match[str]) -> Any:
    kind = "apps" if request.path.startswith("/v2/") else "addons"
    return {kind: _store_rows(api), "repositories": host_info.REPOSITORIES}


@_route("GET", "/store/repositories")
def _repositories(_api: Api, _request: Request, _caller: Caller, _match: re.Match[str]) -> Any:
    return host_info.REPOSITORIES


@_route("GET", "/(v2/store/apps|store/addons)")
def _store_list(api: Api, request: Request, _caller: Caller, _match: re.Match[str]) -> Any:
    return {"apps" if request.path.startswith("/v2/") else "addons": _store_rows(api)}


def _store_rows(api: Api) -> list[dict[str, Any]]:
    manager = api.manager
    return [
        views.store_entry(app, manager.installed.get(app.slug), arch=manager.arch)
        for app in manager.store.apps.values()
    ]


@_route("GET", "/(v2/store/apps|store/addons)/{s}")
def _store_one(api: Api, _request: Request, _caller: Caller, match: re.Match[str]) -> Any:
    manager = api.manager
    app = manager.store_app(match["slug"])
    return views.store_info(app, manager.installed.get(app.slug), arch=manager.arch)


@_route("GET", "/(v2/store/apps|store/addons)/{s}/availability")
def _availability(api: Api, _request: Request, _caller: Caller, match: re.Match[str]) -> None:
    api.manager.need_architecture(api.manager.store_app(match["slug"]))


@_route("GET", "/(v2/store/apps|store/addons|addons)/{s}/(?P<asset>changelog|documentation)")
def _asset(api: Api, _request: Request, _caller: Caller, match: re.Match[str]) -> Response:
    app = api.manager.store_app(match["slug"])
    file = app.path / {"changelog": "CHANGELOG.md", "documentation": "DOCS.md"}[match["asset"]]
    missing = f"No {match['asset']} found for app {match['slug']}!"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else missing
    return Response(200, "text/plain", text.encode())


@_route("POST", "/(v2/store/apps|store/addons|addons)/{s}/install(/[^/]+)?")
def _install(api: Api, request: Request, _caller: Caller, match: re.Match[str]) -> Any:
    _only_keys(request.json(), "background")
    work = api.manager.install(match["slug"])
    return api.run(request, ("addon_manager_install", "app_install"), match["slug"], work)


@_route("POST", "/(v2/store/apps|store/addons|addons)/{s}/update(/[^/]+)?")
def _update(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> Any:
    _only_keys(request.json(), "background", "backup")
    slug = api.slug(caller, match)
    return api.run(request, ("addon_manager_update", "app_update"), slug, api.manager.update(slug))


# -------------------------------------------------------------------- installed apps


@_route("GET", "/(v2/apps|addons)")
def _list(api: Api, request: Request, _caller: Caller, _match: re.Match[str]) -> Any:
    manager = api.manager
    apps = list(manager.installed.values())
    rows = [views.list_entry(a, manager.store.apps.get(a.slug), arch=manager.arch) for a in apps]
    if not request.path.startswith("/v2/"):
        return {"addons": rows}
    return {"apps": [{k: v for k, v in row.items() if k != "advanced"} for row in rows]}


@_route("GET", "/(v2/apps|addons)/{s}/info")
def _info(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> Any:
    manager, slug = api.manager, api.slug(caller, match)
    store = manager.store.apps.get(slug)
    if slug not in manager.installed and store is not None and not request.path.startswith("/v2/"):
        return views.not_installed_info(store, arch=manager.arch)
    data = views.info(manager.app(slug), store, arch=manager.arch, address="127.0.0.1")
    if request.path.startswith("/v2/"):
        del data["advanced"]  # v2 has dropped it
    return data


@_route("POST", "/(v2/apps|addons)/{s}/rebuild")
def _rebuild(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> Any:
    slug, body = api.slug(caller, match), request.json()
    _only_keys(body, "force")
    work = api.manager.rebuild(slug, force=bool(body.get("force")))
    return api.run(request, ("app_manager_rebuild", "app_rebuild"), slug, work)


@_route("POST", "/(v2/apps|addons)/{s}/(?P<verb>start|stop|restart)")
def _lifecycle(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> Any:
    slug, verb = api.slug(caller, match), match["verb"]
    manager = api.manager
    work = {"start": manager.start, "stop": manager.stop, "restart": manager.restart}[verb](slug)
    return api.run(request, (f"app_{verb}", ""), slug, work)


@_route("POST", "/(v2/apps|addons)/{s}/uninstall")
def _uninstall(api: Api, request: Request, _caller: Caller, match: re.Match[str]) -> Any:
    _only_keys(request.json(), "remove_config")
    slug = match["slug"]
    return api.run(request, ("app_manager_uninstall", "app_uninstall"), slug, api.manager.uninstall(slug))


@_route("POST", "/(v2/apps|addons)/{s}/options")
def _options(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> None:
    app = api.manager.app(api.slug(caller, match))
    options.apply(app, request.json(), lambda text: api.manager.journal.log("WARNING", "apps.options", text))


@_route("POST", "/(v2/apps|addons)/{s}/options/validate")
def _validate(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> Any:
    app = api.manager.app(api.slug(caller, match))
    return options.check(app, request.json() or app.options())


@_route("GET", "/(v2/apps|addons)/{s}/options/config")
def _options_config(api: Api, _request: Request, caller: Caller, match: re.Match[str]) -> Any:
    return api.manager.app(api.slug(caller, match)).options()


@_route("POST", "/(v2/apps|addons)/{s}/security")
def _security(api: Api, request: Request, _caller: Caller, match: re.Match[str]) -> None:
    app, body = api.manager.app(match["slug"]), request.json()
    _only_keys(body, "protected")
    app.protected = bool(body.get("protected", app.protected))


@_route("POST", "/(v2/apps|addons)/{s}/stdin")
def _stdin(api: Api, _request: Request, caller: Caller, match: re.Match[str]) -> None:
    raise failures.no_stdin(api.manager.app(api.slug(caller, match)).slug)


@_route("GET", "/(v2/apps|addons)/{s}/stats")
def _stats(api: Api, _request: Request, caller: Caller, match: re.Match[str]) -> Any:
    return host_info.stats(api.manager.app(api.slug(caller, match)))


@_route("GET", "/(v2/apps|addons)/{s}/logs(?P<kind>/follow|/latest|/boots/-?[0-9a-f]+(/follow)?)?")
def _app_logs(api: Api, request: Request, caller: Caller, match: re.Match[str]) -> Response:
    slug = api.slug(caller, match)
    if slug not in api.manager.installed and slug not in api.manager.store.apps:
        return Response(404, "text/plain", f"App {slug} does not exist".encode())
    return _logs(api.manager.log_of(slug), request, match["kind"] or "")


def _logs(journal: Journal, request: Request, kind: str) -> Response:
    accept = request.headers.get("accept", "*/*").split(",")[0].strip()
    if accept not in {"*/*", "text/plain", "text/x-log", "application/json", "text/*"}:
        return Response(400, "text/plain", b"Invalid content type requested. Only text/plain is supported.")
    lines = (
        max(2, int(request.query.get("lines", "100"))) if request.query.get("lines", "1").isdigit() else 100
    )
    verbose = accept == "text/x-log" or "verbose" in request.query
    if kind.endswith("/follow"):
        return Response(200, "text/plain", stream=journal.follow(lines, verbose=verbose))
    text = journal.latest(lines) if kind == "/latest" else journal.tail(lines, verbose=verbose)
    return Response(200, "text/plain", text.encode())
