"""The JSON shapes of the Supervisor's answers about apps."""

from __future__ import annotations

from ha_sandbox.json_types import Config, JsonObject
from ha_sandbox.supervisor import config_and_options_checks
from ha_sandbox.supervisor.installed_app import Installed, State
from ha_sandbox.supervisor.local_store import StoreApp

_FALSE_FLAGS = [
    "host_network",
    "host_pid",
    "host_ipc",
    "host_uts",
    "host_dbus",
    "full_access",
    "stdin",
    "hassio_api",
    "auth_api",
    "homeassistant_api",
    "gpio",
    "usb",
    "uart",
    "kernel_modules",
    "devicetree",
    "udev",
    "docker_api",
    "video",
    "audio",
    "ingress",
]


def list_entry(app: Installed, store: StoreApp | None, *, arch: str) -> JsonObject:
    """One row of GET /addons."""
    return {
        "name": app.name,
        "slug": app.slug,
        "description": app.config["description"],
        "stage": app.config.get("stage", "stable"),
        "version": app.version,
        "version_latest": store.version if store else app.version,
        "update_available": update_available(app, store),
        "available": arch in app.config["arch"],
        "detached": store is None,
        "homeassistant": app.config.get("homeassistant"),
        "state": str(app.state),
        "repository": "local",
        "build": not app.config.get("image"),
        "url": app.config.get("url"),
        "icon": bool(store and store.has("icon.png")),
        "logo": bool(store and store.has("logo.png")),
        "system_managed": False,
        "advanced": False,
    }


def update_available(app: Installed, store: StoreApp | None) -> bool:
    """True for any difference, also for a lower version."""
    return store is not None and store.version != app.version


def info(app: Installed, store: StoreApp | None, *, arch: str, address: str) -> JsonObject:
    """GET /addons/<slug>/info of an installed app."""
    config = app.config
    row = list_entry(app, store, arch=arch)
    schema = config.get("schema", {})
    return {
        **row,
        **{flag: bool(config.get(flag, False)) for flag in _FALSE_FLAGS},
        **_names(app.slug),
        **_settings_of(app),
        **_ingress(app),
        "long_description": _read(store, "README.md"),
        "protected": app.protected,
        "rating": config_and_options_checks.rating(config, app.profile),
        "options": app.options(),
        "schema": config_and_options_checks.ui_schema(schema),
        "arch": list(config["arch"]),
        "machine": list(config.get("machine", [])),
        "network": app.ports() or None,
        "network_description": config.get("ports_description"),
        "privileged": list(config.get("privileged", [])),
        "apparmor": apparmor(config, profile=app.profile),
        "changelog": bool(store and store.has("CHANGELOG.md")),
        "documentation": bool(store and store.has("DOCS.md")),
        "hassio_role": config.get("hassio_role", "default"),
        "startup": config.get("startup", "application"),
        "services": [str(service).split(":")[0] for service in config.get("services", [])],
        "discovery": list(config.get("discovery", [])),
        "translations": {},
        "signed": False,
        "webui": config.get("webui"),
        "ip_address": address if app.running else "0.0.0.0",  # noqa: S104  the real one shows just this
        "devices": list(config.get("devices", [])),
        "system_managed_config_entry": None,
    }


def store_entry(app: StoreApp, installed: Installed | None, *, arch: str) -> JsonObject:
    """One row of GET /store/addons."""
    return {
        "advanced": False,
        "arch": list(app.config["arch"]),
        "available": arch in app.config["arch"],
        "build": not app.config.get("image"),
        "description": app.config["description"],
        "documentation": app.has("DOCS.md"),
        "homeassistant": app.config.get("homeassistant"),
        "icon": app.has("icon.png"),
        "installed": installed is not None,
        "logo": app.has("logo.png"),
        "name": app.name,
        "repository": "local",
        "slug": app.slug,
        "stage": app.config.get("stage", "stable"),
        "update_available": installed is not None and installed.version != app.version,
        "url": app.config.get("url"),
        "version_latest": app.version,
        "version": installed.version if installed else None,
    }


def store_info(app: StoreApp, installed: Installed | None, *, arch: str) -> JsonObject:
    """GET /store/addons/<slug>."""
    config = app.config
    flags = ("auth_api", "docker_api", "full_access", "hassio_api", "homeassistant_api")
    more = ("host_network", "host_pid", "ingress")
    return {
        **store_entry(app, installed, arch=arch),
        "apparmor": apparmor(config, profile=installed is not None and installed.profile),
        **{flag: bool(config.get(flag, False)) for flag in flags},
        "detached": False,
        "hassio_role": config.get("hassio_role", "default"),
        **{flag: bool(config.get(flag, False)) for flag in more},
        "long_description": _read(app, "README.md"),
        "rating": config_and_options_checks.rating(config, installed is not None and installed.profile),
        "signed": False,
    }


def not_installed_info(app: StoreApp, *, arch: str) -> JsonObject:
    """GET /addons/<slug>/info of an app that is only in the store."""
    return {**store_info(app, None, arch=arch), "state": str(State.UNKNOWN), "options": _defaults(app)}


def apparmor(config: Config, *, profile: bool) -> str:
    """`disable`, `profile` (one was installed) or `default`."""
    if config.get("apparmor") is False:
        return "disable"
    return "profile" if profile else "default"


def _defaults(app: StoreApp) -> JsonObject:
    return dict(app.config.get("options") or {})


def _names(slug: str) -> JsonObject:
    hostname = slug.replace("_", "-")
    return {"hostname": hostname, "dns": [f"{hostname}.local.hass.io"]}


def _settings_of(app: Installed) -> JsonObject:
    boot_config = str(app.config.get("boot", "auto"))
    return {
        "boot_config": boot_config,
        "boot": app.boot or ("manual" if boot_config.startswith("manual") else "auto"),
        "auto_update": app.auto_update,
        "watchdog": app.watchdog,
        "audio_input": app.audio_input,
        "audio_output": app.audio_output,
    }


def _ingress(app: Installed) -> JsonObject:
    if not app.config.get("ingress"):
        return {"ingress_entry": None, "ingress_url": None, "ingress_port": None, "ingress_panel": None}
    return {
        "ingress_entry": app.ingress_entry,
        "ingress_url": f"{app.ingress_entry}/{app.config.get('ingress_entry', '')}",
        "ingress_port": app.ingress_port,
        "ingress_panel": bool(app.ingress_panel),
    }


def _read(app: StoreApp | None, name: str) -> str | None:
    if app is None or not app.has(name):
        return None
    return (app.path / name).read_text(encoding="utf-8", errors="replace")
