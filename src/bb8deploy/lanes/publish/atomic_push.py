"""Pushes publications in one atomic step, and reads each of them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bb8deploy.base.errors import Refused
from bb8deploy.catalogue.errors.ship.publish import PUBLISH_READBACK
from bb8deploy.lanes.publish.committed_source import tag_locally, tag_message, tagged_here
from bb8deploy.lanes.publish.outcome import PublishTask
from bb8deploy.lanes.publish.remote_ownership import warn_of_default_branch
from bb8deploy.lanes.publish.remote_state import survey
from bb8deploy.lanes.publish.store_layout import plan_in_store
from bb8deploy.lanes.publish.subtree_layout import plan_subtree
from bb8deploy.plan.release.push_plan import decide
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace import git_signing
from bb8deploy.workspace.app_config import CONFIG_NAMES, parse_config

ATTEMPTS = 3
NOTHING = "Nothing to publish: the remote already has this tree and its tag."
Target = tuple[str, str]
"""An object and the ref of the remote that it is pushed to."""


def deliver(publications: Sequence[PublishTask]) -> None:
    """Pushes every branch and tag that the remote lacks, all or none, and reads back each publication.

    The publications have the same remote; several share one commit of a store. A dry run ends with what would
    be pushed. Raises CheckFailed or Refused as the plans of the layouts do.
    """
    run = publications[0].run
    for one in publications:
        tagged_here(one.run, one.source)
    git_signing.require_key(run.workspace, git_signing.TAGS)
    for attempt in range(ATTEMPTS):
        targets = [_targets(one) for one in publications]
        for one, own in zip(publications, targets, strict=True):
            one.outcome = replace(one.outcome, pushed=tuple(ref for _, ref in own))
        if run.dry_run:
            return
        try:
            _push(publications, list(dict.fromkeys(target for own in targets for target in own)))
            break
        except r.Moved:
            if attempt == ATTEMPTS - 1:
                raise
            run.progress.note("The remote has changed in the meantime; reading it again.")
    for one in publications:
        _read_back(one)


def _targets(one: PublishTask) -> list[Target]:
    """What the remote lacks of a publication; a dry run names the refs without writing a tag."""
    run, store, source = one.run, one.store, one.source
    with run.step("publish: look at the remote", store.shown):
        state = survey(store, source.tag)
    wanted = plan_in_store(one, state) if source.how.in_store else plan_subtree(one, state)
    targets = [(one.outcome.commit, f"refs/heads/{store.branch}")] if wanted.branch else []
    if wanted.tag:
        targets.append(("" if run.dry_run else _tag(one), f"refs/tags/{source.tag}"))
    return targets


def _tag(one: PublishTask) -> str:
    """The tag's object: in a store that of the workspace, if it has the tag already."""
    run, source = one.run, one.source
    here = g.resolve(run.workspace, f"refs/tags/{source.tag}") if source.how.in_store else ""
    return here or git_signing.write_tag(
        run.workspace, source.tag, one.outcome.commit, source.commit, tag_message(source)
    )


def _push(publications: Sequence[PublishTask], targets: Sequence[Target]) -> None:
    run, store = publications[0].run, publications[0].store
    if not targets:
        run.progress.note(NOTHING)
        return
    with run.step("publish: push", store.shown) as facts:
        r.push(run.workspace, store.remote, targets)
        facts.update(commit=publications[0].outcome.commit, refs=[ref for _, ref in targets])


def _read_back(one: PublishTask) -> None:
    """Queries the remote again; only this answer produces tokens. Then the workspace gets its own tag."""
    run, store, source = one.run, one.store, one.source
    with run.step("publish: read back", store.shown) as facts:
        state = survey(store, source.tag)
        facts.update(tip=state.tip, tree=state.tip_tree, tag=state.tag_commit)
        warn_of_default_branch(run, store, state)
        if state.tip_tree != source.tree:
            raise _not_there(f"the branch holds tree {state.tip_tree[:12]}, not {source.tree[:12]}")
    run.ledger.emit(
        Token.SUBTREE_PUBLISH_OK,
        ref=f"{store.branch}@{state.tip}",
        tree=state.tip_tree,
        folder=source.how.path or None,
        source=source.commit.sha[:12],
    )
    version = source.info.version
    if decide(state, source.tree, source.tag).tag or _version_in(run, state.tag_tree) != version:
        raise _not_there(f"the tag {source.tag} is missing or names another version")
    run.ledger.emit(Token.TAG_OK, tag=source.tag, commit=state.tag_commit)
    one.outcome = replace(
        one.outcome, commit=state.tip, read_back_tree=state.tip_tree, tag_commit=state.tag_commit
    )
    tag_locally(run, source, state.tag_object if source.how.in_store else "")


def _version_in(run: Run, tree: str) -> str:
    """The version in the config file of a tree that was read back."""
    for name in CONFIG_NAMES:
        data = g.read_file(run.workspace, tree, name)
        if data is not None:
            return str(parse_config(data, name).get("version"))
    return ""


def _not_there(why: str) -> Refused:
    return PUBLISH_READBACK(f"the remote took the push, but read back {why}")
