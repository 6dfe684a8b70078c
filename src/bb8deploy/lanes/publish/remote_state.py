"""Looks at the remote before and after a push, and reads its commits against our own history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.plan.release.push_plan import RemoteState, overwritten
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.app_config import CONFIG_NAMES
from bb8deploy.workspace.versions.publish_layout import Publishing

TREE_TRAILER, SOURCE_TRAILER = "Addon-Tree", "Source-Commit"


@dataclass(frozen=True, slots=True)
class Store:
    """Where the app is published: the git remote, the branch, the workspace that has the objects, and how."""

    folder: Path
    remote: str
    branch: str
    how: Publishing

    @property
    def shown(self) -> str:
        """The remote's address, fit for a log."""
        return r.address(self.folder, self.remote)


@dataclass(frozen=True, slots=True)
class HandEdits:
    """What someone changed on the remote that a publish would overwrite, with the diff to show.

    `foreign` are the paths that no tree of the app ever had: they are not the app's to remove.
    """

    paths: tuple[str, ...] = ()
    diff: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


def survey(store: Store, tag_name: str) -> RemoteState:
    """Asks the remote for its branch and a tag, and brings their objects here."""
    refs = r.ask(store.folder, store.remote, store.branch, tag_name)
    tip, tag, tag_object = refs.branch(store.branch), refs.tag(tag_name), refs.tag_object(tag_name)
    wanted = [
        ref
        for ref, sha in ((f"refs/heads/{store.branch}", tip), (f"refs/tags/{tag_name}", tag_object))
        if sha and not g.has_commit(store.folder, sha)
    ]
    if wanted:
        r.fetch(store.folder, store.remote, *wanted)
    return RemoteState(
        tip=tip,
        tip_tree=_tree(store, tip),
        tag_commit=tag,
        tag_tree=_tree(store, tag),
        tag_on_branch=bool(tip and tag) and r.contains(store.folder, tip, tag),
        default_branch=refs.default_branch,
        tag_object=tag_object,
    )


def hand_edits(store: Store, tip: str, tree: str, addon: Path) -> HandEdits:
    """The edits between the last tree that came from here and `tip` which `tree` does not have."""
    if not tip:
        return HandEdits()
    base = _last_of_ours(store, tip, addon)
    tip_tree = _tree(store, tip)
    old, tip_files, new = (g.tree_files(store.folder, name) for name in (base, tip_tree, tree))
    lost = overwritten(old, tip_files, new)
    paths = [path for path in lost if not _taken_over(store, addon, path, tip_files.get(path))]
    diff = g.tree_diff(store.folder, base, tip_tree, paths) if paths else []
    added = [path for path in paths if path in tip_files and path not in new]
    return HandEdits(tuple(paths), tuple(diff), _foreign(store, tip, addon, added))


def is_source(store: Store, tip: str, addon: Path) -> bool:
    """True if `tip` is a commit of a source repository, such as the one of this workspace, and not of an app.

    It is if it holds the app's folder at the same path, or if it shares history with HEAD and has no config
    file at its root. An app repository that was merged into the workspace shares history but has one.
    """
    if not tip:
        return False
    path = g.prefix(addon)
    if path and _has_config(store, tip, path):
        return True
    related = g.call(store.folder, "merge-base", "HEAD", tip).returncode == 0
    return related and not (path and _has_config(store, tip, ""))


def _has_config(store: Store, tip: str, folder: str) -> bool:
    return any(g.resolve(store.folder, f"{tip}:{folder}{name}") for name in CONFIG_NAMES)


def _foreign(store: Store, tip: str, addon: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """The paths that no published tree of the app has ever had."""
    if not paths:
        return ()
    known = _own_trees(store, addon)
    ours = {tree for tree, claimed in _history(store, tip) if claimed == tree or tree in known}
    names = [(path, f"{tree}:{path}") for path in paths for tree in ours]
    asked = "".join(f"{name}\n" for _, name in names).encode(errors="surrogateescape")
    answers = g.git(store.folder, "cat-file", "--batch-check=%(objecttype)", stdin=asked).splitlines()
    have = {path for (path, _), answer in zip(names, answers, strict=True) if answer == "blob"}
    return tuple(path for path in paths if path not in have)


def source_tree(store: Store, commit: str, addon: Path) -> str:
    """The app's tree in the commit that a published one was made from, empty if that commit is not here.

    A tree that was published with images differs from it by a few lines of its config.
    """
    if not commit:
        return ""
    message = g.read_commit(store.folder, commit).message
    source = g.trailers(store.folder, message).get(SOURCE_TRAILER.lower(), "")
    return g.resolve(store.folder, f"{source}:{g.prefix(addon).rstrip('/')}") if source else ""


def _taken_over(store: Store, addon: Path, path: str, facts: str | None) -> bool:
    """Whether our history once had the remote's file: then the edit was brought here, and went on."""
    if facts is None:
        return False
    where = f":(top){g.prefix(addon)}{path}"
    words = ("log", "-1", "--format=%H", f"--find-object={facts.split()[-1]}", "HEAD", "--", where)
    return bool(g.git(store.folder, *words))


def _last_of_ours(store: Store, tip: str, addon: Path) -> str:
    """The tree of the newest commit on the branch that holds what we made; the empty tree if none does.

    A commit of ours names its own tree in a trailer, which is wrong after an amend. A commit of
    another tool (`git subtree`) counts when its tree is one that the app's folder once had here.
    """
    known: frozenset[str] | None = None
    for tree, claimed in _history(store, tip):
        if claimed == tree:
            return tree
        known = _own_trees(store, addon) if known is None else known
        if tree in known:
            return tree
    return g.git(store.folder, "mktree")


def _history(store: Store, tip: str) -> Iterator[tuple[str, str]]:
    """Tree and claimed tree of each commit from `tip` back."""
    form = f"%T %(trailers:key={TREE_TRAILER},valueonly,separator=%x2C)"
    words = ("log", "--first-parent", "--no-show-signature", f"--format={form}", tip, "--")
    for line in g.git(store.folder, *words).splitlines():
        tree, _, claimed = line.partition(" ")
        yield tree, claimed.strip()


def _own_trees(store: Store, addon: Path) -> frozenset[str]:
    """Every tree that the app's folder had in the history of HEAD."""
    path = g.prefix(addon).rstrip("/")
    commits = g.git(store.folder, "log", "--format=%H", "HEAD", "--", f":(top){path}").splitlines()
    names = "".join(f"{commit}:{path}\n" for commit in commits).encode()
    found = g.git(store.folder, "cat-file", "--batch-check=%(objectname)", stdin=names).splitlines()
    return frozenset(line for line in found if " " not in line)


def _tree(store: Store, commit: str) -> str:
    """The app's tree in a published commit, empty if there is none."""
    path = store.how.path
    return g.resolve(store.folder, f"{commit}:{path}" if path else f"{commit}^{{tree}}") if commit else ""
