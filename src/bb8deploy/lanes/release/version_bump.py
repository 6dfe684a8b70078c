"""Writes the new version in every place of the app and commits it: a release has one commit of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bb8deploy.base.atomic_files import write_bytes
from bb8deploy.base.errors import CheckFailed, UsageError
from bb8deploy.catalogue.errors.ship.git import GIT_IDENTITY_MISSING
from bb8deploy.catalogue.errors.ship.release import BUMP_LOST, BUMP_MORE, BUMP_REFUSED
from bb8deploy.lanes.release.unreleased_changes import messages_since
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace import git as g
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.versions import version_places
from bb8deploy.workspace.versions.publish_layout import bump_subject, publishing_of


@dataclass(frozen=True, slots=True)
class BumpTask:
    """An app that gets a new version: its run, and the version before and after."""

    run: Run
    version: str
    from_version: str


@dataclass(frozen=True, slots=True)
class BumpOutcome:
    """The version before and after, the bump commit and the paths in it (relative to the repository)."""

    from_version: str
    version: str
    commit: str
    paths: tuple[str, ...]


def bump(run: Run, version: str, *, from_version: str) -> BumpOutcome:
    """Moves one app to `version` in a commit, as `bump_together` does."""
    return bump_together([BumpTask(run, version, from_version)])[0]


def bump_together(tasks: Sequence[BumpTask]) -> list[BumpOutcome]:
    """Moves apps to their versions in one commit, and emits BUMP_OK for each once it is read back.

    If HEAD has the versions already, or a killed run left the edited files, it continues from there. Raises
    CheckFailed if a hook refuses the commit, or adds files of an app: the files are then as before.
    """
    first, outcomes = tasks[0].run, []
    with ExitStack() as steps:
        facts = [steps.enter_context(task.run.step("bump")) for task in tasks]
        before = g.resolve(first.workspace, "HEAD")
        edits = [edit for task in tasks for edit in _edits(task.run, task.version)]
        if edits or g.head_state(first.workspace).dirty:
            allowed = [path for task in tasks for path in possible_paths(task.run)]
            g.require_clean(first.workspace, but=allowed)
            _commit(tasks, edits, allowed)
            _require_nothing_more(tasks, before, edits, allowed)
        for task, seen in zip(tasks, facts, strict=True):
            commit = _read_back(task.run, task.version)
            paths = tuple(g.commit_paths(first.workspace, commit))
            outcomes.append(BumpOutcome(task.from_version, task.version, commit, paths))
            seen.update(
                {"from": task.from_version, "version": task.version, "commit": commit, "parent": before}
            )
    made = outcomes[0]
    if made.commit == before:
        first.progress.note(f"Nothing to change: {before[:12]} has every version already.")
    else:
        first.progress.note(f"Committed {made.commit[:12]}: {', '.join(made.paths)}")
    for task, one in zip(tasks, outcomes, strict=True):
        fields = {"from": one.from_version, "version": one.version, "commit": one.commit[:12]}
        task.run.ledger.emit(Token.BUMP_OK, **fields)
    return outcomes


def planned(run: Run, version: str) -> list[str]:
    """The paths that a bump to `version` would change, for a dry run."""
    return _paths(run, _edits(run, version))


def possible_paths(run: Run) -> list[str]:
    """Every path that a bump may leave edited when it is killed."""
    named = [stamp.path for stamp in version_places.stamps(run.addon)]
    return [_relative(run, path) for path in [*named, run.addon / version_places.CHANGELOG]]


def _edits(run: Run, version: str) -> list[version_places.VersionEdit]:
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    how = publishing_of(run.workspace, run.addon, run.settings)
    subjects = [message.split("\n", 1)[0] for message in messages_since(run, how)]
    return version_places.edits(run.addon, version, day=day, subjects=subjects)


def _commit(
    tasks: Sequence[BumpTask], edits: Sequence[version_places.VersionEdit], allowed: Sequence[str]
) -> None:
    run = tasks[0].run
    for edit in edits:
        write_bytes(edit.path, edit.after, mode=_mode(edit.path))
    # A killed run may have written files that need no edit now but are not committed yet.
    paths = [path for path in allowed if (_top(run) / path).exists()]
    g.git(run.workspace, "add", "--", *(f":(top){path}" for path in paths))
    named = [
        publishing_of(task.run.workspace, task.run.addon, task.run.settings).named(task.version)
        for task in tasks
    ]
    # Without paths: a hook that stages a file would otherwise leave the index behind the commit.
    done = g.call(run.workspace, "commit", "-q", "-m", bump_subject(named))
    if done.returncode:
        _undo(run, edits, paths)
        raise _refused([run.clean(line) for line in g.lines_of(done.stderr) + g.lines_of(done.stdout)])


def _require_nothing_more(
    tasks: Sequence[BumpTask],
    before: str,
    edits: Sequence[version_places.VersionEdit],
    allowed: Sequence[str],
) -> None:
    """Raises BUMP_MORE if a hook added a file of an app to the commit: nothing has validated it.

    The commit is undone first. Files that the hook made stay in the working tree.
    """
    run, apps = tasks[0].run, tuple(g.prefix(task.run.addon) for task in tasks)
    made = g.commit_paths(run.workspace, "HEAD")
    more = [path for path in made if path.startswith(apps) and path not in allowed]
    if not more:
        return
    g.git(run.workspace, "reset", "-q", "--mixed", before)
    _undo(run, edits, [])
    raise BUMP_MORE(f"a hook added {len(more)} file(s) of the app to the bump commit", details=more)


def _undo(run: Run, edits: Sequence[version_places.VersionEdit], paths: Sequence[str]) -> None:
    """The files and the index as they were."""
    if paths:
        g.call(run.workspace, "reset", "-q", "--", *(f":(top){path}" for path in paths))
    for edit in edits:
        if edit.before is None:
            edit.path.unlink(missing_ok=True)
        else:
            write_bytes(edit.path, edit.before, mode=_mode(edit.path))


def _refused(said: list[str]) -> CheckFailed | UsageError:
    text = "\n".join(said)
    if "tell me who you are" in text or "ident name" in text or "auto-detect email" in text:
        return GIT_IDENTITY_MISSING("git has no author name and email address")
    return BUMP_REFUSED("git would not commit the bump; the files are as before", details=said[-12:])


def _read_back(run: Run, version: str) -> str:
    """The bump commit, after checking that its config has `version`."""
    from bb8deploy.workspace.app_config import parse_config

    commit = g.require_clean(run.workspace)
    config = read_addon(run.addon).config
    data = g.read_file(run.workspace, commit, _relative(run, config)) or b""
    if parse_config(data, config.name).get("version") != version:
        raise BUMP_LOST(f"the commit {commit[:12]} does not hold version {version}")
    return commit


def _paths(run: Run, edits: Sequence[version_places.VersionEdit]) -> list[str]:
    return [_relative(run, edit.path) for edit in edits]


def _relative(run: Run, path: Path) -> str:
    """A path of the app, relative to the repository's root as git prints it."""
    return g.prefix(run.addon) + path.relative_to(run.addon).as_posix()


def _top(run: Run) -> Path:
    return Path(g.git(run.workspace, "rev-parse", "--show-toplevel"))


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777 if path.exists() else 0o644
