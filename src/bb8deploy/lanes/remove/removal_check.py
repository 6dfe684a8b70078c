"""Looks at everything of an app on a host, and refuses what must not be removed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bb8deploy.catalogue.errors.dev import DEV_ON
from bb8deploy.catalogue.errors.host import HAND_EDITED
from bb8deploy.host.files.removal import HeldFiles
from bb8deploy.host.folder_ownership import refuse_foreign, refuse_other_copy
from bb8deploy.host.folder_rehash import look_beside
from bb8deploy.host.open_host import Host
from bb8deploy.host.supervisor.route_interface import AddonState
from bb8deploy.lanes.dev.container_state import is_on
from bb8deploy.lanes.host_session import config_slug_of
from bb8deploy.lanes.remove.clear_retained_messages import RetainedMessages
from bb8deploy.lanes.verify.proof.folder_check import require_alone
from bb8deploy.plan.sync_plan import Stamp, without_stamp
from bb8deploy.runs.run import Run
from bb8deploy.settings.app_instance import DROP
from bb8deploy.workspace.ignore_patterns import Ignore, is_litter
from bb8deploy.workspace.tree_digest import FoundTree, Manifest

_TAIL = 20
_CACHES = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")


@dataclass(frozen=True, slots=True)
class Inventory:
    """What the host `where` holds of the app `slug`; `state` is None if the Supervisor does not know
    it, `with_config` whether its configuration folder goes too."""

    slug: str
    where: str
    state: AddonState | None
    files: HeldFiles
    retained: RetainedMessages
    with_config: bool = False

    @property
    def installed(self) -> bool:
        """Whether the Supervisor has the app installed."""
        return self.state is not None and self.state.installed

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to remove."""
        return not (self.installed or self.files.any or self.retained.topics)

    def lines(self) -> Iterator[str]:
        """What goes, one line each."""
        if self.state and self.installed:
            yield f"the app {self.slug} {self.state.version} ({self.state.state}), with its data folder /data"
        if self.installed and self.with_config:
            yield "its configuration folder, if it has one (--remove-config)"
        if self.files.tree.present:
            count = len(self.files.tree.manifest.entries)
            yield f"the folder {self.where} with {_files(count)}, {_version(self.files.tree)}"
        for name, tree in self.files.earlier.items():
            yield f"the earlier tree `{name}`, {_version(tree)}"
        if self.retained.topics:
            yield f"{len(self.retained.topics)} retained MQTT message(s) at {self.retained.where}:"
            yield from (f"  {topic}" for topic in self.retained.topics)

    def stays(self) -> Iterator[str]:
        """What stays, one line each."""
        if self.installed and not self.with_config:
            yield "its configuration folder, if it has one; --remove-config removes it too"
        if self.retained.skipped:
            yield f"retained MQTT messages: {self.retained.skipped}"


def require_ours(run: Run, host: Host, files: HeldFiles) -> None:
    """Raises CheckFailed if the folder is another app's (RUNTIME_NOT_OURS), if another folder has an app with
    the slug (TOPOLOGY_WRONG), or if the dev loop is on (DEV_ON)."""
    where, slug, instance = host.files.where, config_slug_of(run), run.settings.instance
    refuse_foreign(files.tree, Manifest(()), slug, where, host.files.fetch)
    if stamp := Stamp.parse(files.tree.stamp):
        ports = (instance.ports or DROP) if instance else ""
        refuse_other_copy(files.tree, where, ports=ports, earlier_ports=stamp.ports)
    require_alone(run, host, look_beside(host))
    if is_on(files.tree):
        raise DEV_ON(f"the dev loop is on in {where}")


def require_unedited(run: Run, host: Host, files: HeldFiles) -> None:
    """Raises CheckFailed HAND_EDITED if the folder or an earlier tree has files that bb8deploy did not send:
    the host may have the only copy of them."""
    ignore = Ignore.of_workspace(run.workspace)
    named = {"": files.tree, **files.earlier}
    found = [line for name, tree in named.items() for line in _edits(name, tree, ignore)]
    if found:
        raise HAND_EDITED(
            f"{host.files.where} has files that bb8deploy did not send, which the removal would destroy",
            "Run `bb8deploy pull` to keep edits of the app folder, then use `--discard-edits`.",
            details=found[:_TAIL],
        )


def _edits(name: str, tree: FoundTree, ignore: Ignore) -> Iterator[str]:
    """What of a tree is not as it was sent, one line each."""
    if not tree.present:
        return
    here = without_stamp(tree.manifest)
    kept = {entry.path for entry in here.entries if ignore.ignores_file(entry.path)}
    place = f"the earlier tree `{name}`" if name else "the app folder"
    for path in sorted(kept):
        if not _is_cache(path):
            yield f"ignored file in {place}: {path}"
    have = Manifest(tuple(entry for entry in here.entries if entry.path not in kept))
    stamp = Stamp.parse(tree.stamp)
    if not have.entries:
        return
    if stamp is None:
        yield f"files without a stamp in {place}"
    elif have.digest != stamp.sent:
        yield f"edited since run {stamp.run} sent it: {place}"


def _is_cache(path: str) -> bool:
    parts = path.split("/")
    return is_litter(parts[-1]) or any(part in _CACHES for part in parts)


def _version(tree: FoundTree) -> str:
    stamp = Stamp.parse(tree.stamp)
    return f"version {stamp.version} of run {stamp.run}" if stamp else "not sent by bb8deploy"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"
