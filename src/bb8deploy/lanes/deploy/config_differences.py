"""Reports before a deploy how the config on the host will differ from the workspace's; refuses bad ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bb8deploy.catalogue.errors.settings import INSTANCE_INVALID
from bb8deploy.lanes.host_session import is_pulled, slug_of
from bb8deploy.overlay.instance import HIGHEST, too_high
from bb8deploy.runs.run import Run
from bb8deploy.settings.app_instance import DROP, Instance
from bb8deploy.workspace.app_config import read_addon


def announcements(run: Run) -> tuple[str, ...]:
    """One line for each difference. Raises UsageError INSTANCE_INVALID if a port would be too high."""
    info, instance = read_addon(run.addon), run.settings.instance
    lines = list(_instance(instance, slug_of(run), info.raw)) if instance else []
    if info.image and not is_pulled(run):
        lines.append(
            f"{info.config.name} names the image {info.image}: the host gets it without `image:`, and builds"
            " the workspace's files; the published config keeps it"
        )
    return tuple(lines)


def _instance(instance: Instance, slug: str, config: Mapping[str, object]) -> Iterator[str]:
    high = too_high(config, instance)
    if high:
        raise INSTANCE_INVALID(
            f"`--ports {instance.ports}` moves port {high[0]} above {HIGHEST}", "Add a smaller number."
        )
    yield f"instance {instance.name}: {slug}, {_ports(instance, config)}"
    if config.get("host_network"):
        yield "it uses the host's network, so it shares every port with the app itself"


def _ports(instance: Instance, config: Mapping[str, object]) -> str:
    if not config.get("ports"):
        return "which has no ports on the host"
    if not instance.ports:
        return "its ports on the host as in its last deploy, none in the first"
    return "no port on the host" if instance.ports == DROP else f"ports on the host {instance.ports}"
