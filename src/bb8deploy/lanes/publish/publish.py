"""Lane 4: pushes the verified tree and its tag to the app's repository, and reads both back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bb8deploy.base.errors import Bb8Error, Refused
from bb8deploy.catalogue.errors.ship.publish import (
    PUBLISH_READBACK,
    PUBLISH_REMOTE_MISSING,
    REMOTE_DIVERGED,
    SPLIT_AND_IMAGE,
)
from bb8deploy.lanes.publish.fitness import require_fit
from bb8deploy.lanes.publish.outgoing import (
    require_nothing_private,
    require_private_history,
    require_verified,
    warn_if_other_here,
)
from bb8deploy.lanes.publish.ownership import (
    allowed_loss,
    require_app_repository,
    warn_of_default_branch,
)
from bb8deploy.lanes.publish.source import (
    Publication,
    read_source,
    require_commit,
    tag_locally,
    tag_message,
    tagged_here,
)
from bb8deploy.lanes.publish.survey import (
    SOURCE_TRAILER,
    TREE_TRAILER,
    HandEdits,
    Store,
    survey,
)
from bb8deploy.plan.release.image import Image
from bb8deploy.plan.release.publish import Pushes, RemoteState, decide
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace import remote as r
from bb8deploy.workspace import signing
from bb8deploy.workspace.addon import parse_config

ATTEMPTS = 3
NOTHING = "Nothing to publish: the remote already has this tree and its tag."


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """`overwrite` takes back hand edits on the remote; `subtree_split` keeps the seed's way of publishing;
    `image` builds and pushes images first and publishes a config that names them. If this follows a deploy,
    `commit` and `verified` are the commit and the tree digest that it proved: nothing else is published.
    """

    overwrite: bool = False
    subtree_split: bool = False
    image: bool = False
    commit: str = ""
    verified: str = ""


@dataclass(frozen=True, slots=True)
class PublishOutcome:
    """What this run published and read back; `pushed` is empty if the remote had everything."""

    version: str
    source_commit: str
    tree: str
    remote: str = ""
    branch: str = ""
    commit: str = ""
    read_back_tree: str = ""
    tag_commit: str = ""
    pushed: tuple[str, ...] = ()
    overwritten: tuple[str, ...] = ()
    method: str = "commit-tree"
    images: tuple[Image, ...] = ()


def publish(run: Run, options: PublishOptions | None = None) -> PublishOutcome:
    """Publishes `HEAD:addon` and its tag to HA_PUBLISH_REMOTE, and emits a token for each read back.

    Raises UsageError without a remote, CheckFailed for a dirty tree, an unexpected commit,
    disagreeing versions, broken rules, hand edits on the remote or a taken tag, Refused or Unreachable where
    the remote does not play along.
    """
    options = options or PublishOptions()
    store = find_store(run)
    outcome = PublishOutcome("", "", "", remote=store.shown, branch=store.branch)
    try:
        with run.step("publish: source") as facts:
            source = read_source(run)
            if options.commit:
                require_commit(run, source.commit.sha, options.commit)
            facts.update(commit=source.commit.sha, tree=source.tree, version=source.info.version)
        outcome = replace(
            outcome, version=source.info.version, source_commit=source.commit.sha, tree=source.tree
        )
        require_fit(run, source.tree)
        require_nothing_private(run, source.tree, source.commit.message)
        if options.verified:
            require_verified(run, source.tree, options.verified)
        else:
            warn_if_other_here(run, source.tree)
        if options.image:
            source, outcome = _promote(run, source, outcome)
            require_fit(run, source.tree)
        outcome = _publish(run, store, source, options, outcome)
    except Bb8Error as error:
        _write_contract(run, outcome, error)
        raise
    _write_contract(run, outcome, None)
    return outcome


def find_store(run: Run) -> Store:
    """Where to publish; raises UsageError if HA_PUBLISH_REMOTE is not set."""
    remote = run.settings.ha_publish_remote
    if not remote:
        raise PUBLISH_REMOTE_MISSING("HA_PUBLISH_REMOTE is not set, so there is nowhere to publish to")
    return Store(run.workspace, remote, run.settings.ha_publish_branch)


def _publish(
    run: Run, store: Store, source: Publication, options: PublishOptions, outcome: PublishOutcome
) -> PublishOutcome:
    tagged_here(run, source)
    signing.require_key(run.workspace, signing.TAGS)
    for attempt in range(ATTEMPTS):
        with run.step("publish: look at the remote", store.shown):
            state = survey(store, source.info.version)
        require_app_repository(run, store, state)
        wanted = decide(state, source.tree, source.info.version)
        lost = HandEdits()
        if wanted.branch:
            lost = allowed_loss(run, store, state, source.tree, overwrite=options.overwrite)
        if lost.paths:
            run.progress.warn(f"overwriting hand edits on the remote: {', '.join(lost.paths)}")
        commit = _commit(run, source, state, options) if wanted.branch else state.tip
        outcome = replace(outcome, commit=commit, overwritten=lost.paths, method=_method(options))
        if run.dry_run:
            return replace(outcome, pushed=_planned(store, source, wanted))
        try:
            outcome = replace(outcome, pushed=_push(run, store, source, wanted, commit))
            break
        except r.Moved:
            if attempt == ATTEMPTS - 1:
                raise
            run.progress.note("The remote has moved meanwhile; looking again.")
    outcome = _read_back(run, store, source, outcome)
    tag_locally(run, source)
    return outcome


def _commit(run: Run, source: Publication, state: RemoteState, options: PublishOptions) -> str:
    if options.subtree_split:
        return _split(run, source, state)
    words = {SOURCE_TRAILER: source.commit.sha, TREE_TRAILER: source.tree}
    message = g.with_trailers(run.workspace, source.commit.message, words)
    parents = [state.tip] if state.tip else []
    return g.write_commit(run.workspace, source.tree, parents, source.commit, message)


def _split(run: Run, source: Publication, state: RemoteState) -> str:
    """`git subtree split`: every commit of the folder rewritten, which takes minutes in a long history."""
    top = g.git(run.workspace, "rev-parse", "--show-toplevel")
    folder = g.prefix(run.addon).rstrip("/")
    with run.step("publish: git subtree split"):
        text = g.git(Path(top), "subtree", "split", "-q", "-P", folder, "HEAD", deadline=3600)
    commit = text.splitlines()[-1].strip()
    if g.resolve(run.workspace, f"{commit}^{{tree}}") != source.tree:
        raise SPLIT_AND_IMAGE("--subtree-split publishes the folder as it is, without `image:`")
    if state.tip and not r.contains(run.workspace, commit, state.tip):
        raise REMOTE_DIVERGED("the remote's branch is no ancestor of what `git subtree split` gives")
    require_private_history(run, commit, [state.tip] if state.tip else [])
    return commit


def _push(run: Run, store: Store, source: Publication, wanted: Pushes, commit: str) -> tuple[str, ...]:
    """Pushes what is missing in one atomic step and names the refs."""
    if wanted.nothing:
        run.progress.note(NOTHING)
        return ()
    version = source.info.version
    targets = [(commit, f"refs/heads/{store.branch}")] if wanted.branch else []
    if wanted.tag:
        tag = signing.write_tag(run.workspace, version, commit, source.commit, tag_message(source))
        targets.append((tag, f"refs/tags/{version}"))
    with run.step("publish: push", store.shown) as facts:
        r.push(run.workspace, store.remote, targets)
        facts.update(commit=commit, refs=[ref for _, ref in targets])
    return tuple(ref for _, ref in targets)


def _planned(store: Store, source: Publication, wanted: Pushes) -> tuple[str, ...]:
    refs = [f"refs/heads/{store.branch}"] if wanted.branch else []
    return (*refs, *([f"refs/tags/{source.info.version}"] if wanted.tag else []))


def _read_back(run: Run, store: Store, source: Publication, outcome: PublishOutcome) -> PublishOutcome:
    """Queries the remote again; only this answer produces tokens."""
    version = source.info.version
    with run.step("publish: read back", store.shown) as facts:
        state = survey(store, version)
        facts.update(tip=state.tip, tree=state.tip_tree, tag=state.tag_commit)
        warn_of_default_branch(run, store, state)
        if state.tip_tree != source.tree:
            raise _not_there(f"the branch holds tree {state.tip_tree[:12]}, not {source.tree[:12]}")
    ref = f"{store.branch}@{state.tip}"
    run.ledger.emit(Token.SUBTREE_PUBLISH_OK, ref=ref, tree=state.tip_tree, source=source.commit.sha[:12])
    if decide(state, source.tree, version).tag or _version_in(run, state.tag_tree) != version:
        raise _not_there(f"the tag {version} is missing or names another version")
    run.ledger.emit(Token.TAG_OK, tag=version, commit=state.tag_commit)
    return replace(outcome, commit=state.tip, read_back_tree=state.tip_tree, tag_commit=state.tag_commit)


def _version_in(run: Run, tree: str) -> str:
    """The version in the config file of a tree that was read back."""
    for name in ("config.yaml", "config.yml", "config.json"):
        data = g.read_file(run.workspace, tree, name)
        if data is not None:
            return str(parse_config(data, name).get("version"))
    return ""


def _not_there(why: str) -> Refused:
    return PUBLISH_READBACK(f"the remote took the push, but read back {why}")


def _method(options: PublishOptions) -> str:
    return "subtree-split" if options.subtree_split else "commit-tree"


def _promote(run: Run, source: Publication, outcome: PublishOutcome) -> tuple[Publication, PublishOutcome]:
    """Images first, so that no store ever names one that cannot be pulled."""
    from bb8deploy.lanes.publish.image import promote

    tree, images = promote(run, source)
    return replace(source, tree=tree), replace(outcome, tree=tree, images=images)


def _write_contract(run: Run, outcome: PublishOutcome, error: Bb8Error | None) -> None:
    from bb8deploy.runs.contracts.publish import ImageModel, PublishContract

    base = run.contract_base("publish_contract_v1", version=outcome.version, passed=error is None)
    run.write_contract(
        PublishContract(
            **base,
            remote=outcome.remote,
            branch=outcome.branch,
            source_commit=outcome.source_commit,
            tree=outcome.tree,
            commit=outcome.commit,
            read_back_tree=outcome.read_back_tree,
            tag=outcome.version if outcome.tag_commit else "",
            tag_commit=outcome.tag_commit,
            pushed=outcome.pushed,
            overwritten=outcome.overwritten,
            method=outcome.method,
            images=tuple(ImageModel(name=i.name, arch=i.arch, digest=i.digest) for i in outcome.images),
            error=f"{error.code}: {error.cause}" if error else "",
        )
    )
