"""Every field of an app's config file as one table: kind, default, remark, since when."""

from __future__ import annotations

from dataclasses import dataclass

import voluptuous as vol

from bb8deploy.checks.schema.table import allowed_words as words
from bb8deploy.checks.schema.table import value_kinds as kind
from bb8deploy.checks.schema.table.value_kinds import Kind

# The Supervisor release whose verdicts this table was compared with, case by case.
HELD_AGAINST = "2026.08"
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `default` is what the Supervisor fills in; `since` is the release that brought the rule,

    "" if it is older than what was traced; `note` becomes the editor's help and the document's remark.
    """

    name: str
    kind: Kind
    note: str = ""
    default: object = _ABSENT
    required: bool = False
    since: str = ""

    @property
    def has_default(self) -> bool:
        """Whether the Supervisor fills the field in."""
        return self.default is not _ABSENT


def _flag(name: str, note: str, *, default: bool = False, since: str = "") -> Field:
    return Field(name, kind.FLAG, note, default, since=since)


FIELDS: tuple[Field, ...] = (
    Field("name", kind.TEXT, "the name in the store", required=True),
    Field("version", kind.VERSION, "quote it: 1.10 without quotes is the number 1.1", required=True),
    Field("slug", kind.SLUG, "names the container, so Docker requires lower case", required=True),
    Field("description", kind.TEXT, "one sentence for the store", required=True),
    Field("arch", kind.ARCHES, "32-bit architectures are not built since 2026.03", required=True),
    Field("machine", kind.MACHINES, "machines that can run it; a leading ! excludes one"),
    Field("url", kind.URL, "the home page"),
    Field("startup", kind.one_of(words.STARTUPS), "when it starts", "application"),
    Field("boot", kind.one_of(words.BOOTS), "start with the system, or only by hand", "auto"),
    _flag("init", "Docker's own init as process 1; false with s6", default=True),
    _flag("advanced", "ignored, with a warning", since="2026.03.0"),
    Field("stage", kind.one_of(words.STAGES), "stable, experimental or deprecated", "stable"),
    Field("ports", kind.PORTS, "container port to host port; null keeps it closed"),
    Field("ports_description", kind.PORT_TEXTS, "what each port is for"),
    Field("watchdog", kind.WATCHDOG, "an address that must answer, or the app is restarted"),
    Field("webui", kind.WEBUI, "address of its web page"),
    _flag("ingress", "a page inside Home Assistant, behind its login"),
    Field("ingress_port", kind.INGRESS_PORT, "0 lets the Supervisor choose", 8099),
    Field("ingress_entry", kind.TEXT, "path that ingress opens first"),
    _flag("ingress_stream", "stream requests instead of buffering them"),
    Field("panel_icon", kind.TEXT, "icon in the side bar", "mdi:puzzle"),
    Field("panel_title", kind.TEXT, "title in the side bar"),
    _flag("panel_admin", "show the panel to administrators only", default=True),
    Field("homeassistant", kind.VERSION, "oldest Home Assistant that it works with"),
    _flag("host_network", "the host's network instead of its own"),
    _flag("host_pid", "sees every process of the host"),
    _flag("host_ipc", "shares memory with the host"),
    _flag("host_uts", "shares the host's name"),
    _flag("host_dbus", "the host's D-Bus, read-only; enough for BlueZ"),
    Field("devices", kind.list_of(kind.TEXT), "device files, paths only"),
    _flag("udev", "the host's device database"),
    _flag("tmpfs", "its temporary folder in memory"),
    Field("map", kind.MAP, "folders of the host; never leave it empty", []),
    Field("environment", kind.ENVIRONMENT, "environment variables, text to text"),
    Field("privileged", kind.list_of(kind.one_of(words.CAPABILITIES)), "Linux capabilities, without CAP_"),
    _flag("apparmor", "an AppArmor profile protects it", default=True),
    _flag("full_access", "every device; rating 1"),
    _flag("audio", "PulseAudio of the host"),
    _flag("video", "video devices"),
    _flag("gpio", "GPIO files"),
    _flag("usb", "raw USB"),
    _flag("uart", "serial devices"),
    _flag("devicetree", "the device tree"),
    _flag("kernel_modules", "load kernel modules"),
    _flag("realtime", "real-time scheduling"),
    _flag("hassio_api", "the Supervisor's API"),
    Field(
        "hassio_role",
        kind.one_of(words.ROLES),
        "which part of the Supervisor's API the app may use",
        "default",
    ),
    _flag("homeassistant_api", "Home Assistant's API through the Supervisor"),
    _flag("stdin", "receive input from Home Assistant"),
    _flag("legacy", "image without labels"),
    _flag("docker_api", "Docker's API; rating 1"),
    _flag("auth_api", "verify passwords of Home Assistant users"),
    Field("services", kind.SERVICES, "services of other apps"),
    Field("discovery", kind.list_of(kind.TEXT), "integrations that the app announces"),
    Field("backup_exclude", kind.list_of(kind.TEXT), "files left out of backups", since="2021.06"),
    Field("backup_pre", kind.TEXT, "command before a backup", since="2021.06"),
    Field("backup_post", kind.TEXT, "command after a backup", since="2021.06"),
    Field("backup", kind.one_of(words.BACKUPS), "whether it stops for a backup", "hot", since="2021.06"),
    Field("options", kind.OPTIONS, "default options; they must fit the schema", {}),
    Field("schema", kind.SCHEMA, "type of each option; false allows any", {}),
    Field("image", kind.IMAGE, "pulled from a registry instead of built on the host", since="2026.04"),
    Field("ulimits", kind.ULIMITS, "limits, one number or soft and hard", {}, since="2025.10"),
    Field("timeout", kind.TIMEOUT, "seconds to stop, 10 to 300", 10),
    _flag("journald", "the host's journal, read-only"),
    Field(
        "breaking_versions", kind.list_of(kind.VERSION), "versions that are not installed automatically", []
    ),
)
BY_NAME = {field.name: field for field in FIELDS}
# Keys that other words stood for once; the Supervisor still renames them while reading.
RENAMED = {
    "auto_uart": "uart",
    "snapshot_exclude": "backup_exclude",
    "snapshot_post": "backup_post",
    "snapshot_pre": "backup_pre",
    "snapshot": "backup",
}
# Words that are read, warned about or dropped without effect.
WITHOUT_EFFECT = {
    "advanced": "ignored since 2026.03.0",
    "codenotary": "no longer used",
    "build": "unknown to the Supervisor; a missing `image:` is what makes it build",
    "build_from": "belongs in the Dockerfile since 2026.04",
}


def _marker(field: Field) -> vol.Marker:
    if field.required:
        return vol.Required(field.name)
    if not field.has_default:
        return vol.Optional(field.name)
    default = field.default
    fresh = type(default) if isinstance(default, (dict, list)) else (lambda: default)
    return vol.Optional(field.name, default=fresh)


CONFIG = vol.Schema({_marker(field): field.kind.check for field in FIELDS}, extra=vol.REMOVE_EXTRA)
