"""Checks everything that a release depends on before it changes anything; reports all problems at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.ship.git import (
    GIT_DETACHED,
    GIT_IDENTITY_MISSING,
    GIT_UNFINISHED,
    UPSTREAM_AHEAD,
)
from bb8deploy.catalogue.errors.ship.publish import PUBLISH_REMOTE_MISSING, TAG_EXISTS
from bb8deploy.lanes.publish.outgoing_tree_check import require_nothing_private, require_same_here
from bb8deploy.lanes.publish.publish import find_store
from bb8deploy.lanes.publish.remote_ownership import (
    allowed_loss,
    require_app_repository,
    warn_of_default_branch,
)
from bb8deploy.lanes.publish.remote_state import source_tree, survey
from bb8deploy.lanes.publish.rules_check import require_store
from bb8deploy.lanes.publish.store_layout import Content, require_room, warn_of_other_apps
from bb8deploy.lanes.release.collect_evidence import require_signature
from bb8deploy.lanes.sync.plan_from_workspace import read_wanted, require_possible
from bb8deploy.plan.release.push_plan import decide, pull_command
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace import git_signing
from bb8deploy.workspace.versions.publish_layout import publishing_of

_HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit")


@dataclass(frozen=True, slots=True)
class PreflightScope:
    """What the release is going to do, as far as preflight must know. `edited` are paths that a killed
    run may have left edited in its bump. `will_bump`: a commit follows. `released_with` are the folders of
    all apps that are released together.
    """

    version: str
    overwrite: bool = False
    image: bool = False
    sign: bool = False
    edited: tuple[str, ...] = ()
    will_bump: bool = True
    released_with: tuple[Path, ...] = ()


def check_workspace(run: Run, asked: PreflightScope) -> None:
    """Raises if the workspace is not fit for a release. Asks no network."""
    _all(
        [
            lambda: _branch(run),
            lambda: _identity(run),
            lambda: _clean(run, asked.edited),
            lambda: git_signing.require_key(run.workspace, git_signing.TAGS, git_signing.COMMITS),
            lambda: require_signature(run, sign=asked.sign),
            lambda: _proof(run),
        ]
    )
    _note_hooks(run)


def check_surroundings(run: Run, asked: PreflightScope, reach: Sequence[Callable[[], None]]) -> None:
    """Asks the upstream, the publish remote and, by `reach`, the host and the broker; changes nothing."""
    checks = [
        lambda: _own_tag(run, asked),
        lambda: _content(run, asked),
        lambda: _upstream(run),
        lambda: _publish_remote(run, asked),
    ]
    if asked.image:
        from bb8deploy.lanes.publish.images.promote_images import require_ready

        checks.append(lambda: require_ready(run))
    _all([*checks, *reach])


def _all(checks: Sequence[Callable[[], None]]) -> None:
    """Runs every check; the first failure is raised, with the others as its details."""
    problems: list[Bb8Error] = []
    for check in checks:
        try:
            check()
        except Bb8Error as error:
            problems.append(error)
    if not problems:
        return
    first, *others = problems
    more = [line for error in others for line in (f"also {error.code}: {error.cause}", f"  {error.remedy}")]
    first.details = (*first.details, *more)
    raise first


def _clean(run: Run, but: Sequence[str]) -> None:
    g.require_clean(run.workspace, but=but)


def _branch(run: Run) -> None:
    if not g.resolve(run.workspace, "HEAD"):
        return  # the check for a clean tree reports what is wrong
    if not g.branch(run.workspace):
        raise GIT_DETACHED("HEAD is on no branch, so the bump commit would be lost")
    if doing := g.unfinished(run.workspace):
        raise GIT_UNFINISHED(f"git is in the middle of {doing}")


def _identity(run: Run) -> None:
    if g.call(run.workspace, "var", "GIT_COMMITTER_IDENT").returncode:
        raise GIT_IDENTITY_MISSING("git has no author name and email address")


def _own_tag(run: Run, asked: PreflightScope) -> None:
    """The version's tag is free here, or is on the same content."""
    tag = publishing_of(run.workspace, run.addon, run.settings).tags.of(asked.version)
    own, name = g.folder_tree(run.workspace, run.addon), f"refs/tags/{tag}"
    if g.resolve(run.workspace, name) and g.folder_tree(run.workspace, run.addon, name) != own:
        raise TAG_EXISTS(f"the workspace has a tag {tag} on other content")


def _content(run: Run, asked: PreflightScope) -> None:
    """The commit holds nothing private, and exactly the files that a deploy would send."""
    tree = g.folder_tree(run.workspace, run.addon)
    require_nothing_private(run, tree)
    if not asked.edited:  # then the bump's own edits are not committed yet
        require_same_here(run, tree)


def _proof(run: Run) -> None:
    """The proof that was asked for is possible; its level is printed before anything is done."""
    level = read_wanted(run, run.addon).level
    require_possible(level)
    run.progress.note(level.in_words)


def _note_hooks(run: Run) -> None:
    """Hooks run at the bump commit; the bump checks what they did."""
    folder = run.workspace / g.git(run.workspace, "rev-parse", "--git-path", "hooks")
    found = [name for name in _HOOKS if os.access(folder / name, os.X_OK)]
    if found:
        run.progress.note(
            f"git runs {', '.join(found)} at the bump commit; the release stops if it commits other files of "
            "the app than those with the version"
        )


def _upstream(run: Run) -> None:
    """The branch that ours follows may not have commits that we lack: a release of old code would follow.

    Nothing is pushed there, so one that cannot be asked is a warning only.
    """
    remote, branch = r.upstream(run.workspace, g.branch(run.workspace))
    if not remote:
        return
    try:
        tip = r.ask(run.workspace, remote, branch).branch(branch)
    except Bb8Error as error:
        run.progress.warn(f"cannot tell whether {r.shown(remote)}/{branch} is ahead: {error.cause}")
        return
    if tip and not (g.has_commit(run.workspace, tip) and r.contains(run.workspace, "HEAD", tip)):
        raise UPSTREAM_AHEAD(
            f"{r.shown(remote)}/{branch} has commits that this branch lacks",
            f"Run `{pull_command(r.shown(remote), branch)}`, check the result, then release.",
        )


def _publish_remote(run: Run, asked: PreflightScope) -> None:
    """The store answers, has no hand edits, and the version's tag is free there and here."""
    remote = run.settings.ha_publish_remote
    if not remote:
        if asked.image:
            raise PUBLISH_REMOTE_MISSING(
                "`--image` flips the published config to pull images, but HA_PUBLISH_REMOTE is not set",
                "Set HA_PUBLISH_REMOTE, or release without `--image`.",
            )
        return
    store = find_store(run)
    require_store(run, store.how)
    tag = store.how.tags.of(asked.version)
    state = survey(store, tag)
    tree = g.folder_tree(run.workspace, run.addon)
    warn_of_default_branch(run, store, state)
    if store.how.in_store:
        head = Content(g.resolve(run.workspace, "HEAD"), tree, tag)
        require_room(run, store, state, head, will_bump=asked.will_bump)
        warn_of_other_apps(run, asked.released_with or (run.addon,))
        return
    if asked.image:  # what is published then differs by its `image:`, so its source is what counts
        state = replace(state, tag_tree=source_tree(store, state.tag_commit, run.addon))
    require_app_repository(run, store, state)
    decide(state, tree, tag)
    allowed_loss(run, store, state, tree, overwrite=asked.overwrite)
