"""Compares the places that have a version: workspace, host, running app, publication; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class DriftState(StrEnum):
    """The state of a place. `UNSEEN`: not readable. `UNSET`: no setting. `DOWN`: does not run."""

    FINE = "fine"
    EDITED = "edited"
    DOWN = "down"
    ABSENT = "absent"
    UNSEEN = "unseen"
    UNSET = "unset"


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """One place that has a version; `version` and `tree` are empty if they are not known.

    `proof` is how it is known which content runs: `sealed`, `stamp` or, if it is not, `running`; empty for
    any other place and if nothing is installed.
    """

    name: str
    version: str = ""
    tree: str = ""
    detail: str = ""
    state: DriftState = DriftState.FINE
    proof: str = ""


def drift_of(places: Sequence[VersionPlace], *, rolled_back: bool = False) -> tuple[str, ...]:
    """One sentence for each difference, with what to do; empty if all places agree.

    `rolled_back`: the newest run on the host restored an earlier version.
    """
    by_name = {place.name: place for place in places}
    nowhere = VersionPlace("", state=DriftState.UNSET)
    here, host = by_name.get("here", nowhere), by_name.get("host", nowhere)
    running, published = by_name.get("running", nowhere), by_name.get("published", nowhere)
    found = [
        _host_edited(host),
        _host_behind(here, host, rolled_back=rolled_back),
        _other_runs(here, host, running),
        _not_running(running),
        _unpublished(running, published),
        _unseen(places),
    ]
    return tuple(sentence for sentence in found if sentence)


def drift_in_brief(here: VersionPlace, host: VersionPlace, running: VersionPlace) -> tuple[str, ...]:
    """The differences of one host in a few words each, for a table; empty if all places agree."""
    found = {
        "edited on the host": host.state is DriftState.EDITED,
        "not on the host": host.state is DriftState.ABSENT,
        "other files": bool(_host_behind(here, host)) and host.state is not DriftState.ABSENT,
        "not installed": running.state is DriftState.ABSENT,
        "does not run": running.state is DriftState.DOWN,
        "runs other content": bool(_other_runs(here, host, running)),
        "not read": DriftState.UNSEEN in {host.state, running.state},
    }
    return tuple(words for words, holds in found.items() if holds)


def _host_edited(host: VersionPlace) -> str:
    if host.state is not DriftState.EDITED:
        return ""
    return "files on the host were edited by hand: see `bb8deploy deploy --dry-run --diff`"


def _host_behind(here: VersionPlace, host: VersionPlace, *, rolled_back: bool = False) -> str:
    if host.state is DriftState.ABSENT:
        return "the app is not on the host: run `bb8deploy deploy`"
    differs = host.tree and (host.version, host.tree) != (here.version, here.tree)
    if not differs or host.state is DriftState.EDITED:
        return ""
    version = host.version or "an unknown version"
    if rolled_back:
        return f"the last run restored {version}; `bb8deploy deploy` sends the workspace's files again"
    return f"the host has {version} with other files: run `bb8deploy deploy`"


def _other_runs(here: VersionPlace, host: VersionPlace, running: VersionPlace) -> str:
    """Compares the running app with the host's files, or with the workspace if those are not known."""
    files = host if host.tree else here
    where = "is on the host" if host.tree else "is here"
    if not running.version:
        return ""
    if running.version != files.version:
        other = files.version or "an unknown version"
        return f"{running.version} runs, but {other} {where}: run `bb8deploy deploy`"
    if running.tree and running.tree != files.tree:
        return f"the running app has other content than what {where}: run `bb8deploy deploy`"
    return ""


def _not_running(running: VersionPlace) -> str:
    if running.state is DriftState.ABSENT:
        return "the app is not installed: run `bb8deploy deploy`"
    return "the app does not run: see `bb8deploy logs`" if running.state is DriftState.DOWN else ""


def _unpublished(running: VersionPlace, published: VersionPlace) -> str:
    if published.state is DriftState.ABSENT:
        return "nothing is published yet: run `bb8deploy publish`"
    if published.version and running.version and published.version != running.version:
        return f"{running.version} runs, but {published.version} is published: run `bb8deploy publish`"
    return ""


def _unseen(places: Sequence[VersionPlace]) -> str:
    names = [place.name for place in places if place.state is DriftState.UNSEEN]
    return f"could not be read, so may differ: {', '.join(names)}" if names else ""
