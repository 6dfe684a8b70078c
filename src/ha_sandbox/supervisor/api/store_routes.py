"""Routes about the store: reload, lists, one app, install and update."""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor import api_errors
from ha_sandbox.supervisor.api import app_json, host_info
from ha_sandbox.supervisor.api.routing import Call, Response, Routes
from ha_sandbox.supervisor.api_errors import ApiError

ROUTES = Routes()


@ROUTES.add("POST", "/(store|addons|v2/store)/reload")
def _reload(call: Call) -> None:
    call.manager.reload()


@ROUTES.add("GET", "/(v2/)?store")
def _store(call: Call) -> JsonObject:
    return {_kind(call): _rows(call), "repositories": host_info.REPOSITORIES}


@ROUTES.add("GET", "/store/repositories")
def _repositories(_call: Call) -> list[JsonObject]:
    return host_info.REPOSITORIES


@ROUTES.add("POST", "/store/repositories")
def _add_repository(call: Call) -> None:
    url = call.only_keys("repository").get("repository")
    raise ApiError(f"{url} cannot be added: the sandbox has local apps only")


@ROUTES.add("GET", "/store/repositories/{s}")
def _repository(call: Call) -> JsonObject:
    for row in host_info.REPOSITORIES:
        if row["slug"] == call.match["slug"]:
            return row
    raise ApiError(f"Repository {call.match['slug']} does not exist in the store", status=404)


@ROUTES.add("DELETE", "/store/repositories/{s}")
def _remove_repository(call: Call) -> None:
    _repository(call)
    raise ApiError("Can't remove built-in repositories!")


@ROUTES.add("POST", "/store/repositories/{s}/repair")
def _repair_repository(call: Call) -> None:
    _repository(call)


@ROUTES.add("GET", "/(v2/store/apps|store/addons)")
def _list(call: Call) -> JsonObject:
    return {_kind(call): _rows(call)}


def _kind(call: Call) -> str:
    return "apps" if call.request.is_v2 else "addons"


def _rows(call: Call) -> list[JsonObject]:
    manager = call.manager
    return [
        app_json.store_entry(app, manager.installed.get(app.slug), arch=manager.arch)
        for app in manager.store.apps.values()
    ]


@ROUTES.add("GET", "/(v2/store/apps|store/addons)/{s}")
def _one(call: Call) -> JsonObject:
    manager = call.manager
    app = manager.store_app(call.match["slug"])
    return app_json.store_info(app, manager.installed.get(app.slug), arch=manager.arch)


@ROUTES.add("GET", "/(v2/store/apps|store/addons)/{s}/availability")
def _availability(call: Call) -> None:
    call.manager.images.need_architecture(call.manager.store_app(call.match["slug"]))


@ROUTES.add("GET", "/(v2/store/apps|store/addons|addons)/{s}/(?P<asset>changelog|documentation)")
def _asset(call: Call) -> Response:
    app = call.manager.store_app(call.match["slug"])
    file = app.path / {"changelog": "CHANGELOG.md", "documentation": "DOCS.md"}[call.match["asset"]]
    missing = f"No {call.match['asset']} found for app {call.match['slug']}!"
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else missing
    return Response(200, "text/plain", text.encode())


@ROUTES.add("POST", "/(v2/store/apps|store/addons|addons)/{s}/install(/[^/]+)?")
def _install(call: Call) -> JsonObject | None:
    call.only_keys("background")
    slug = call.match["slug"]
    return call.run(("addon_manager_install", "app_install"), slug, call.manager.install(slug))


@ROUTES.add("POST", "/(v2/store/apps|store/addons|addons)/{s}/update(/[^/]+)?")
def _update(call: Call) -> JsonObject | None:
    call.only_keys("background", "backup")
    slug = call.slug
    if slug not in call.manager.installed and "store" in call.request.path:
        raise api_errors.update_of_uninstalled(call.manager.store_app(slug).slug)
    return call.run(("addon_manager_update", "app_update"), call.slug, call.manager.update(call.slug))
