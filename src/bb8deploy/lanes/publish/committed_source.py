"""What a release publishes: the committed app, its version agreed everywhere, and its tag here."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.catalogue.errors.ship.git import HEAD_MOVED
from bb8deploy.catalogue.errors.ship.publish import TAG_EXISTS, TAG_STRAY, VERSION_DISAGREES
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.app_config import AddonInfo, read_addon
from bb8deploy.workspace.versions import changelog, version_places
from bb8deploy.workspace.versions.publish_layout import Publishing, publishing_of


@dataclass(frozen=True, slots=True)
class Publication:
    """What shall be published: the commit, the app's config and tree in it, tag with the text, and how."""

    commit: g.Commit
    info: AddonInfo
    tree: str
    notes: str
    tag: str
    how: Publishing


def read_source(run: Run) -> Publication:
    """The committed app, with every place that names its version in agreement."""
    g.require_clean(run.workspace)
    commit = g.read_commit(run.workspace, "HEAD")
    info = read_addon(run.addon)
    _check_versions(run, info)
    tree = g.folder_tree(run.workspace, run.addon, commit.sha)
    how = publishing_of(run.workspace, run.addon, run.settings)
    return Publication(commit, info, tree, _notes(run, info), how.tags.of(info.version), how)


def require_commit(run: Run, found: str, wanted: str) -> None:
    """Raises CheckFailed if `found` is not the commit that the release is about."""
    if found == wanted:
        return
    raise HEAD_MOVED(
        f"HEAD moved to {found[:12]} during the release of {wanted[:12]}",
        "`bb8deploy release --resume` validates and deploys what is there now; to release without it, put "
        f"HEAD back first (`git branch LATER && git reset --keep {wanted[:12]}`).",
        details=g.git(run.workspace, "log", "--oneline", "-10", f"{wanted}..{found}", "--").splitlines(),
    )


def tag_locally(run: Run, source: Publication, published: str = "") -> str:
    """The workspace's own annotated tag, on the source commit; the same tag on the same tree is success.

    `published` is the tag object of a store, which the workspace takes as it is. Returns the tag's commit.
    """
    if not tagged_here(run, source):
        with run.step("tag") as facts:
            if published:
                g.git(run.workspace, "update-ref", f"refs/tags/{source.tag}", published, "")
            else:
                _make_tag(run, source)
            facts.update(tag=source.tag, commit=source.commit.sha)
    return g.resolve(run.workspace, f"refs/tags/{source.tag}^{{commit}}")


def _make_tag(run: Run, source: Publication) -> None:
    # Verbatim, or the headings of the changelog would go as comments.
    words = ("tag", "-a", "--cleanup=verbatim", "-F", "-", "--", source.tag, source.commit.sha)
    g.git(run.workspace, *words, stdin=tag_message(source).encode())


def tagged_here(run: Run, source: Publication) -> bool:
    """Whether the workspace has the version's tag on this tree.

    Raises CheckFailed if it is on another tree, or, in a store, on a commit that HEAD does not build upon.
    """
    if not g.resolve(run.workspace, f"refs/tags/{source.tag}"):
        return False
    own = g.folder_tree(run.workspace, run.addon, source.commit.sha)
    if g.folder_tree(run.workspace, run.addon, f"refs/tags/{source.tag}") != own:
        raise TAG_EXISTS(f"the workspace has a tag {source.tag} on other content")
    commit = g.resolve(run.workspace, f"refs/tags/{source.tag}^{{commit}}")
    if source.how.in_store and not r.contains(run.workspace, source.commit.sha, commit):
        raise TAG_STRAY(
            f"the workspace's tag {source.tag} is on a commit that HEAD does not build upon",
            f"If it was never published, delete it with `git tag -d {source.tag}`.",
        )
    return True


def _check_versions(run: Run, info: AddonInfo) -> None:
    """Raises CheckFailed if a place of the app names another version than its config."""
    stamps_found = version_places.stamps(run.addon)
    other = [f"{s.path.name} has {s.says}" for s in stamps_found if s.says != info.version]
    log = run.addon / version_places.CHANGELOG
    if log.exists() and not _has_section(log.read_text("utf-8"), info.version):
        other.append(f"{version_places.CHANGELOG} has no heading for it")
    if other:
        raise VERSION_DISAGREES(f"config.yaml has {info.version}, but {'; '.join(other)}")


def _has_section(text: str, version: str) -> bool:
    return any(section.name == version for section in changelog.sections(text))


def _notes(run: Run, info: AddonInfo) -> str:
    log = run.addon / version_places.CHANGELOG
    return changelog.section_text(log.read_text("utf-8"), info.version) if log.exists() else ""


def tag_message(source: Publication) -> str:
    """The text of the version's tag: the version, then its section of the changelog."""
    return f"{source.info.name} {source.info.version}\n\n{source.notes}".strip() + "\n"
