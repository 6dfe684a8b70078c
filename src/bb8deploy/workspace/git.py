"""Git as the workspace needs it: every call an argv list with a deadline, read back after writing."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bb8deploy.catalogue.errors.ship.git import (
    ADDON_NOT_COMMITTED,
    GIT_DIRTY,
    GIT_FAILED,
    GIT_LOCKED,
    GIT_MISSING,
    GIT_NO_COMMIT,
    GIT_TIMEOUT,
)

LOCAL_DEADLINE = 60.0
# Set while git runs a hook: they would send every call to the hook's repository, whatever folder is named.
_HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
_UTF8 = ("-c", "i18n.logOutputEncoding=UTF-8", "-c", "i18n.commitEncoding=UTF-8", "-c", "core.quotePath=off")
_UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "BISECT_LOG": "a bisect",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The commit of HEAD (empty before the first), and whether files differ from it."""

    commit: str
    dirty: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Who and when, as git records it: `when` is seconds since 1970 and an offset, `1790000000 +0200`."""

    name: str
    email: str
    when: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's own words: its tree, parents, people and message."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


def git(
    folder: Path,
    *words: str,
    stdin: bytes = b"",
    deadline: float = LOCAL_DEADLINE,
    extra: Mapping[str, str] | None = None,
) -> str:
    """The standard output of a git command as text, without the last newline. Raises as `output` does."""
    said = output(folder, *words, stdin=stdin, deadline=deadline, extra=extra)
    return said.decode(errors="surrogateescape").rstrip("\n")


def output(
    folder: Path,
    *words: str,
    stdin: bytes = b"",
    deadline: float = LOCAL_DEADLINE,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """Runs git in `folder` and returns its standard output.

    Raises UsageError if git is missing, CheckFailed if it fails or takes over `deadline` seconds.
    """
    done = call(folder, *words, stdin=stdin, deadline=deadline, extra=extra)
    if done.returncode:
        said = lines_of(done.stderr) or ["it printed nothing"]
        if any(".lock" in line and "File exists" in line for line in said):
            raise GIT_LOCKED(
                "another git process uses the repository, or one that was killed left its lock file",
                details=said,
            )
        raise GIT_FAILED(f"`git {words[0]}` failed: {said[-1]}", details=said)
    return done.stdout


def call(
    folder: Path,
    *words: str,
    stdin: bytes = b"",
    deadline: float = LOCAL_DEADLINE,
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Runs git and returns its result for any exit code; git never prompts unless `extra` allows it."""
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *_UTF8, *words],
            input=stdin,
            capture_output=True,
            timeout=deadline,
            env=_environment(extra or {}),
            check=False,
        )
    except FileNotFoundError as error:
        raise GIT_MISSING("git is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise GIT_TIMEOUT(f"`git {words[0]}` did not end within {deadline:.0f} s") from error


def lines_of(output: bytes) -> list[str]:
    """The lines of git's output that are not empty."""
    return [line for line in output.decode(errors="replace").splitlines() if line.strip()]


def head_state(folder: Path) -> Head:
    """The commit of HEAD and whether tracked or new files differ; an empty commit outside a repository."""
    commit = resolve(folder, "HEAD")
    if not commit:
        return Head("", dirty=True)
    return Head(commit, dirty=bool(changed_paths(folder)))


def changed_paths(folder: Path) -> list[str]:
    """`git status --porcelain` lines of the workspace: tracked files that differ, and new ones.

    `reports/` is left out: bb8deploy itself writes there, in workspaces too that do not ignore it.
    """
    words = ("status", "--porcelain", "--untracked-files=normal", "--", ":/", ":(exclude)reports")
    return git(folder, *words).splitlines()


def require_clean(folder: Path, *, but: Sequence[str] = ()) -> str:
    """The commit of HEAD; raises UsageError if there is none, CheckFailed if files differ from it.

    `but` names paths (relative to the repository's root) that may differ.
    """
    commit = resolve(folder, "HEAD")
    if not commit:
        raise GIT_NO_COMMIT(f"{folder} has no commit to publish")
    dirty = [line for line in changed_paths(folder) if line[3:] not in but]
    if dirty:
        raise GIT_DIRTY(
            f"{len(dirty)} path(s) in the workspace differ from the last commit", details=dirty[:20]
        )
    return commit


def resolve(folder: Path, name: str) -> str:
    """The object id of `name`, empty if there is none."""
    done = call(folder, "rev-parse", "--verify", "-q", "--end-of-options", name)
    return done.stdout.decode().strip() if done.returncode == 0 else ""


@cache
def prefix(folder: Path) -> str:
    """The path of `folder` inside its repository with a slash at the end, empty at the root."""
    return git(folder, "rev-parse", "--show-prefix")


def folder_tree(folder: Path, addon: Path, commit: str = "HEAD") -> str:
    """The tree id of the app's folder in a commit; raises UsageError if the commit has none."""
    path = prefix(addon).rstrip("/")
    tree = resolve(folder, f"{commit}:{path}") if path else resolve(folder, f"{commit}^{{tree}}")
    if not tree:
        raise ADDON_NOT_COMMITTED(f"{path}/ is in no commit")
    return tree


def branch(folder: Path) -> str:
    """The branch that HEAD is on, empty if it is detached."""
    done = call(folder, "symbolic-ref", "-q", "--short", "HEAD")
    return done.stdout.decode().strip()


def unfinished(folder: Path) -> str:
    """The unfinished operation of git (`a merge`, `a rebase`, ...), empty if there is none."""
    asked = [word for name in _UNFINISHED for word in ("--git-path", name)]
    paths = git(folder, "rev-parse", *asked).splitlines()
    found = (
        words for path, words in zip(paths, _UNFINISHED.values(), strict=True) if (folder / path).exists()
    )
    return next(found, "")


def read_commit(folder: Path, name: str) -> Commit:
    """A commit's words in UTF-8, whatever encoding it was written in."""
    form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%cn%x00%ce%x00%cd%x00%B"
    text = git(folder, "log", "-1", "--no-show-signature", "--date=raw", f"--format={form}", name, "--")
    sha, tree, parents, an, ae, ad, cn, ce, cd, message = text.split("\0", 9)
    author, committer = Person(an, ae, ad), Person(cn, ce, cd)
    return Commit(sha, tree, tuple(parents.split()), author, committer, message)


def write_commit(folder: Path, tree: str, parents: Sequence[str], like: Commit, message: str) -> str:
    """Writes a commit of `tree` with the people and dates of `like`; the same input gives the same id."""
    words = [word for parent in parents for word in ("-p", parent)]
    people = {**_as_variables("AUTHOR", like.author), **_as_variables("COMMITTER", like.committer)}
    return git(folder, "commit-tree", tree, *words, "-F", "-", stdin=_encode(message), extra=people)


def write_tag(folder: Path, name: str, target: str, like: Commit, message: str) -> str:
    """Writes an annotated tag object of commit `target` without any ref, and returns its id."""
    who = like.committer
    head = f"object {target}\ntype commit\ntag {name}\n"
    text = f"{head}tagger {who.name or who.email} <{who.email}> {who.when}\n\n{message.strip()}\n"
    return git(folder, "mktag", stdin=_encode(text))


def with_trailers(folder: Path, message: str, trailers: Mapping[str, str]) -> str:
    """`message` with trailers added to its last block, as git itself would."""
    words = [word for key, value in trailers.items() for word in ("--trailer", f"{key}: {value}")]
    options = ("--if-exists", "replace", "--no-divider")
    return git(folder, "interpret-trailers", *options, *words, stdin=_encode(message.rstrip("\n") + "\n"))


def trailers(folder: Path, message: str) -> dict[str, str]:
    """The trailers of a message, by lower-case key."""
    text = git(folder, "interpret-trailers", "--parse", "--no-divider", stdin=_encode(message))
    pairs = (line.partition(":") for line in text.splitlines())
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def messages(folder: Path, since: str, path: str) -> list[str]:
    """The messages of the commits after `since` that touch `path`, oldest first, merges left out."""
    span = f"{since}..HEAD" if since else "HEAD"
    form = ("--no-show-signature", "-z", "--format=%B")
    text = git(folder, "log", "--reverse", "--no-merges", *form, span, "--", path)
    return [message.strip() for message in text.split("\0") if message.strip()]


def commit_paths(folder: Path, commit: str) -> list[str]:
    """The paths that a commit changed against its first parent, relative to the repository's root."""
    words = ("diff-tree", "--root", "--no-commit-id", "--name-only", "-r", "-z", commit)
    return [path for path in git(folder, *words).split("\0") if path]


def tree_files(folder: Path, tree: str) -> dict[str, str]:
    """Each path of a tree with its mode and object id, as one text that differs when either does."""
    text = git(folder, "ls-tree", "-r", "-z", "--full-tree", tree)
    rows = (row.partition("\t") for row in text.split("\0") if row)
    return {path: facts for facts, _, path in rows}


def read_file(folder: Path, tree: str, path: str) -> bytes | None:
    """A file's content in a tree, None if it is not there."""
    done = call(folder, "cat-file", "blob", f"{tree}:{path}")
    return done.stdout if done.returncode == 0 else None


def tree_diff(folder: Path, old: str, new: str, paths: Sequence[str] = ()) -> list[str]:
    """A unified diff between two trees as lines, bounded to 200 of them."""
    text = git(folder, "diff-tree", "-p", "-r", "--no-color", "--no-ext-diff", old, new, "--", *paths)
    lines = text.splitlines()
    return lines if len(lines) <= 200 else [*lines[:200], f"... {len(lines) - 200} more lines"]


def write_tree_files(folder: Path, tree: str, into: Path) -> None:
    """Writes a tree's files below the folder `into`, byte for byte; the repository's own index stays."""
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_INDEX_FILE": f"{scratch}/index"}
        git(folder, "read-tree", tree, extra=index)
        plain = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")
        git(folder, *plain, "checkout-index", "--all", f"--prefix={into}/", extra=index)


def has_commit(folder: Path, commit: str) -> bool:
    """Whether this repository holds the commit's object (a shallow clone may not)."""
    return call(folder, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def _as_variables(role: str, who: Person) -> dict[str, str]:
    """git refuses an empty name, so the address is used instead, and reads small numbers only after @."""
    name = who.name or who.email or "unknown"
    return {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": who.email, f"GIT_{role}_DATE": f"@{who.when}"}


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in _HOOK_VARIABLES}
    return {**own, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8", "GIT_OPTIONAL_LOCKS": "0", **extra}


def _encode(text: str) -> bytes:
    return text.encode(errors="surrogateescape")
