"""Reads the app in the workspace as the host must have it, and plans the transfer."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bb8deploy.base.os_differences import real_path
from bb8deploy.catalogue.errors.app import VERIFY_IMPOSSIBLE
from bb8deploy.catalogue.errors.host import WORKSPACE_MOVING
from bb8deploy.overlay.app_texts import TEXT_LIMIT, AppSource, is_text
from bb8deploy.overlay.delivery import Delivery, deliver
from bb8deploy.overlay.delivery_draft import Purpose
from bb8deploy.overlay.proof_level import ProofLevel, level_of
from bb8deploy.plan.logs.identity_line import Proof
from bb8deploy.plan.sync_plan import Stamp, SyncPlan, plan_sync, without_stamp
from bb8deploy.runs.run import Run
from bb8deploy.settings.app_instance import DROP
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.git import head_state
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, Entry, FoundTree, Manifest, walk

_STAMP_NAME = STAMP.removesuffix(".json").encode()


@dataclass(frozen=True, slots=True)
class AppRead:
    """The app in the folder `source` as it was read, and the stamp of this run for it."""

    source: Path
    app: AppSource
    ignore: Ignore
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the host must hold: the app in the folder `source`, delivered for `purpose`.

    `stamp` is that of this run, `level` the proof that the delivery is made for.
    """

    source: Path
    app: AppSource
    ignore: Ignore
    stamp: Stamp
    purpose: Purpose
    level: ProofLevel

    @property
    def manifest(self) -> Manifest:
        """The workspace's tree."""
        return self.app.tree

    @property
    def slug(self) -> str:
        """The slug in the config file that the host gets."""
        instance = self.purpose.instance
        return instance.slug(self.app.slug) if instance else self.app.slug


@dataclass(frozen=True, slots=True)
class PlannedSync:
    """A delivery, the way to it from what the host holds, and the level of proof that it is made for."""

    delivery: Delivery
    plan: SyncPlan
    level: ProofLevel


def read_app(run: Run, source: Path, commit: str | None = None) -> AppRead:
    """Reads and hashes the app in `source`. Raises what `walk` and `read_addon` raise."""
    ignore = Ignore.of_workspace(run.workspace)
    app = read_source(source, ignore)
    return AppRead(source, app, ignore, Stamp(app.version, app.tree.digest, commit or _commit(run), run.id))


def read_wanted(run: Run, source: Path, commit: str | None = None) -> Wanted:
    """Reads the app in `source` as `read_app` does, for the proof that BB8_VERIFY asks for."""
    return wanted_by(run, read_app(run, source, commit))


def wanted_by(run: Run, read: AppRead) -> Wanted:
    """What the host of this run must hold, for an app that was read before, perhaps by another run."""
    read = replace(read, stamp=replace(read.stamp, run=run.id))
    purpose = Purpose(instance=run.settings.instance)
    level = level_of(read.app, read.stamp, purpose, run.settings.bb8_verify)
    return Wanted(read.source, read.app, read.ignore, read.stamp, replace(purpose, proof=level.proof), level)


def require_possible(level: ProofLevel) -> None:
    """Raises CheckFailed VERIFY_IMPOSSIBLE for a level that was asked for and that the app does not allow."""
    if not level.possible:
        raise VERIFY_IMPOSSIBLE(f"no {level.proof.value} proof is possible: {level.why}")


def read_source(source: Path, ignore: Ignore) -> AppSource:
    """The app in a folder. Raises CheckFailed WORKSPACE_MOVING if a file changes meanwhile."""
    tree = without_stamp(walk(source, ignore))
    info = read_addon(source)
    return AppSource(
        version=info.version,
        slug=info.slug,
        tree=tree,
        texts=dict(_texts(source, tree)),
        arches=info.arch,
        image=info.image,
        names_stamp=_names_stamp(source, tree),
    )


def plan_delivery(found: FoundTree, wanted: Wanted) -> PlannedSync:
    """The delivery and the plan for it; a stamp on the host that names the same content is kept.

    Generated files contain the run id, so without this each run would send the same app again.
    Raises what `plan_sync` raises.
    """
    earlier = Stamp.parse(found.stamp)
    wanted = _with_ports(wanted, earlier)
    sent: Manifest | None = None
    if earlier is not None and wanted.stamp.names_the_same(earlier):
        for purpose in _purposes(wanted.purpose, earlier):
            same = _planned(found, replace(wanted, purpose=purpose), earlier)
            if same.plan.nothing:
                return same
            if same.delivery.digest == earlier.sent:
                sent = same.delivery.manifest
    planned = _planned(found, wanted, wanted.stamp)
    return replace(planned, plan=replace(planned.plan, sent=sent))


def _purposes(purpose: Purpose, earlier: Stamp) -> Iterator[Purpose]:
    """The purpose; if it needs no proof, also the same with a seal, which the host's delivery may keep."""
    yield purpose
    if purpose.proof is Proof.RUNNING and earlier.proof == Proof.SEALED:
        yield replace(purpose, proof=Proof.SEALED)


def _with_ports(wanted: Wanted, earlier: Stamp | None) -> Wanted:
    """The ports that were asked for, else those of the instance on the host, else none."""
    instance = wanted.purpose.instance
    if instance is None or instance.ports:
        return wanted
    ports = earlier.ports if earlier and earlier.ports else DROP
    return replace(wanted, purpose=replace(wanted.purpose, instance=replace(instance, ports=ports)))


def plan_look(found: FoundTree, wanted: Wanted) -> PlannedSync:
    """The plan for a command that only looks: for the proof that the host's delivery was made for."""
    earlier = Stamp.parse(found.stamp)
    if earlier is None or earlier.proof not in set(Proof):
        return plan_delivery(found, wanted)
    as_sent = replace(wanted.purpose, proof=Proof(earlier.proof))
    return plan_delivery(found, replace(wanted, purpose=as_sent))


def _planned(found: FoundTree, wanted: Wanted, stamp: Stamp) -> PlannedSync:
    delivery = deliver(wanted.app, stamp, wanted.purpose)
    plan = plan_sync(found, delivery.manifest, wanted.ignore, delivery.stamp)
    generated = frozenset(delivery.made) - delivery.tree.by_path.keys()
    return PlannedSync(delivery, replace(plan, generated=generated), wanted.level)


def _texts(source: Path, tree: Manifest) -> Iterator[tuple[str, bytes]]:
    for entry in tree.entries:
        if not is_text(entry.path):
            continue
        file = _linked_file(source, tree, entry)
        if file and file.size <= TEXT_LIMIT:
            data = (source / file.path).read_bytes()
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise WORKSPACE_MOVING(f"{file.path} changed in the workspace while it was being read")
            yield entry.path, data


def _linked_file(source: Path, tree: Manifest, entry: Entry) -> Entry | None:
    """The file itself, or the target of a link, as the Supervisor reads it; None if it is not there."""
    if entry.kind == "file":
        return entry
    try:
        place = real_path(source / entry.path).relative_to(real_path(source))
    except ValueError:
        return None
    file = tree.by_path.get(place.as_posix())
    return file if file and file.kind == "file" else None


def _names_stamp(source: Path, tree: Manifest) -> bool:
    """Whether a file of the app mentions the stamp, which it must to report it."""
    return any(
        _STAMP_NAME in (source / entry.path).read_bytes()
        for entry in tree.entries
        if entry.kind == "file" and entry.size <= TEXT_LIMIT and os.access(source / entry.path, os.R_OK)
    )


def _commit(run: Run) -> str:
    head = head_state(run.workspace)
    if not head.commit:
        return "none"
    return f"{head.commit}-dirty" if head.dirty else head.commit
