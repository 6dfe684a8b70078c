"""The settings that reach an instance of an app: its folder, its mount and its slug on the host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from bb8deploy.settings.app_instance import Instance
from bb8deploy.settings.settings_type import Settings


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
