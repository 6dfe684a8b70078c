"""Makes the delivery of an instance: another slug, name and ports, so that it can run beside the app."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeGuard

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.overlay.config_edit import with_config
from bb8deploy.overlay.delivery_draft import Draft
from bb8deploy.settings.app_instance import Instance

PROFILE = "apparmor.txt"
HIGHEST = 65535


def instanced(draft: Draft) -> Draft:
    """The draft with the instance's config and profile, if its purpose names one."""
    instance = draft.purpose.instance
    if instance is None:
        return draft
    draft = with_config(draft, lambda config: _config(config, draft.app.slug, instance))
    return _with_peers(draft, instance)


def too_high(config: Mapping[str, object], instance: Instance) -> tuple[int, ...]:
    """The ports on the host that would be above the highest one if they were moved."""
    ports, offset = config.get("ports"), instance.offset
    if offset is None or not isinstance(ports, dict):
        return ()
    return tuple(port for port in ports.values() if _is_port(port) and port + offset > HIGHEST)


def _config(config: JsonObject, slug: str, instance: Instance) -> JsonObject:
    """The config with the slug, name and ports of the instance; its other keys stay."""
    changed = {**config, "name": f"{config.get('name', slug)} ({instance.name})", "slug": instance.slug(slug)}
    if "panel_title" in changed:
        changed["panel_title"] = f"{changed['panel_title']} ({instance.name})"
    ports = config.get("ports")
    if isinstance(ports, dict):
        changed["ports"] = {inside: _outside(port, instance) for inside, port in ports.items()}
    return changed


def _outside(port: object, instance: Instance) -> object:
    """The port on the host; None leaves the container's port reachable on the host's inner network only."""
    offset = instance.offset
    return port + offset if offset is not None and _is_port(port) else None


def _is_port(port: object) -> TypeGuard[int]:
    return isinstance(port, int) and not isinstance(port, bool)


def _with_peers(draft: Draft, instance: Instance) -> Draft:
    """The profile with the instance's slug in the names of peers, such as `peer=*_lamp`.

    The Supervisor renames the profile itself, and nothing else in it.
    """
    text = draft.text(PROFILE)
    if text is None:
        return draft
    slug = re.escape(draft.app.slug.encode())
    ending = f"_{instance.name}".encode()
    changed = re.sub(rb"(peer=(?:\(name=)?[\"']?\*_" + slug + rb")(?![A-Za-z0-9_.-])", rb"\1" + ending, text)
    return draft if changed == text else draft.put(PROFILE, changed)
