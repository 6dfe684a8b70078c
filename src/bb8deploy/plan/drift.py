"""Says how the places where a version can be differ from each other: pure, from what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class DriftState(StrEnum):
    """How a place was found; `UNSEEN` could not be looked at, `UNSET` has no setting, `DOWN` does not run."""

    FINE = "fine"
    EDITED = "edited"
    DOWN = "down"
    ABSENT = "absent"
    UNSEEN = "unseen"
    UNSET = "unset"


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """One place where a version can be; `version` and `tree` are empty where they are not known."""

    name: str
    version: str = ""
    tree: str = ""
    detail: str = ""
    state: DriftState = DriftState.FINE


def drift_of(places: Sequence[VersionPlace]) -> tuple[str, ...]:
    """One sentence for each way in which the places differ, with what to do; empty where all agree."""
    by_name = {place.name: place for place in places}
    nowhere = VersionPlace("", state=DriftState.UNSET)
    here, host = by_name.get("here", nowhere), by_name.get("host", nowhere)
    running, published = by_name.get("running", nowhere), by_name.get("published", nowhere)
    found = [
        _host_edited(host),
        _host_behind(here, host),
        _other_runs(here, host, running),
        _not_running(running),
        _unpublished(running, published),
        _unseen(places),
    ]
    return tuple(sentence for sentence in found if sentence)


def _host_edited(host: VersionPlace) -> str:
    if host.state is not DriftState.EDITED:
        return ""
    return "files on the host were edited by hand: see `bb8deploy deploy --dry-run --diff`"


def _host_behind(here: VersionPlace, host: VersionPlace) -> str:
    if host.state is DriftState.ABSENT:
        return "the host does not hold the add-on: run `bb8deploy deploy`"
    differs = host.tree and (host.version, host.tree) != (here.version, here.tree)
    if not differs or host.state is DriftState.EDITED:
        return ""
    return f"the host holds {host.version or 'an unknown version'} with other files: run `bb8deploy deploy`"


def _other_runs(here: VersionPlace, host: VersionPlace, running: VersionPlace) -> str:
    """What runs is held against the host's files; without a way to those against the workspace."""
    lies = host if host.tree else here
    where = "lies on the host" if host.tree else "is here"
    if not running.version:
        return ""
    if running.version != lies.version:
        other = lies.version or "an unknown version"
        return f"{running.version} runs, but {other} {where}: run `bb8deploy deploy`"
    if running.tree and running.tree != lies.tree:
        return f"what runs has other content than what {where}: run `bb8deploy deploy`"
    return ""


def _not_running(running: VersionPlace) -> str:
    if running.state is DriftState.ABSENT:
        return "the add-on is not installed: run `bb8deploy deploy`"
    return "the add-on does not run: see `bb8deploy logs`" if running.state is DriftState.DOWN else ""


def _unpublished(running: VersionPlace, published: VersionPlace) -> str:
    if published.state is DriftState.ABSENT:
        return "nothing is published yet: run `bb8deploy publish`"
    if published.version and running.version and published.version != running.version:
        return f"{running.version} runs, but {published.version} is published: run `bb8deploy publish`"
    return ""


def _unseen(places: Sequence[VersionPlace]) -> str:
    names = [place.name for place in places if place.state is DriftState.UNSEEN]
    return f"not seen, so perhaps another: {', '.join(names)}" if names else ""
