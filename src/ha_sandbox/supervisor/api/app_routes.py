"""Routes about installed apps: information, life cycle, options, statistics and logs."""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api import app_json, host_info, set_options
from ha_sandbox.supervisor.api.log_responses import log_response
from ha_sandbox.supervisor.api.routing import Call, Response, Routes

ROUTES = Routes()


@ROUTES.add("GET", "/(v2/apps|addons)")
def _list(call: Call) -> JsonObject:
    manager = call.manager
    apps = list(manager.installed.values())
    rows = [app_json.list_entry(a, manager.store.apps.get(a.slug), arch=manager.arch) for a in apps]
    if not call.request.is_v2:
        return {"addons": rows}
    return {"apps": [{k: v for k, v in row.items() if k != "advanced"} for row in rows]}


@ROUTES.add("GET", "/(v2/apps|addons)/{s}/info")
def _info(call: Call) -> JsonObject:
    manager, slug = call.manager, call.slug
    store = manager.store.apps.get(slug)
    if slug not in manager.installed and store is not None and not call.request.is_v2:
        return app_json.not_installed_info(store, arch=manager.arch)
    data = app_json.info(manager.app(slug), store, arch=manager.arch, address="127.0.0.1")
    if call.request.is_v2:
        del data["advanced"]  # v2 has dropped it
    return data


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/rebuild")
def _rebuild(call: Call) -> JsonObject | None:
    body = call.only_keys("force")
    work = call.manager.rebuild(call.slug, force=bool(body.get("force")))
    return call.run(("app_manager_rebuild", "app_rebuild"), call.slug, work)


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/(?P<verb>start|stop|restart)")
def _lifecycle(call: Call) -> JsonObject | None:
    manager, verb = call.manager, call.match["verb"]
    work = {"start": manager.start, "stop": manager.stop, "restart": manager.restart}[verb](call.slug)
    return call.run((f"app_{verb}", ""), call.slug, work)


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/uninstall")
def _uninstall(call: Call) -> JsonObject | None:
    body, slug = call.only_keys("remove_config"), call.match["slug"]
    work = call.manager.uninstall(slug, remove_config=bool(body.get("remove_config")))
    return call.run(("app_manager_uninstall", "app_uninstall"), slug, work)


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/options")
def _options(call: Call) -> None:
    app = call.manager.app(call.slug)
    warn = call.manager.journal.warner("apps.options")
    set_options.apply(app, call.request.json(), warn)


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/options/validate")
def _validate(call: Call) -> JsonObject:
    app = call.manager.app(call.slug)
    return set_options.check(app, call.request.json() or app.options())


@ROUTES.add("GET", "/(v2/apps|addons)/{s}/options/config")
def _options_config(call: Call) -> JsonObject:
    return call.manager.app(call.slug).options()


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/security")
def _security(call: Call) -> None:
    app, body = call.manager.app(call.match["slug"]), call.only_keys("protected")
    app.protected = bool(body.get("protected", app.protected))


@ROUTES.add("POST", "/(v2/apps|addons)/{s}/stdin")
def _stdin(call: Call) -> None:
    raise api_errors.no_stdin(call.manager.app(call.slug).slug)


@ROUTES.add("GET", "/(v2/apps|addons)/{s}/stats")
def _stats(call: Call) -> JsonObject:
    return host_info.stats(call.manager.app(call.slug))


@ROUTES.add("GET", "/(v2/apps|addons)/{s}/logs(?P<kind>/follow|/latest|/boots/-?[0-9a-f]+(/follow)?)?")
def _logs(call: Call) -> Response:
    slug = call.slug
    if slug not in call.manager.installed and slug not in call.manager.store.apps:
        return Response(404, "text/plain", f"App {slug} does not exist".encode())
    return log_response(call.manager.log_of(slug), call.request, call.match["kind"] or "")
