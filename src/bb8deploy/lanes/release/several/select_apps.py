"""The apps of a store that are released together: which, in which versions, each with its own run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from bb8deploy.base.errors import Bb8Error
from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.settings import SETTING_INVALID
from bb8deploy.catalogue.errors.ship.release import (
    ALL_CHANGED_NOT_STORE,
    RELEASE_ONE_APP,
    SETTING_PER_APP,
)
from bb8deploy.lanes.release.outcome import ReleaseOptions, ReleaseOutcome
from bb8deploy.lanes.release.resume_release import APPS, Unfinished, app_folder, reopen_in
from bb8deploy.lanes.release.unreleased_changes import past_of
from bb8deploy.lanes.rollout.host_runs import Named
from bb8deploy.plan.release import release_plan as plan
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Ledger, Line
from bb8deploy.settings.settings_type import Settings
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.find_apps import apps_below, is_app
from bb8deploy.workspace.project import excluded_apps, repository_root, settings_of
from bb8deploy.workspace.versions.publish_layout import publishing_of
from bb8deploy.workspace.versions.version_numbers import PARTS

_HOWS = {"patch", "date", "auto", *PARTS}


@dataclass(frozen=True, slots=True)
class Member:
    """One of the apps, and its release; `bump` is whether the version must be made."""

    slug: str
    run: Run
    outcome: ReleaseOutcome
    bump: bool

    @property
    def named(self) -> str:
        """The app with its version, such as `lamp 1.1.0`."""
        return f"{self.slug} {self.outcome.version}"

    @property
    def tag(self) -> str:
        """The tag of the version."""
        run = self.run
        return publishing_of(run.workspace, run.addon, run.settings).tags.of(self.outcome.version)

    def facts(self) -> JsonObject:
        """What a resume needs to know of it."""
        return {
            "folder": app_folder(self.run),
            "run_id": self.run.id,
            "version": self.outcome.version,
            "from_version": self.outcome.from_version,
            "bump": self.bump,
        }


def changed_members(run: Run, how: str, options: ReleaseOptions) -> list[Member]:
    """Every app of the store whose folder changed since its tag, with its next version, but excluded ones.

    An app that was never released gets the version that it has. Raises UsageError outside of a store, for a
    version instead of a word, and for settings that two of the apps would share.
    """
    if how not in _HOWS:
        raise RELEASE_ONE_APP(f"`{how}` is a version, and --all-changed releases several apps")
    if not publishing_of(run.workspace, run.addon, run.settings).in_store:
        raise ALL_CHANGED_NOT_STORE("this workspace is not a store")
    today = datetime.now(UTC).date()
    found = []
    for app in _apps(run):
        with naming(app):
            found.append(_member(run, app, how, options, today))
    members = [member for member in found if not member.outcome.nothing]
    _require_own_settings(members)
    return members


def unfinished_members(run: Run, past: Unfinished) -> list[Member]:
    """The apps of a release that was stopped, each with its journal and the tokens of its finished steps."""
    members = []
    for app in past.apps:
        own = _run_of(run, run.workspace / app.folder)
        again = reopen_in(own, app.run_id, run.workspace / "reports" / APPS / _slug(own.addon))
        outcome = ReleaseOutcome(past.how, app.from_version, app.version)
        members.append(Member(_slug(own.addon), again, outcome, app.bump))
    return members


@contextmanager
def naming(app: Path) -> Iterator[None]:
    """Puts the name of the app before the cause of an error, which does not name the app."""
    try:
        yield
    except Bb8Error as error:
        error.cause = f"{app.name}: {error.cause}"
        error.args = (f"{error.code}: {error.cause}",)
        raise


def gather(run: Run, members: Sequence[Member]) -> None:
    """From now on the receipts of `run` have the lines of all members, as they are written."""

    def told(tell: Callable[[Line], None]) -> Callable[[Line], None]:
        def both(line: Line) -> None:
            run.ledger.hold(line for member in members for line in member.run.ledger.lines)
            tell(line)

        return both

    for member in members:
        member.run.ledger.listener = told(member.run.ledger.listener)
    run.ledger.hold(line for member in members for line in member.run.ledger.lines)


def _apps(run: Run) -> list[Path]:
    top = repository_root(run.addon) or run.workspace
    apps = [*([top] if is_app(top) else []), *apps_below(top)]
    excluded = excluded_apps(run.workspace)
    if unknown := set(excluded) - {app.name for app in apps}:
        raise SETTING_INVALID(
            f"`exclude` names {min(unknown)}, and no app of the store has this folder",
            f"Name the folders of apps: {', '.join(app.name for app in apps)}.",
        )
    return [app for app in apps if app.name not in excluded]


def _member(run: Run, app: Path, how: str, options: ReleaseOptions, today: date) -> Member:
    own = _run_of(run, app)
    past = past_of(own)
    if past.first and not past.at_bump:
        wanted = plan.ReleaseTarget(past.current, why="it was never released")
    else:
        wanted = plan.target(how, past, today, options.pre)
    if wanted.why:
        own.progress.note(f"Version {wanted.version} ({wanted.why}).")
    outcome = ReleaseOutcome(how, past.current, wanted.version, nothing=wanted.nothing)
    return Member(_slug(app), own, outcome, wanted.bump)


def _run_of(run: Run, app: Path) -> Run:
    slug = _slug(app)
    run_id, reports = f"{run.id}-{slug}", run.reports / APPS / slug
    settings = settings_of(run.workspace, app, target=run.settings.target, flags=run.settings.flags())
    return replace(
        run,
        id=run_id,
        addon=app,
        settings=settings,
        reports=reports,
        ledger=Ledger(run_id, reports, listener=run.ledger.listener),
        journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
        progress=Named(slug, run.progress),
        findings=[],
    )


def _slug(app: Path) -> str:
    return read_addon(app).slug


def _require_own_settings(members: Sequence[Member]) -> None:
    """Raises SETTING_PER_APP if a setting gives two apps the same folder, mount, slug or image."""
    for number, one in enumerate(members):
        for other in members[number + 1 :]:
            for name, value in _own(one.run.settings):
                if value and (name, value) in set(_own(other.run.settings)):
                    raise SETTING_PER_APP(f"{name} is `{value}` for {one.slug} and for {other.slug}")


def _own(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "HA_REMOTE_RUNTIME", settings.ha_remote_runtime or ""
    yield "HA_REMOTE_SLUG", settings.ha_remote_slug or ""
    yield "HA_MOUNT", str(settings.ha_mount or "")
    yield "HA_IMAGE", settings.ha_image or ""
