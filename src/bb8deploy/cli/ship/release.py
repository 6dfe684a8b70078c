"""`bb8deploy release`: from a clean tree to a verified, published and tagged version."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.ship.release import RELEASE_WHAT
from bb8deploy.cli.open_run import Modes, Opened, open_run, plain_errors
from bb8deploy.cli.print_outcomes import show_evidence
from bb8deploy.cli.shared_options import (
    Addon,
    AsJson,
    DryRun,
    Image,
    LockWait,
    Overwrite,
    Quiet,
    Sign,
    Target,
    Verify,
    YesOverwrite,
)
from bb8deploy.cli.suggested_commands import carrier, options_of
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.workspace.versions.version_numbers import Pre

if TYPE_CHECKING:
    from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome, ReleaseStep
    from bb8deploy.lanes.release.resume_release import Unfinished
    from bb8deploy.lanes.release.several.release_several import SeveralOutcome
    from bb8deploy.lanes.release.several.select_apps import Member

How = Annotated[
    str | None,
    typer.Argument(
        metavar="patch|minor|major|auto|date|VERSION", help="The version to release.", show_default=False
    ),
]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(release)


def release(
    how: How = None,
    target: Target = "default",
    all_changed: Annotated[
        bool, typer.Option("--all-changed", help="Release every app of the store that changed since its tag.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest release that did not finish.")
    ] = False,
    pre: Annotated[
        Pre | None, typer.Option("--pre", help="Make a pre-release of the version, such as 1.2.0-beta.1.")
    ] = None,
    require_attest: Annotated[
        bool, typer.Option("--require-attest", help="Fail if the echo cannot be attested.")
    ] = False,
    image: Image = False,
    overwrite: Overwrite = False,
    sign: Sign = False,
    until: Annotated[
        Name | None, typer.Option("--until", help="Stop after this step. --resume continues.")
    ] = None,
    dry_run: DryRun = False,
    yes: YesOverwrite = False,
    lock_wait: LockWait = None,
    verify_level: Verify = None,
    addon: Addon = None,
    json_output: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Validate, bump, sync, verify, attest, publish and tag. Each step runs only if the one before passed.

    auto takes the version from the conventional commits (feat:, fix:, !) that changed the app since its last
    tag. If the newest tag already has this content, nothing is released, unless you
    name a newer version or complete a pre-release.
    """
    modes = Modes(as_json=json_output, quiet=quiet, dry_run=dry_run, yes=yes, lock_wait=lock_wait)
    modes = replace(modes, verify=verify_level)
    past, app = _unfinished(modes, addon) if resume else (None, addon)
    if all_changed:
        app = _any_app(modes, addon)
    with open_run("release", modes, target=past.target if past else target, addon=app) as opened:
        opened.console.complete = _completed(target, addon, past, app, verify_level)
        from bb8deploy.lanes.release.lane_calls import real_lanes
        from bb8deploy.lanes.release.outcome import ReleaseOptions

        options = ReleaseOptions(
            require_attest=require_attest, image=image, overwrite=overwrite, sign=sign, until=until, pre=pre
        )
        try:
            if all_changed or (past and past.apps):
                _show_several(opened, _go_several(opened, how, past, options, real_lanes()))
            else:
                _show(opened, _go(opened, how, past, options, real_lanes()))
        except Bb8Error:
            _point_to_files(opened)
            raise


def _unfinished(modes: Modes, addon: Path | None) -> tuple[Unfinished, Path | None]:
    """What `--resume` continues, and the folder of its app; both are known before the run is opened."""
    with plain_errors(modes, addon=addon):
        from bb8deploy.lanes.release.resume_release import find_unfinished
        from bb8deploy.workspace.project import workspace_root

        root = workspace_root(Path.cwd(), addon=addon)
        past = find_unfinished(root / "reports")
        folder = past.apps[0].folder if past.apps else past.folder
        return past, addon or (root / folder if folder else None)


def _completed(
    target: str, addon: Path | None, past: Unfinished | None, app: Path | None, level: str | None
) -> Callable[[str], str]:
    """Adds the options of this release to commands. Only a resume knows its target and its app by itself."""
    resumed = app if past and not past.apps and not addon and not _is_found(app) else None
    named = Path(os.path.relpath(resumed)) if resumed else addon
    return carrier(options_of([past.target if past else target], named, verify=level))


def _is_found(app: Path | None) -> bool:
    """Whether the current folder leads to this app."""
    from bb8deploy.base.errors import UsageError
    from bb8deploy.base.os_differences import real_path
    from bb8deploy.workspace.project import find_project

    try:
        return app is not None and find_project(Path.cwd()).addon == real_path(app)
    except UsageError:
        return False


def _any_app(modes: Modes, addon: Path | None) -> Path | None:
    """An app of the store: a release of several needs none in particular."""
    with plain_errors(modes, addon=addon):
        from bb8deploy.workspace.project import find_store

        store = [] if addon else find_store(Path.cwd())
        return store[0].addon if store else addon


