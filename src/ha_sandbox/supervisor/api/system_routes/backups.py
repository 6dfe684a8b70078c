"""Routes about backups. Source: supervisor/api/backups.py (2026.08)."""

from __future__ import annotations

from collections.abc import Iterable

from ha_sandbox.json_types import JsonObject
from ha_sandbox.supervisor.api import host_info
from ha_sandbox.supervisor.api.routing import Call, Routes
from ha_sandbox.supervisor.api_errors import ApiError
from ha_sandbox.supervisor.app_lifecycle import Work
from ha_sandbox.supervisor.installed_app import Installed
from ha_sandbox.supervisor.jobs import Job
from ha_sandbox.supervisor.system.backups import FOLDERS, Backup, Wanted

ROUTES = Routes()
_NEW = (
    "name",
    "filename",
    "password",
    "compressed",
    "location",
    "homeassistant_exclude_database",
    "background",
    "extra",
)
_PARTS = ("addons", "folders", "homeassistant")
_RESTORE = ("password", "background", "location")


@ROUTES.add("GET", "/backups")
def _list(call: Call) -> JsonObject:
    return {"backups": _rows(call)}


@ROUTES.add("GET", "/backups/info")
def _info(call: Call) -> JsonObject:
    return {"backups": _rows(call), **call.manager.system.settings.of("backups")}


def _rows(call: Call) -> list[JsonObject]:
    return [backup.row() for backup in call.manager.system.backups.listed()]


@ROUTES.add("POST", "/backups/reload")
def _reload(_call: Call) -> None:
    return None


@ROUTES.add("POST", "/backups/freeze")
def _freeze(call: Call) -> None:
    call.only_keys("timeout")
    if call.manager.system.backups.frozen:
        raise ApiError("'BackupManager.freeze_all' blocked from execution, system is not running - freeze")
    call.manager.system.backups.frozen = True


@ROUTES.add("POST", "/backups/thaw")
def _thaw(call: Call) -> None:
    if not call.manager.system.backups.frozen:
        raise ApiError("'BackupManager.thaw_all' blocked from execution, system is not frozen - running")
    call.manager.system.backups.frozen = False


@ROUTES.add("POST", "/backups/new/full")
def _full(call: Call) -> JsonObject:
    body = call.only_keys(*_NEW)
    apps = list(call.manager.installed.values())
    return _create(call, _wanted("full", body, core=True, folders=FOLDERS), apps)


@ROUTES.add("POST", "/backups/new/partial")
def _partial(call: Call) -> JsonObject:
    body = call.only_keys(*_NEW, *_PARTS)
    folders = tuple(body.get("folders") or ())
    if unknown := [folder for folder in folders if folder not in FOLDERS]:
        raise ApiError(f"value must be one of {sorted(FOLDERS)} @ data['folders'][0]. Got {unknown[0]!r}")
    wanted = _wanted("partial", body, core=bool(body.get("homeassistant")), folders=folders)
    names = body.get("addons") or []
    chosen = list(call.manager.installed) if names == "ALL" else names
    apps = [app for slug, app in call.manager.installed.items() if slug in chosen]
    if not (apps or folders or wanted.core):
        raise ApiError("Nothing to create backup for")
    return _create(call, wanted, apps)


@ROUTES.add("GET", "/backups/(?P<backup>[^/]+)/info")
def _one(call: Call) -> JsonObject:
    return _named(call).info(host_info.version(call.manager))


@ROUTES.add("DELETE", "/backups/(?P<backup>[^/]+)")
def _remove(call: Call) -> None:
    call.only_keys("location")
    call.manager.system.backups.remove(call.match["backup"])


@ROUTES.add("POST", "/backups/(?P<backup>[^/]+)/restore/full")
def _restore_full(call: Call) -> JsonObject:
    backup, body = _named(call), call.only_keys(*_RESTORE)
    if backup.wanted.kind != "full":
        raise ApiError(f"{backup.slug} is only a partial backup!")
    return _restore(call, backup, body, [app.slug for app in backup.apps])


@ROUTES.add("POST", "/backups/(?P<backup>[^/]+)/restore/partial")
def _restore_partial(call: Call) -> JsonObject:
    backup, body = _named(call), call.only_keys(*_RESTORE, *_PARTS)
    return _restore(call, backup, body, list(body.get("addons") or ()))


def _named(call: Call) -> Backup:
    return call.manager.system.backups.get(call.match["backup"])


def _wanted(kind: str, body: JsonObject, *, core: bool, folders: tuple[str, ...]) -> Wanted:
    return Wanted(
        kind,
        name=str(body.get("name") or ""),
        password=str(body.get("password") or ""),
        compressed=body.get("compressed") is not False,
        core=host_info.CORE_VERSION if core else "",
        without_database=bool(body.get("homeassistant_exclude_database")),
        folders=folders,
        extra=body.get("extra") or {},
    )


def _create(call: Call, wanted: Wanted, apps: Iterable[Installed]) -> JsonObject:
    made: list[Backup] = []
    job = Job(f"backup_manager_{wanted.kind}_backup", "", "")

    def work() -> None:
        made.append(call.manager.system.backups.create(wanted, apps))

    answer = _run(call, job, work)
    return {**answer, **({"slug": made[0].slug} if made else {})}


def _restore(call: Call, backup: Backup, body: JsonObject, slugs: list[str]) -> JsonObject:
    if backup.wanted.password and body.get("password") != backup.wanted.password:
        raise ApiError(f"Invalid password for backup {backup.slug}")
    saved = [app.slug for app in backup.apps if app.slug in slugs]

    def work() -> None:
        for slug in saved:
            _restore_app(call, backup, slug)

    return _run(call, Job(f"backup_manager_{backup.wanted.kind}_restore", "", backup.slug), work)


def _restore_app(call: Call, backup: Backup, slug: str) -> None:
    manager = call.manager
    if slug not in manager.installed:
        manager.install(slug)()
    app = manager.app(slug)
    was_running = app.running
    manager.stop(slug)()
    manager.system.backups.put_back(backup, app)
    if was_running:
        manager.start(slug)()


def _run(call: Call, job: Job, work: Work) -> JsonObject:
    if call.request.json().get("background"):
        return {"job_id": call.manager.jobs.start(job, work)}
    call.manager.jobs.run(job, work)
    return {"job_id": job.uuid}
