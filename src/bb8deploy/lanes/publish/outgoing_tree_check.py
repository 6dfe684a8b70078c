"""Checks the tree that is about to be published: nothing private in it, and exactly what was verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.short_lists import first_few, first_lines
from bb8deploy.catalogue.errors.ship.publish import PRIVATE_FILE, TREE_UNVERIFIED
from bb8deploy.runs.run import Run
from bb8deploy.workspace import git as g
from bb8deploy.workspace.git_tree import Committed, read_blobs, read_committed
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.private_files import is_private_name, private_content
from bb8deploy.workspace.tree_digest import Manifest, bytes_entry, diff, walk

_WORDS = {"token": "an access token", "key": "a private key"}
_SHOWN = 20
_PORTION = 200
"""Objects of a history that are in memory at once."""


def require_nothing_private(run: Run, tree: str, message: str = "") -> None:
    """Raises PRIVATE_FILE if a file of `tree` is private by its name or content, or `message` by its content.

    Every file of the tree is read, whatever its size, and even if an exclude file names it.
    """
    with run.step("publish: look for private files") as facts:
        files = read_committed(run.workspace, tree).files
        found = [f"{file.path}: a private file" for file in files if is_private_name(file.path)]
        found += [f"{file.path}: it holds {_WORDS[one.kind]}" for file in files for one in file.private]
        found += _private_text(message)
        facts.update(tree=tree, files=len(files))
    _refuse(found)


def require_private_history(run: Run, commit: str, known: Sequence[str]) -> None:
    """Raises PRIVATE_FILE for the history of `commit` that a remote with the commits `known` would get."""
    span = [commit, *(f"^{one}" for one in known), "--"]
    with run.step("publish: look for private files in the history"):
        names = g.git(run.workspace, "log", "--format=", "--name-only", "-m", "-z", *span).split("\0")
        private = sorted({name for name in names if is_private_name(name)})
        # Trees are listed too, and their bytes are harmless to search; git 2.30 cannot leave them out.
        listed = g.git(run.workspace, "rev-list", "--objects", *span)
        blobs = dict(line.split(" ", 1) for line in listed.splitlines() if " " in line)
        found = [f"{path}: a private file, in one of the commits" for path in private]
        for path, kind in _private_blobs(run, blobs):
            found.append(f"{path}: one of the commits holds {_WORDS[kind]}")
        messages = g.git(run.workspace, "log", "--no-show-signature", "--format=%B", *span)
        found += _private_text(messages)
    _refuse(found)


def _private_blobs(run: Run, paths: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The path and kind of each secret in the objects `paths`, read in portions: a history may be large."""
    ids = list(paths)
    for start in range(0, len(ids), _PORTION):
        portion = ids[start : start + _PORTION]
        for object_id, data in zip(portion, read_blobs(run.workspace, portion), strict=True):
            yield from ((paths[object_id], one.kind) for one in private_content(data))


def require_verified(run: Run, tree: str, verified: str) -> None:
    """Raises TREE_UNVERIFIED if the digest of the committed `tree` is not `verified`, naming the paths.

    `verified` is the digest that a deploy sent and proved. Files that a sync leaves out do not count; a
    warning names those that are published nevertheless.
    """
    with run.step("publish: compare with the verified tree") as facts:
        look = _look(run, tree)
        facts.update(verified=verified, committed=look.manifest.digest)
    _warn_of_left_out(run, look)
    if look.manifest.digest != verified:
        raise _unverified(list(_differences(run, look)), verified, look.manifest.digest)


def require_same_here(run: Run, tree: str) -> None:
    """Raises TREE_UNVERIFIED if a deploy from the app's folder would send other content than `tree` has."""
    require_verified(run, tree, digest_here(run))


def digest_here(run: Run) -> str:
    """The digest of the app's folder: of what a deploy would send."""
    return walk(run.addon, Ignore.of_workspace(run.workspace)).digest


def warn_if_other_here(run: Run, tree: str) -> None:
    """Warns if the app's folder has other content than `tree`; a publish alone takes the commit."""
    lines = list(_differences(run, _look(run, tree)))
    if lines:
        run.progress.warn(f"a deploy from this folder would send other content than the commit: {lines[0]}")


@dataclass(frozen=True, slots=True)
class _Look:
    """A committed tree, and the manifest of what a sync would send of it."""

    committed: Committed
    manifest: Manifest
    ignore: Ignore


def _look(run: Run, tree: str) -> _Look:
    ignore = Ignore.of_workspace(run.workspace)
    committed = read_committed(run.workspace, tree)
    sent = (file.entry for file in committed.files if not ignore.ignores_file(file.path))
    return _Look(committed, Manifest.of(sent), ignore)


def _unverified(lines: Sequence[str], verified: str, committed: str) -> Bb8Error:
    count = f"{len(lines)} path(s) differ" if lines else "the folder was changed meanwhile"
    none = [f"no path differs now; verified was {verified}, the commit is {committed}"]
    return TREE_UNVERIFIED(
        f"the commit does not hold what was verified: {count}", details=first_lines(lines, _SHOWN) or none
    )


def _differences(run: Run, look: _Look) -> Iterator[str]:
    """What differs between the commit and the app's folder, one line for each path, with the cause."""
    modules = look.committed.submodules
    found = diff(look.manifest, walk(run.addon, look.ignore), modes=False)
    ignored = _ignored_by_git(run, found.added)
    yield from (f"{module}: a submodule, of which a commit holds no file" for module in modules if found)
    for path in found.added:
        module = next((one for one in modules if path.startswith(f"{one}/")), "")
        if module:
            yield f"{path}: in the submodule {module}"
        else:
            yield f"{path}: not in the commit{', git ignores it' if path in ignored else ''}"
    yield from (f"{path}: in the commit, not in the app's folder" for path in found.removed)
    yield from (f"{path}: {_changed(run, path, look.manifest)}" for path in found.changed)


def _changed(run: Run, path: str, manifest: Manifest) -> str:
    place = run.addon / path
    if place.is_file() and not place.is_symlink():
        plain = bytes_entry(path, place.read_bytes().replace(b"\r\n", b"\n"))
        if plain.sha256 == manifest.by_path[path].sha256:
            return "git converts its line endings"
    return "the commit holds other content (a filter, or an edit)"


def _ignored_by_git(run: Run, paths: Sequence[str]) -> set[str]:
    if not paths:
        return set()
    names = "".join(f"{path}\0" for path in paths).encode(errors="surrogateescape")
    done = g.call(run.addon, "check-ignore", "-z", "--stdin", stdin=names)
    return set(done.stdout.decode(errors="surrogateescape").split("\0"))


def _warn_of_left_out(run: Run, look: _Look) -> None:
    """Files of git itself, such as .gitignore, change no app and are not worth a warning."""
    names = [file.path for file in look.committed.files if look.ignore.ignores_file(file.path)]
    told = [name for name in names if not name.rpartition("/")[2].startswith(".git")]
    if told:
        run.progress.warn(f"published, but not sent to a host or verified: {first_few(told, 5)}")


def _private_text(message: str) -> Iterable[str]:
    found = private_content(message.encode(errors="surrogateescape"))
    return [f"the message of a commit holds {_WORDS[one.kind]}" for one in found]


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise PRIVATE_FILE(
            f"{len(found)} private file(s) or secret(s) would be published, the first: {found[0]}",
            details=first_lines(found, _SHOWN),
        )
