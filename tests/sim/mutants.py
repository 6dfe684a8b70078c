"""Faults put into the product on purpose, one at a time: the simulation must find each of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.files.app_folder_interface import InPlace
from bb8deploy.host.lock.lock_lifetime import HostLock
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.deploy import rollback
from bb8deploy.lanes.publish import atomic_push, subtree_layout
from bb8deploy.lanes.publish.committed_source import Publication
from bb8deploy.lanes.publish.images import promote_images
from bb8deploy.lanes.publish.outcome import PublishTask
from bb8deploy.lanes.publish.remote_state import HandEdits
from bb8deploy.lanes.pull import pull as pull_lane
from bb8deploy.lanes.remove import remove as remove_lane
from bb8deploy.lanes.sync import sync as sync_lane
from bb8deploy.lanes.verify.proof import wait_for_identity
from bb8deploy.lanes.verify.proof.folder_check import AppFolder
from bb8deploy.lanes.verify.proof.wait_for_identity import Prover
from bb8deploy.lanes.verify.verify_attempt import Attempt
from bb8deploy.plan.echo_verdict import Metrics
from bb8deploy.plan.logs.identity_line import Identity, Seal
from bb8deploy.plan.release.image_commands import Image, ImagePlan
from bb8deploy.plan.release.push_plan import Pushes, RemoteState
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git_remote
from bb8deploy.workspace.tree_digest import NO_RECORD


@contextlib.contextmanager
def _no_lock(_lock: HostLock, *_: Any, **__: Any) -> Iterator[Any]:
    holding = mock.Mock(notes=(), facts=None)
    holding.take_session.return_value = None
    yield holding


def _emitted_early(attempt: Attempt) -> Any:
    expected = attempt.delivered.expected
    attempt.run.ledger.emit(Token.VERIFY_OK, version=expected.version, tree=expected.tree)
    return _CARRY_OUT(attempt)


def _unproven(attempt: Attempt, _installed: Any) -> Identity:
    expected = attempt.delivered.expected
    return Identity(expected.version, expected.tree, "none", expected.run, "3.13")


def _forced(folder: Path, where: str, targets: Sequence[tuple[str, str]]) -> None:
    _PUSH(folder, where, [(f"+{sha}", ref) for sha, ref in targets])


def _any_tag(state: RemoteState, tree: str, _version: str) -> Pushes:
    return Pushes(branch=state.tip_tree != tree, tag=not state.tag_commit)


@contextlib.contextmanager
def _both(first: object, second: object, name: str, new: Any) -> Iterator[None]:
    with mock.patch.object(first, name, new), mock.patch.object(second, name, new):
        yield


def _published_early(tasks: Sequence[PublishTask], targets: Sequence[tuple[str, str]]) -> None:
    for task in tasks:
        ref = f"{task.store.branch}@{task.outcome.commit}"
        task.run.ledger.emit(Token.SUBTREE_PUBLISH_OK, ref=ref, tree=task.source.tree)
    _PUSH_ALL(tasks, targets)


def _without_images(run: Run, source: Publication) -> tuple[str, tuple[Image, ...]]:
    return promote_images.flipped_tree(run, source, promote_images._plan(run, source).config_image), ()


def _not_read_back(run: Run, _registry: Any, plan: ImagePlan, pushed: Mapping[str, str]) -> tuple[Image, ...]:
    for job in plan.jobs:
        digest = pushed.get(job.reference, "sha256:0")
        run.ledger.emit(Token.IMAGE_PUBLISH_OK, image=job.reference, arch=job.arch, digest=digest)
    return ()


@contextlib.contextmanager
def _any_image() -> Iterator[None]:
    """The registry's image of this version is taken as it is, and not looked at again."""
    with (
        mock.patch.object(promote_images, "_found", lambda registry, name, _tree: registry.manifest(name)),
        mock.patch.object(promote_images, "_read_back", _not_read_back),
    ):
        yield


@contextlib.contextmanager
def _any_tree_ran() -> Iterator[None]:
    """Neither the log nor an earlier run is asked whether a tree has run."""
    with (
        mock.patch.object(rollback, "ran_before", return_value=True),
        mock.patch.object(rollback, "proven_before", return_value=True),
    ):
        yield


def _finished(stamp: str, _put_in: object) -> InPlace:
    return InPlace(stamp, unfinished=False)


@contextlib.contextmanager
def _forgotten(host: Host, *_: object) -> Iterator[None]:
    """A rollback that fails ends the record of its swap."""
    try:
        yield
    except Bb8Error:
        host.record_put_in(NO_RECORD)
        raise


_CARRY_OUT, _REPORTED = Attempt.carry_out, Prover._reported
_PUSH, _PUSH_ALL = git_remote.push, atomic_push._push

MUTANTS: dict[str, Callable[[], Any]] = {
    "the tree is not hashed again after the build": lambda: mock.patch.object(
        AppFolder, "check_tree", return_value=None
    ),
    "the lock is not taken": lambda: mock.patch.object(HostLock, "held", _no_lock),
    "the lock is not released": lambda: mock.patch.object(HostLock, "release", return_value=None),
    "VERIFY_OK is written before the build": lambda: mock.patch.object(Attempt, "carry_out", _emitted_early),
    "every identity is the expected one": lambda: mock.patch.object(Identity, "is_", return_value=True),
    "the settle time is skipped": lambda: mock.patch.object(Prover, "_settle", return_value=None),
    "the tree after the sync is not compared": lambda: mock.patch.object(
        sync_lane, "differences", return_value=()
    ),
    "a rollback is not verified": lambda: mock.patch.object(Attempt, "prove", _unproven),
    "a tree that never ran counts as an earlier version": _any_tree_ran,
    "a rollback that was killed is not completed": lambda: mock.patch.object(InPlace, "of", _finished),
    "a rollback that failed is not completed": lambda: mock.patch.object(rollback, "to_its_end", _forgotten),
    "a seal that differs counts": lambda: mock.patch.object(Seal, "problems", return_value=()),
    "a removal does not look for edits": lambda: mock.patch.object(
        remove_lane, "require_unedited", return_value=None
    ),
    "a removal does not look at the store again": lambda: mock.patch.object(
        remove_lane.Removing, "_reload", return_value=None
    ),
    "a pull overwrites work that is not committed": lambda: mock.patch.object(
        pull_lane, "_uncommitted", return_value=()
    ),
    "a push is forced": lambda: mock.patch.object(git_remote, "push", _forced),
    "hand edits in the store are not looked for": lambda: mock.patch.object(
        subtree_layout, "allowed_loss", return_value=HandEdits()
    ),
    "a tag of other content will do": lambda: _both(subtree_layout, atomic_push, "decide", _any_tag),
    "SUBTREE_PUBLISH_OK is written before the push": lambda: mock.patch.object(
        atomic_push, "_push", _published_early
    ),
    "the store names images before they are pushed": lambda: mock.patch.object(
        promote_images, "promote", _without_images
    ),
    "an image of other content will do": _any_image,
    "an attestation passes in any case": lambda: mock.patch.object(Metrics, "passed", True),
    "old lines of the log count": lambda: mock.patch.object(
        wait_for_identity, "newer_lines", lambda _b, after, **_: after
    ),
}
