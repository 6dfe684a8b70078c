"""What must happen for the host's tree to become the workspace's: pure, from two manifests."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from bb8deploy.base.untrusted_json import json_object
from bb8deploy.catalogue.errors.host import RUNTIME_HAS_GIT, SYNC_BLOCKED
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, Entry, FoundTree, Manifest, TreeDiff, bytes_entry, diff

LIVE = "live"


@dataclass(frozen=True, slots=True)
class Stamp:
    """build_stamp.json: the version, tree digest, commit and run that an app folder was made by.

    `tree` is the digest of the workspace's tree. `delivery` is that of everything that was sent but the
    stamp, and `proof` the level that it was made for, LIVE for the dev loop; both are empty in the stamps of
    earlier versions, which sent the tree and nothing else. `ports` is what an instance's deploy did with its
    ports, empty for the app itself.
    """

    version: str
    tree: str
    commit: str
    run: str
    delivery: str = ""
    proof: str = ""
    ports: str = ""

    @classmethod
    def parse(cls, text: str) -> Stamp | None:
        """The stamp in `text`, None if it holds none."""
        try:
            row = json_object(text)
            told = [str(row[name]) for name in ("version", "tree", "commit", "run")]
            more = [str(row.get(name, "")) for name in ("delivery", "proof", "ports")]
        except KeyError:
            return None
        return cls(*told, *more)

    @property
    def of_dev_loop(self) -> bool:
        """True if the dev loop delivered the tree, with its launcher and agent."""
        return self.proof == LIVE

    @property
    def sent(self) -> str:
        """The digest of everything that was sent but the stamp."""
        return self.delivery or self.tree

    def data(self) -> bytes:
        """The file's content."""
        return (json.dumps(asdict(self)) + "\n").encode()

    def names_the_same(self, other: Stamp | None) -> bool:
        """True if both name the same content; commit and run may differ."""
        return other is not None and (self.version, self.tree) == (other.version, other.tree)


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """The steps from the tree that was found to the wanted tree.

    `want` is the delivery; it and `have` are without the stamp and without ignored files; `kept` are the
    host's ignored files, which survive; `extra` are folders and special files that must go. `generated` are
    the paths of the delivery that are in no workspace; `sent` is what the run of the earlier stamp sent, None
    if that cannot be made again because the workspace has changed.
    """

    want: Manifest
    have: Manifest
    changes: TreeDiff
    extra: tuple[str, ...]
    kept: tuple[str, ...]
    present: bool
    stamp: Stamp
    earlier: Stamp | None
    folds_names: bool = False
    generated: frozenset[str] = frozenset()
    sent: Manifest | None = None

    def found_as(self, stamp: Stamp) -> bool:
        """True if what was found is what the run of `stamp` sent. A share may return another Unicode form
        of the names that were sent; those of the wanted tree have its spelling already, others only here."""
        if stamp.sent == self.have.digest:
            return True
        composed = (replace(entry, path=_composed(entry.path)) for entry in self.have.entries)
        return self.folds_names and stamp.sent == Manifest.of(composed).digest

    @property
    def replaces(self) -> bool:
        """True if the folder held anything: an empty one is no earlier tree."""
        return self.present and bool(self.have.entries or self.kept or self.extra or self.earlier)

    @property
    def differing(self) -> tuple[str, ...]:
        """What differs between the workspace and the host, sorted.

        The run is in the generated files, so that they differ from those of any other run: they count only
        if what was sent is known, which the workspace has not changed then.
        """
        if self.sent is None:
            paths = {*self.changes.paths} - self.generated
        else:
            paths = {*diff(self.have, self.sent, modes=False).paths, *self.changes.modes}
        return tuple(sorted({*paths, *self.extra}))

    @property
    def nothing(self) -> bool:
        """True if the host already has exactly this, stamp included."""
        return (
            self.present and not self.changes and not self.extra and self.stamp.names_the_same(self.earlier)
        )

    @property
    def removals(self) -> tuple[str, ...]:
        """What is removed before the new entries are written: all that changes or is not wanted."""
        gone = {*self.changes.changed, *self.changes.removed, *self.changes.modes, *self.extra}
        return tuple(sorted(gone | {STAMP}))

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is sent: every entry that is new or differs, and the stamp last."""
        paths = sorted({*self.changes.added, *self.changes.changed, *self.changes.modes})
        return (*(self.want.by_path[path] for path in paths), bytes_entry(STAMP, self.stamp.data()))


def plan_sync(found: FoundTree, want: Manifest, ignore: Ignore, stamp: Stamp) -> SyncPlan:
    """The plan. Raises CheckFailed if the host's folder is a repository, or if an ignored file of the
    host is in a folder that has the name of a planned file."""
    _refuse_repository(found)
    found = fold_names(found, want)
    want = without_stamp(want)
    here = without_stamp(found.manifest)
    kept = tuple(e.path for e in here.entries if ignore.ignores_file(e.path))
    kept_others = tuple(p for p in found.others if ignore.ignores_file(p))
    ignored = set(kept)
    have = Manifest(tuple(e for e in here.entries if e.path not in ignored))
    survivors = (*kept, *kept_others)
    _refuse_blocked(want, survivors)
    return SyncPlan(
        want=want,
        have=have,
        changes=diff(have, want, modes=found.modes_known),
        extra=(
            *_extra_folders(found, want, ignore, survivors),
            *(p for p in found.others if p not in survivors),
        ),
        kept=survivors,
        present=found.present,
        stamp=stamp,
        earlier=Stamp.parse(found.stamp),
        folds_names=found.folds_names,
    )


def differences(found: FoundTree, plan: SyncPlan, ignore: Ignore, stamp_data: bytes) -> list[str]:
    """What of a tree that was looked at after a sync is not as planned, one line each; empty if all is."""
    after = plan_sync(found, plan.want, ignore, plan.stamp)
    problems = [f"missing: {path}" for path in after.changes.added]
    problems += [f"other content: {path}" for path in after.changes.changed]
    problems += [f"not planned: {path}" for path in (*after.changes.removed, *after.extra)]
    problems += [f"executable bit: {path}" for path in after.changes.modes]
    problems += [f"lost: {path}" for path in sorted({*plan.kept} - {*after.kept})]
    on_host = found.manifest.by_path.get(STAMP)
    if on_host is None or on_host.sha256 != bytes_entry(STAMP, stamp_data).sha256:
        problems.append(f"other content: {STAMP}")
    return problems


def changed_since(before: FoundTree, after: FoundTree, ignore: Ignore) -> tuple[str, ...]:
    """The paths that differ between two looks at one folder, the stamp included; ignored ones left out."""
    if before.present != after.present:
        return (".",)
    changes = diff(before.manifest, after.manifest, modes=before.modes_known and after.modes_known)
    others = set(before.others) ^ set(after.others)
    found = {*changes.paths, *others}
    return tuple(sorted(path for path in found if not ignore.ignores_file(path)))


def touched_since(before: FoundTree, after: FoundTree, ignore: Ignore) -> tuple[str, ...]:
    """The paths that were written between two looks, although they may be as before: an undone edit.

    Ignored files do not count, nor does the time of a folder that has one in it: Finder and Explorer write
    theirs at any time. Looks without times show nothing.
    """
    paths = _timed(before, ignore) & _timed(after, ignore)
    return tuple(sorted(path for path in paths if before.times[path] != after.times[path]))


def times_digest(found: FoundTree, ignore: Ignore) -> str:
    """Identifies when the paths of a look were last written, ignored ones left out as in `touched_since`.

    Empty if the look has no times. Two equal ones of one folder mean that nothing was written in between.
    """
    if not found.times:
        return ""
    rows = sorted((path, found.times[path]) for path in _timed(found, ignore))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:32]


def _timed(found: FoundTree, ignore: Ignore) -> set[str]:
    """The paths whose times count: not ignored, and no folder that has something ignored in it."""
    folders = {".", *found.folders}
    ignored = {path for path in found.times if ignore.ignored(path, is_dir=path in folders)}
    return found.times.keys() - ignored - {path.rpartition("/")[0] or "." for path in ignored}


def without_stamp(manifest: Manifest) -> Manifest:
    """The manifest without the stamp at its root."""
    return Manifest(tuple(entry for entry in manifest.entries if entry.path != STAMP))


def fold_names(found: FoundTree, want: Manifest) -> FoundTree:
    """The wanted spelling of a found name, which a share may return in another Unicode form."""
    if not found.folds_names:
        return found
    spelling = {_composed(path): path for path in (*want.by_path, *want.folders())}

    def spell(path: str) -> str:
        return spelling.get(_composed(path), path)

    return replace(
        found,
        manifest=Manifest.of(replace(entry, path=spell(entry.path)) for entry in found.manifest.entries),
        folders=tuple(spell(path) for path in found.folders),
    )


def _composed(path: str) -> str:
    return unicodedata.normalize("NFC", path)


def _refuse_repository(found: FoundTree) -> None:
    for path in (*found.folders, *found.manifest.by_path, *found.others):
        if ".git" in path.split("/"):
            raise RUNTIME_HAS_GIT(f"the app folder holds a git repository at {path}")


def _refuse_blocked(want: Manifest, kept: Iterable[str]) -> None:
    for path in kept:
        parts = path.split("/")
        above = ("/".join(parts[: n + 1]) for n in range(len(parts)))
        clash = next((place for place in above if place in want.by_path), None)
        if clash:
            raise SYNC_BLOCKED(
                f"{clash} is a file in the workspace, but the host keeps the ignored file {path} there"
            )


def _extra_folders(found: FoundTree, want: Manifest, ignore: Ignore, kept: Iterable[str]) -> tuple[str, ...]:
    """The topmost folders that neither the plan nor a surviving file needs."""
    needed = want.folders() | Manifest.of(bytes_entry(path, b"") for path in kept).folders()
    extra = sorted(
        path for path in found.folders if path not in needed and not ignore.ignored(path, is_dir=True)
    )
    return tuple(p for p in extra if not any(p.startswith(f"{top}/") for top in extra if top != p))
