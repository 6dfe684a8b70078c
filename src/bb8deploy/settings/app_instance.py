"""A second copy of an app on a host, such as `beta`: its slug, its ports, and the settings that reach it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from bb8deploy.catalogue.errors.settings import INSTANCE_INVALID

if TYPE_CHECKING:
    from bb8deploy.settings.settings_type import Settings

# The name becomes a part of the slug, which names the container, its host and its data.
_NAME = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_LONGEST = 20
_MOVED = re.compile(r"\+([1-9][0-9]{0,4})")
DROP = "drop"


@dataclass(frozen=True, slots=True)
class Instance:
    """`name` is what was given with `--as`. `ports` is what happens to the ports on the host: `drop`, `+N`,
    or empty for what the instance on the host has, `drop` if there is none.
    """

    name: str
    ports: str = ""

    @classmethod
    def parse(cls, name: str, ports: str = "") -> Instance:
        """The instance of `--as NAME --ports PORTS`. Raises UsageError INSTANCE_INVALID."""
        if not _NAME.fullmatch(name) or len(name) > _LONGEST:
            raise INSTANCE_INVALID(
                f"`--as {name}` cannot name an instance",
                f"Use at most {_LONGEST} lower-case letters, digits and single `_`, as in `--as beta`.",
            )
        if ports and ports != DROP and not _MOVED.fullmatch(ports):
            raise INSTANCE_INVALID(f"`--ports {ports}` is neither `drop` nor a number to add")
        return cls(name, ports)

    def slug(self, slug: str) -> str:
        """The slug of the instance of the app with this slug."""
        return f"{slug}_{self.name}"

    @property
    def offset(self) -> int | None:
        """What is added to each port on the host; None if they are dropped."""
        moved = _MOVED.fullmatch(self.ports)
        return int(moved[1]) if moved else None


def for_instance(settings: Settings, instance: Instance | None, slug: str) -> Settings:
    """The settings by which the host holds the instance of the app `slug`: its folder, mount and slug.

    Its folder is beside that of the app: `/addons/lamp_beta` beside `/addons/lamp`.
    """
    if instance is None:
        return settings
    folder, mount = settings.ha_remote_runtime, settings.ha_mount
    return replace(
        settings,
        ha_remote_runtime=_beside(folder, instance) if folder else folder,
        ha_mount=Path(_beside(str(mount), instance)) if mount else mount,
        ha_remote_slug=instance.slug(settings.ha_remote_slug or f"local_{slug}"),
        instance=instance,
    )


def _beside(folder: str, instance: Instance) -> str:
    path = PurePosixPath(folder)
    return str(path.with_name(instance.slug(path.name))) if path.name else folder
