"""Routes about network storage. Nothing is mounted: a mount is stored and shown.

Source: supervisor/api/mounts.py (2026.08).
"""

from __future__ import annotations

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api.routing import Call, Routes
from ha_sandbox.supervisor.api_errors import ApiError

ROUTES = Routes()
_REQUIRED = {"cifs": ("share",), "nfs": ("path",)}
_KEYS = (
    "name",
    "type",
    "usage",
    "read_only",
    "server",
    "port",
    "share",
    "username",
    "password",
    "version",
    "path",
)
_SECRETS = ("username", "password")


@ROUTES.add("GET", "/mounts")
def _list(call: Call) -> JsonObject:
    system = call.manager.system
    with system.guard:
        rows = [_view(mount) for mount in system.mounts.values()]
        return {"default_backup_mount": system.default_backup_mount, "mounts": rows}


@ROUTES.add("POST", "/mounts")
def _create(call: Call) -> None:
    body = _checked(call.only_keys(*_KEYS))
    system, name = call.manager.system, str(body["name"])
    with system.guard:
        if name in system.mounts:
            raise ApiError(f"A mount already exists with name {name}")
        system.mounts[name] = body
        if body["usage"] == "backup" and system.default_backup_mount is None:
            system.default_backup_mount = name


@ROUTES.add("POST", "/mounts/options")
def _options(call: Call) -> None:
    name = call.only_keys("default_backup_mount").get("default_backup_mount")
    system = call.manager.system
    with system.guard:
        if name is not None and system.mounts.get(name, {}).get("usage") != "backup":
            raise ApiError(f"Mount {name} is not used for backups, cannot use it as default backup mount")
        system.default_backup_mount = name


@ROUTES.add("POST", "/mounts/(?P<mount>[^/]+)/reload")
def _reload(call: Call) -> None:
    _named(call)


@ROUTES.add("PUT", "/mounts/(?P<mount>[^/]+)")
def _update(call: Call) -> None:
    name = _named(call)
    body = _checked({"name": name, **call.only_keys(*_KEYS)})
    with call.manager.system.guard:
        call.manager.system.mounts[name] = body


@ROUTES.add("DELETE", "/mounts/(?P<mount>[^/]+)")
def _delete(call: Call) -> None:
    name = _named(call)
    system = call.manager.system
    with system.guard:
        system.mounts.pop(name, None)
        if system.default_backup_mount == name:
            system.default_backup_mount = None


def _named(call: Call) -> str:
    name = str(call.match["mount"])
    if name not in call.manager.system.mounts:
        raise ApiError(f"No mount exists with name {name}", status=404)
    return name


def _checked(body: JsonObject) -> JsonObject:
    kind = str(body.get("type"))
    for key in ("name", "type", "usage", "server", *_REQUIRED.get(kind, ())):
        if not isinstance(body.get(key), str):
            raise ApiError(f"required key not provided @ data['{key}']. Got None")
    if kind not in _REQUIRED:
        raise ApiError(f"not a valid value for dictionary value @ data['type']. Got {kind!r}")
    if body["usage"] not in {"backup", "media", "share"}:
        raise ApiError(f"not a valid value for dictionary value @ data['usage']. Got {body['usage']!r}")
    version = {"version": body.get("version")} if kind == "cifs" else {}
    return {**body, "read_only": bool(body.get("read_only", False)), **version}


def _view(mount: JsonObject) -> JsonObject:
    shown = {key: value for key, value in mount.items() if key not in _SECRETS}
    place = {"media": "/media", "share": "/share"}.get(str(mount["usage"]))
    return {**shown, "state": "active", "user_path": f"{place}/{mount['name']}" if place else None}
