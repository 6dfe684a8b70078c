"""Lane 4: pushes the verified tree and its tag to the repository that users add, and reads both back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.ship.publish import PUBLISH_REMOTE_MISSING
from bb8deploy.lanes.publish.atomic_push import deliver
from bb8deploy.lanes.publish.committed_source import read_source, require_commit
from bb8deploy.lanes.publish.outcome import PublishOptions, PublishOutcome, PublishTask
from bb8deploy.lanes.publish.outgoing_tree_check import (
    require_nothing_private,
    require_verified,
    warn_if_other_here,
)
from bb8deploy.lanes.publish.remote_state import Store
from bb8deploy.lanes.publish.rules_check import require_fit
from bb8deploy.lanes.publish.store_layout import warn_of_other_apps
from bb8deploy.plan.release.image_commands import Image
from bb8deploy.runs.run import Run
from bb8deploy.workspace.versions.publish_layout import publishing_of


def publish(run: Run, options: PublishOptions | None = None) -> PublishOutcome:
    """Publishes the committed app and its tag to HA_PUBLISH_REMOTE, and emits a token for each read back.

    Raises UsageError without a remote, CheckFailed for a dirty tree, an unexpected commit,
    disagreeing versions, broken rules, hand edits or newer commits on the remote and a taken tag, Refused or
    Unreachable if the remote refuses or does not answer.
    """
    return publish_together([(run, options or PublishOptions())])[0]


def publish_together(asked: Sequence[tuple[Run, PublishOptions]]) -> list[PublishOutcome]:
    """Publishes apps of one commit in one push, in the order that is given. Raises as `publish` does."""
    begun: list[PublishTask] = []
    with _recorded(begun, asked[0][0]):
        for run, options in asked:
            begun.append(_begin(run, options))
            _prepare(begun[-1])
        _say_what_goes_along(begun)
        deliver(begun)
    return [one.outcome for one in begun]


def push_image(run: Run, arch: str) -> tuple[str, tuple[Image, ...]]:
    """Builds, pushes and reads back the image of one architecture, on a builder of that architecture.

    Publishes nothing else: a later `publish` with images finds it in the registry. Returns the version and
    the image. Raises what `publish` raises before its push, and UsageError IMAGE_ARCH_UNKNOWN.
    """
    from bb8deploy.lanes.publish.images.promote_images import promote_one

    one = _begin(run, PublishOptions())
    _prepare(one)
    return one.outcome.version, promote_one(run, one.source, arch)


def find_store(run: Run) -> Store:
    """Where to publish; raises UsageError if HA_PUBLISH_REMOTE is not set."""
    remote = run.settings.ha_publish_remote
    if not remote:
        raise PUBLISH_REMOTE_MISSING("HA_PUBLISH_REMOTE is not set, so there is nowhere to publish to")
    how = publishing_of(run.workspace, run.addon, run.settings)
    return Store(run.workspace, remote, run.settings.ha_publish_branch, how)


def _begin(run: Run, options: PublishOptions) -> PublishTask:
    """Reads what is to be published. Raises CheckFailed if it is not the commit that was verified."""
    store = find_store(run)
    with run.step("publish: source") as facts:
        source = read_source(run)
        if options.commit:
            require_commit(run, source.commit.sha, options.commit)
        facts.update(
            commit=source.commit.sha, tree=source.tree, version=source.info.version, layout=source.how.layout
        )
    run.progress.note(f"Layout: {source.how.layout} ({source.how.why}); tag {source.tag}.")
    outcome = PublishOutcome(
        source.info.version,
        source.commit.sha,
        source.tree,
        remote=store.shown,
        branch=store.branch,
        tag=source.tag,
        layout=source.how.layout,
    )
    return PublishTask(run, store, options, source, outcome)


def _prepare(one: PublishTask) -> None:
    """Checks the tree that goes out, and pushes its images if they are asked for."""
    run, source = one.run, one.source
    require_fit(run, source)
    require_nothing_private(run, source.tree, source.commit.message)
    if one.options.verified:
        require_verified(run, source.tree, one.options.verified)
    else:
        warn_if_other_here(run, source.tree)
    if one.options.image:
        _promote(one)


def _promote(one: PublishTask) -> None:
    """Images first, so that no store ever names one that cannot be pulled."""
    from bb8deploy.lanes.publish.images.promote_images import promote

    tree, images = promote(one.run, one.source)
    one.source = replace(one.source, tree=tree)
    one.outcome = replace(one.outcome, tree=tree, images=images)
    require_fit(one.run, one.source)


def _say_what_goes_along(publications: Sequence[PublishTask]) -> None:
    """A commit of a store has every app in it; a release has named the others in its preflight."""
    first = publications[0]
    if first.source.how.in_store and not first.options.commit:
        warn_of_other_apps(first.run, [one.run.addon for one in publications])


@contextmanager
def _recorded(begun: Sequence[PublishTask], first: Run) -> Iterator[None]:
    """Writes the contract of every publication, whatever the end."""
    try:
        yield
    except Bb8Error as error:
        for one in begun:
            _write_contract(one.run, one.outcome, error)
        if not begun:
            _write_contract(first, PublishOutcome("", "", ""), error)
        raise
    for one in begun:
        _write_contract(one.run, one.outcome, None)


def _write_contract(run: Run, outcome: PublishOutcome, error: Bb8Error | None) -> None:
    from bb8deploy.runs.contracts.publish import ImageModel, PublishContract

    base = run.contract_fields(version=outcome.version, passed=error is None)
    run.write_contract(
        PublishContract(
            **base,
            remote=outcome.remote,
            branch=outcome.branch,
            source_commit=outcome.source_commit,
            tree=outcome.tree,
            commit=outcome.commit,
            read_back_tree=outcome.read_back_tree,
            tag=outcome.tag if outcome.tag_commit else "",
            tag_commit=outcome.tag_commit,
            pushed=outcome.pushed,
            overwritten=outcome.overwritten,
            method=outcome.method,
            layout=outcome.layout,
            images=tuple(ImageModel(name=i.name, arch=i.arch, digest=i.digest) for i in outcome.images),
            error=f"{error.code}: {error.cause}" if error else "",
        )
    )
