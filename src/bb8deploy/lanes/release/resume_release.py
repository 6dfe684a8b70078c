"""Finds a release that did not finish, and opens its run again with the tokens that it earned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bb8deploy.base.untrusted_json import JsonObject
from bb8deploy.catalogue.errors.ship.release import RESUME_NOTHING
from bb8deploy.plan.release.release_plan import PREFIX
from bb8deploy.runs.journal import (
    EARNED,
    PUT_BACK,
    STEP_OF_LANE,
    SWAP,
    WITHDRAW,
    Journal,
    JournalEntry,
    earned,
    release_step,
)
from bb8deploy.runs.run import Run, warn_of_damage
from bb8deploy.runs.tokens import Ledger, Line

DEPLOY = f"{PREFIX}deploy"
APPS = "apps"
"""The folder below `reports/` with the reports of each app of a release of several."""


@dataclass(frozen=True, slots=True)
class UnfinishedApp:
    """One app of a stopped release of several; `folder` is relative to the workspace."""

    folder: str
    run_id: str
    version: str
    from_version: str
    bump: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What a stopped release was about, from the first line of its journal.

    `folder` is the app's, relative to the workspace. `apps` are those of a release of several; then `folder`,
    `version` and `from_version` are empty.
    """

    run_id: str
    how: str
    version: str
    from_version: str
    bump: bool
    target: str
    image: bool
    require_attest: bool
    overwrite: bool
    sign: bool
    folder: str = ""
    apps: tuple[UnfinishedApp, ...] = ()


def app_folder(run: Run) -> str:
    """The app's folder relative to the workspace, as a journal records it; its path if it is outside."""
    inside = run.addon.is_relative_to(run.workspace)
    return (run.addon.relative_to(run.workspace) if inside else run.addon).as_posix()


def find_unfinished(reports: Path) -> Unfinished:
    """The newest release in `reports/runs/` if it did not reach its end; raises UsageError otherwise."""
    newest = max(_releases(reports), default=None, key=lambda found: found[1][0].ts)
    if newest and newest[1][-1].state == "started":
        return _unfinished(newest[0], newest[1][0])
    raise RESUME_NOTHING("the newest release finished, so there is nothing to continue")


def _releases(reports: Path) -> Iterator[tuple[str, list[JournalEntry]]]:
    """Every run that was a release, with its start and, if it finished, its end.

    Run ids have only the second, so the order comes from the journals.
    """
    for folder in (reports / "runs").glob("*"):
        entries = [e for e in Journal(folder / "journal.jsonl").entries() if e.step == "release"]
        if entries:
            yield folder.name, entries


def reopen(run: Run, past: Unfinished) -> Run:
    """`run` under the stopped run's id, with its journal and the tokens of the steps that it had finished."""
    return reopen_in(run, past.run_id, run.workspace / "reports")


def reopen_in(run: Run, run_id: str, reports: Path) -> Run:
    """`run` under the id of a stopped run whose journal is in `reports`."""
    journal = Journal(reports / "runs" / run_id / "journal.jsonl")
    warn_of_damage(run, journal)
    ledger = Ledger(run_id, run.reports, listener=run.ledger.listener)
    done = set(still_done(journal))
    ledger.lines = [line for line in earned(journal.entries()) if release_step(line) in done]
    return replace(run, id=run_id, journal=journal, ledger=ledger)


def still_done(journal: Journal) -> dict[str, JsonObject]:
    """The steps that the release has finished, but for a deploy that another run has replaced since."""
    done = journal.done()
    if DEPLOY in done and _touched_since(journal, _ended_at(journal, DEPLOY)):
        del done[DEPLOY]
    return done


def _ended_at(journal: Journal, step: str) -> str:
    return max(entry.ts for entry in journal.entries() if (entry.step, entry.state) == (step, "done"))


def _touched_since(journal: Journal, moment: str) -> bool:
    """Whether a deploy, a sync or a rollback beside this run has changed a host's files since then.

    A run of one app of a release of several is in `reports/apps/SLUG/runs/`; every other app there has a
    folder of its own on the host.
    """
    runs = journal.path.parents[1]
    of_several = runs.parents[1].name == APPS
    homes = [runs, runs.parents[2] / "runs"] if of_several else [runs, *runs.parent.glob(f"{APPS}/*/runs")]
    others = (path for home in homes for path in home.glob("*/journal.jsonl") if path != journal.path)
    return any(
        e.step in {SWAP, PUT_BACK, WITHDRAW} and e.ts > moment
        for path in others
        for e in Journal(path).entries()
    )


def remember_tokens(run: Run) -> None:
    """Records each further token and skip in the journal too, for a resume."""
    tell = run.ledger.listener

    def both(line: Line) -> None:
        if line.kind != "DRIFT" and not run.dry_run:
            run.journal.write(line.name, EARNED, kind=line.kind, lane=line.lane, fields=list(line.fields))
        tell(line)

    run.ledger.listener = both


def forget_tokens(run: Run, step: str) -> None:
    """Drops the tokens that an earlier attempt of a step earned, before the step runs again."""
    run.ledger.lines = [line for line in run.ledger.lines if STEP_OF_LANE.get(line.lane) != step]


def _unfinished(run_id: str, entry: JournalEntry) -> Unfinished:
    facts = entry.facts
    return Unfinished(
        run_id=run_id,
        how=str(facts["how"]),
        version=str(facts["version"]),
        from_version=str(facts["from_version"]),
        bump=bool(facts["bump"]),
        target=str(facts["target"]),
        image=bool(facts["image"]),
        require_attest=bool(facts["require_attest"]),
        overwrite=bool(facts["overwrite"]),
        sign=bool(facts.get("sign")),
        folder=str(facts.get("folder", "")),
        apps=tuple(_unfinished_app(app) for app in facts.get("apps", ())),
    )


def _unfinished_app(facts: JsonObject) -> UnfinishedApp:
    return UnfinishedApp(
        folder=str(facts["folder"]),
        run_id=str(facts["run_id"]),
        version=str(facts["version"]),
        from_version=str(facts["from_version"]),
        bump=bool(facts["bump"]),
    )