def _go(
    opened: Opened, how: str | None, past: Unfinished | None, options: ReleaseOptions, lanes: Lanes
) -> ReleaseOutcome:
    from bb8deploy.lanes.release import release as lane
    from bb8deploy.lanes.release.resume_release import reopen

    _require_one(how, past)
    if past:
        opened.run = reopen(opened.run, past)
        opened.run.command = f"release {past.how} --resume"
        return lane.continue_release(opened.run, past, lanes, options)
    opened.run.command = f"release {how}"
    return lane.release(opened.run, how or "", options, lanes)


def _go_several(
    opened: Opened, how: str | None, past: Unfinished | None, options: ReleaseOptions, lanes: Lanes
) -> SeveralOutcome:
    from bb8deploy.lanes.release.resume_release import reopen
    from bb8deploy.lanes.release.several import release_several as lane

    if past:
        _require_one(how, past)
        opened.run = reopen(opened.run, past)
        opened.run.command = f"release {past.how} --all-changed --resume"
        return lane.continue_changed(opened.run, past, lanes, options)
    opened.run.command = f"release {how or 'auto'} --all-changed"
    return lane.release_changed(opened.run, how or "auto", options, lanes)


def _require_one(how: str | None, past: Unfinished | None) -> None:
    """Raises UsageError unless there is either a version or a release to resume."""
    if how and past:
        raise RELEASE_WHAT(f"`{how}` and --resume were both given")
    if not (how or past):
        raise RELEASE_WHAT(
            "a release needs one of `patch`, `minor`, `major`, `auto`, `date`, a version, or --resume"
        )


def _point_to_files(opened: Opened) -> None:
    """After a failure: where the steps are recorded, for programs and for people."""
    run = opened.run
    contract, report = run.folder / "release_contract_v1.json", run.reports / "report.html"
    if run.dry_run or not contract.is_file():
        return  # no step ran, so these files belong to another run
    for name, path in (("contract", contract), ("report", report)):
        opened.result[name] = str(path)
        opened.console.note(f"{name}: {path}")


def _show(opened: Opened, outcome: ReleaseOutcome) -> None:
    run = opened.run
    opened.result.update(
        how=outcome.how,
        from_version=outcome.from_version,
        version=outcome.version,
        commit=outcome.source_commit,
        nothing_to_release=outcome.nothing,
        steps=[_as_dict(step) for step in outcome.steps],
    )
    if outcome.nothing or outcome.stopped:
        return
    if run.dry_run:
        title = f"Release of {outcome.version} after {outcome.from_version} (nothing was changed)"
        rows = [row for step in outcome.steps for row in _planned(step)]
        opened.console.table(title, ("step", "would be", "how"), rows)
        return
    rows = [(s.name.value, s.state, _took(s)) for s in outcome.steps]
    opened.console.table(f"Released {outcome.version}", ("step", "state", "took"), rows)
    show_evidence(opened, str(run.folder / "evidence_manifest.json"))
    opened.result["report"] = outcome.report
    if outcome.report:
        opened.console.note(f"report: {outcome.report}")


def _show_several(opened: Opened, outcome: SeveralOutcome) -> None:
    """One row for each app; a dry run shows the steps of each."""
    opened.result.update(
        how=outcome.how,
        nothing_to_release=outcome.nothing,
        apps=[_app_as_dict(member) for member in outcome.members],
    )
    if outcome.nothing or outcome.stopped:
        return
    if opened.run.dry_run:
        for member in outcome.members:
            title = f"Release of {member.named} after {member.outcome.from_version} (nothing was changed)"
            rows = [row for step in member.outcome.steps for row in _planned(step)]
            opened.console.table(title, ("step", "would be", "how"), rows)
        return
    released = [(m.slug, m.outcome.version, m.tag, m.outcome.report) for m in outcome.members]
    opened.console.table("Released", ("app", "version", "tag", "report"), released)


def _app_as_dict(member: Member) -> dict[str, object]:
    return {
        "slug": member.slug,
        "from_version": member.outcome.from_version,
        "version": member.outcome.version,
        "tag": member.tag,
        "commit": member.outcome.source_commit,
        "reports": str(member.run.reports),
        "steps": [_as_dict(step) for step in member.outcome.steps],
    }


def _as_dict(step: ReleaseStep) -> dict[str, object]:
    return {
        "name": step.name,
        "state": step.state,
        "reason": step.why,
        "commands": list(step.commands),
        "seconds": step.seconds,
    }


def _planned(step: ReleaseStep) -> list[tuple[str, str, str]]:
    """One row for each command of a step; the first row has its name."""
    first, *others = (step.why,) if step.why else step.commands
    return [(step.name.value, step.state, first), *(("", "", command) for command in others)]


def _took(step: ReleaseStep) -> str:
    return step.why if step.seconds is None else f"{step.seconds:.1f} s"
