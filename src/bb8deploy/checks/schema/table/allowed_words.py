"""The allowed words of the Supervisor's app schema, and which of them are deprecated."""

from __future__ import annotations

ARCHES = ("aarch64", "amd64", "armhf", "armv7", "i386")
ARCHES_GONE = ("armhf", "armv7", "i386")

MACHINES = (
    "generic-aarch64",
    "generic-x86-64",
    "green",
    "intel-nuc",
    "khadas-vim3",
    "odroid-c2",
    "odroid-c4",
    "odroid-m1",
    "odroid-n2",
    "odroid-xu",
    "qemuarm",
    "qemuarm-64",
    "qemux86",
    "qemux86-64",
    "raspberrypi",
    "raspberrypi2",
    "raspberrypi3",
    "raspberrypi3-64",
    "raspberrypi4",
    "raspberrypi4-64",
    "raspberrypi5-64",
    "tinker",
    "yellow",
)
MACHINE_PATTERN = rf"^!?(?:{'|'.join(('', *MACHINES))})$"
MACHINES_GONE = (
    "odroid-xu",
    "qemuarm",
    "qemux86",
    "raspberrypi",
    "raspberrypi2",
    "raspberrypi3",
    "raspberrypi4",
    "tinker",
)

STARTUPS = ("initialize", "system", "services", "application", "once")
BOOTS = ("auto", "manual", "manual_only")
STAGES = ("stable", "experimental", "deprecated")
BACKUPS = ("hot", "cold")
ROLES = ("admin", "backup", "default", "homeassistant", "manager")

CAPABILITIES = (
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "IPC_LOCK",
    "NET_ADMIN",
    "NET_RAW",
    "PERFMON",
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
)
CAPABILITIES_THAT_COST = frozenset(CAPABILITIES) - {"IPC_LOCK", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME"}

MAP_TYPES = (
    "data",
    "config",
    "ssl",
    "local_apps",
    "addons",
    "backup",
    "share",
    "media",
    "homeassistant_config",
    "all_app_configs",
    "all_addon_configs",
    "app_config",
    "addon_config",
)
MAP_TYPES_RENAMED = {
    "addons": "local_apps",
    "all_addon_configs": "all_app_configs",
    "addon_config": "app_config",
}
# Where each type is mounted in the container unless the entry has a `path` (supervisor/docker/app.py).
MOUNTS = {
    "config": "/config",
    "homeassistant_config": "/homeassistant",
    "addon_config": "/config",
    "app_config": "/config",
    "addons": "/addons",
    "local_apps": "/local_apps",
    "all_addon_configs": "/addon_configs",
    "all_app_configs": "/app_configs",
}
DYNAMIC_INGRESS_PORTS = range(62000, 65501)
