"""Takes edits that were made in the app folder on the host into the workspace, by a three-way merge."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.atomic_files import write_bytes
from bb8deploy.catalogue.errors.dev import DEV_ON
from bb8deploy.catalogue.errors.host import (
    PULL_CONFLICT,
    PULL_NO_BASE,
    PULL_OVER_CHANGES,
)
from bb8deploy.catalogue.errors.ship.git import GIT_NO_COMMIT
from bb8deploy.host.folder_ownership import refuse_foreign
from bb8deploy.host.open_host import Host
from bb8deploy.lanes.dev.container_state import is_on
from bb8deploy.lanes.host_session import Access, config_slug_of, connected
from bb8deploy.lanes.pull.merge import MergedFile, merge
from bb8deploy.lanes.pull.sent_tree import SentTree, sent_tree
from bb8deploy.plan.sync_plan import Stamp, fold_names, without_stamp
from bb8deploy.runs.report_files import save
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import FoundTree, Manifest, diff

PATCH = "host-edits.patch"


@dataclass(frozen=True, slots=True)
class PullOutcome:
    """`edited` are the paths that were edited on the host, `files` what became of them here; `left` are edits
    of generated files, which no workspace has; `patch` holds the edits as a patch."""

    where: str
    edited: tuple[str, ...]
    files: tuple[MergedFile, ...]
    left: tuple[str, ...]
    patch: Path

    @property
    def changed(self) -> tuple[str, ...]:
        """The paths that changed here, or would."""
        return tuple(file.path for file in self.files if file.changes)


def pull(run: Run, access: Access | None = None) -> PullOutcome:
    """Reads the edits on the host, saves them as a patch, and merges them into the workspace.

    All files are merged before the first is written. A dry run writes the patch alone. Raises CheckFailed
    PULL_NO_BASE, PULL_CONFLICT, PULL_OVER_CHANGES, DEV_ON or RUNTIME_NOT_OURS, UsageError GIT_NO_COMMIT.
    """
    if not git.head_state(run.workspace).commit:
        raise GIT_NO_COMMIT(
            "the workspace has no commit, so that a pull could overwrite the only copy of a file"
        )
    with connected(run, access) as host:
        with run.step("hash the host's files", host.where):
            found = host.files.look()
        stamp = _stamp(run, host, found)
        with sent_tree(run, stamp) as sent:
            outcome = _merged(run, host, found, sent)
    _require_possible(run, outcome)
    if not run.dry_run:
        for file in outcome.files:
            if file.changes:
                _write(run.addon / file.path, file.after)
    return outcome


def _stamp(run: Run, host: Host, found: FoundTree) -> Stamp:
    where = host.files.where
    refuse_foreign(found, Manifest(()), config_slug_of(run), where, host.files.fetch)
    stamp = Stamp.parse(found.stamp)
    if stamp is None:
        state = "has no stamp" if found.present else "does not exist"
        raise PULL_NO_BASE(f"{where} {state}, so it is not known what was sent there")
    if is_on(found):
        raise DEV_ON(f"the dev loop is on in {where}")
    return stamp


def _merged(run: Run, host: Host, found: FoundTree, sent: SentTree) -> PullOutcome:
    ignore = Ignore.of_workspace(run.workspace)
    here = without_stamp(fold_names(found, sent.manifest).manifest)
    have = Manifest(tuple(e for e in here.entries if not ignore.ignores_file(e.path)))
    base = without_stamp(sent.manifest)
    paths = diff(base, have, modes=False).paths
    edited = tuple(path for path in paths if not sent.is_generated(path))
    on_host = host.files.fetch([path for path in edited if path in have.by_path])
    files: list[MergedFile] = []
    patch: list[str] = []
    prefix = git.prefix(run.addon)
    for path in edited:
        theirs = _on_host(have, on_host, path)
        patch.extend(_diff(f"{prefix}{path}", sent.content(path), theirs))
        files.append(merge(path, sent.content(path), theirs, _here(run.addon / path)))
    place = run.folder / PATCH
    save(place, "".join(patch))
    left = tuple(path for path in paths if sent.is_generated(path))
    return PullOutcome(host.files.where, edited, tuple(files), left, place)


def _on_host(have: Manifest, contents: dict[str, bytes], path: str) -> bytes | None:
    entry = have.by_path.get(path)
    if entry is None:
        return None
    if entry.kind == "link":
        return entry.target.encode()
    if path not in contents or hashlib.sha256(contents[path]).hexdigest() != entry.sha256:
        raise PULL_NO_BASE(
            f"{path} could not be read on the host, or changed after it was hashed",
            "Run again; check that no other program writes there.",
        )
    return contents[path]


def _here(path: Path) -> bytes | None:
    if path.is_symlink():
        return str(path.readlink()).encode()
    return path.read_bytes() if path.is_file() else None


def _require_possible(run: Run, outcome: PullOutcome) -> None:
    """Raises CheckFailed, before anything is written, for a conflict or for a file with uncommitted work."""
    conflicts = [file.path for file in outcome.files if file.conflict]
    if conflicts:
        raise PULL_CONFLICT(
            f"{len(conflicts)} file(s) were changed both here and on the host, first {conflicts[0]}",
            f"Merge them by hand: `git apply --reject {outcome.patch}` applies what fits.",
            details=conflicts,
        )
    dirty = sorted(set(outcome.changed) & set(_uncommitted(run)))
    if dirty:
        raise PULL_OVER_CHANGES(
            f"{dirty[0]} has changes here that are not committed",
            "Commit or stash them, then run again.",
            details=dirty,
        )


def _uncommitted(run: Run) -> Iterator[str]:
    """The paths of the app that differ from the last commit, or that git does not know."""
    words = (
        "status",
        "--porcelain",
        "-z",
        "--untracked-files=all",
        "--ignored=matching",
        "--no-renames",
        "--",
        ".",
    )
    prefix = git.prefix(run.addon)
    for row in git.output(run.addon, *words).decode(errors="surrogateescape").split("\0"):
        if row:
            yield row[3:].removeprefix(prefix)


def _write(path: Path, data: bytes | None) -> None:
    """Writes a file with the mode that it has, or removes it."""
    if data is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    write_bytes(path, data)
    path.chmod(mode)


def _diff(path: str, old: bytes | None, new: bytes | None) -> Sequence[str]:
    """A patch of one file that git can apply; one line for a binary file."""
    if b"\0" in (old or b"") + (new or b""):
        return [f"Binary files a/{path} and b/{path} differ\n"]
    before, after = (
        (data or b"").decode("utf-8", "replace").splitlines(keepends=True) for data in (old, new)
    )
    names = ("/dev/null" if old is None else f"a/{path}", "/dev/null" if new is None else f"b/{path}")
    lines = difflib.unified_diff(before, after, *names)
    return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
