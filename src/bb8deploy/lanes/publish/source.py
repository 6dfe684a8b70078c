"""What a release publishes: the committed add-on, its version agreed everywhere, and its tag here."""

from __future__ import annotations

from dataclasses import dataclass

from bb8deploy.catalogue.errors.ship.git import HEAD_MOVED
from bb8deploy.catalogue.errors.ship.publish import TAG_EXISTS, VERSION_DISAGREES
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace.addon import AddonInfo, read_addon
from bb8deploy.workspace.versions import changelog, stamps


@dataclass(frozen=True, slots=True)
class Publication:
    """What shall be published: the commit it comes from, the add-on's words, the tree and the tag's text."""

    commit: g.Commit
    info: AddonInfo
    tree: str
    notes: str


def read_source(run: Run) -> Publication:
    """The committed add-on, with every place that names its version in agreement."""
    g.require_clean(run.workspace)
    commit = g.read_commit(run.workspace, "HEAD")
    info = read_addon(run.addon)
    _check_versions(run, info)
    tree = g.folder_tree(run.workspace, run.addon, commit.sha)
    return Publication(commit, info, tree, _notes(run, info))


def require_commit(run: Run, found: str, wanted: str) -> None:
    """Raises CheckFailed where `found` is not the commit that the release is about."""
    if found == wanted:
        return
    raise HEAD_MOVED(
        f"HEAD went to {found[:12]} while the release of {wanted[:12]} was under way",
        "`bb8deploy release --resume` validates and deploys what is there now; to release without it, put "
        f"HEAD back first (`git branch LATER && git reset --keep {wanted[:12]}`).",
        details=g.git(run.workspace, "log", "--oneline", "-10", f"{wanted}..{found}", "--").splitlines(),
    )


def tag_locally(run: Run, source: Publication) -> str:
    """The workspace's own annotated tag, on the source commit; the same tag on the same tree is success."""
    version = source.info.version
    if not tagged_here(run, source):
        with run.step("tag") as facts:
            message = tag_message(source).encode()
            # Verbatim, or the headings of the changelog would go as comments.
            words = ("tag", "-a", "--cleanup=verbatim", "-F", "-", "--", version, source.commit.sha)
            g.git(run.workspace, *words, stdin=message)
            facts.update(tag=version, commit=source.commit.sha)
    return g.resolve(run.workspace, f"refs/tags/{version}^{{commit}}")


def tagged_here(run: Run, source: Publication) -> bool:
    """Whether the workspace has the version's tag on this tree; raises CheckFailed for another tree."""
    version = source.info.version
    if not g.resolve(run.workspace, f"refs/tags/{version}"):
        return False
    own = g.folder_tree(run.workspace, run.addon, source.commit.sha)
    if g.folder_tree(run.workspace, run.addon, f"refs/tags/{version}") == own:
        return True
    raise TAG_EXISTS(f"the workspace has a tag {version} on other content")


def _check_versions(run: Run, info: AddonInfo) -> None:
    """Raises CheckFailed where a place of the add-on names another version than its config."""
    stamps_found = stamps.stamps(run.addon)
    other = [f"{s.path.name} says {s.says}" for s in stamps_found if s.says != info.version]
    log = run.addon / stamps.CHANGELOG
    if log.exists() and not _has_section(log.read_text("utf-8"), info.version):
        other.append(f"{stamps.CHANGELOG} has no heading for it")
    if other:
        raise VERSION_DISAGREES(f"config.yaml says {info.version}, but {'; '.join(other)}")


def _has_section(text: str, version: str) -> bool:
    return any(section.name == version for section in changelog.sections(text))


def _notes(run: Run, info: AddonInfo) -> str:
    log = run.addon / stamps.CHANGELOG
    return changelog.section_text(log.read_text("utf-8"), info.version) if log.exists() else ""


def tag_message(source: Publication) -> str:
    """The text of the version's tag: the version, then its section of the changelog."""
    return f"{source.info.name} {source.info.version}\n\n{source.notes}".strip() + "\n"
