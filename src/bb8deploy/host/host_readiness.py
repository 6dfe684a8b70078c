"""Whether a host can take a deploy: everything that would stop it later, asked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.error_code import ErrorCode, Symptom
from bb8deploy.catalogue.errors.host import (
    CLOCK_SKEW,
    FILES_AHEAD,
    HOST_DISK_FULL,
    HOST_DISK_LOW,
    RUNTIME_NOT_WRITABLE,
    RUNTIME_PATH_INVALID,
)
from bb8deploy.catalogue.errors.supervisor import (
    HOST_OFFLINE,
    SUPERVISOR_BUSY,
    SUPERVISOR_OUTDATED,
    SUPERVISOR_UNHEALTHY,
)
from bb8deploy.host.shell.host_probe import Surroundings
from bb8deploy.host.supervisor.refusal_remedies import unhealthy
from bb8deploy.host.supervisor.route_interface import parse_health, parse_jobs

DOCUMENTS = ("supervisor/info", "resolution/info", "host/info", "network/info", "jobs/info")
"""What the Supervisor is asked for, by its REST paths."""
GIGABYTES_TO_BUILD = 2.0
"""Below this the Supervisor refuses to install, update and rebuild."""
GIGABYTES_ENOUGH = 5.0
CLOCK_NOTICED = 10.0
AHEAD_NOTICED = 60
"""Seconds by which a file may be ahead of the host's clock; our own config file is by one."""
Documents = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing in the way: its entry in the catalogue, one sentence of cause, one of remedy.

    `blocks`: a deploy cannot succeed. Otherwise it can, and the user should know.
    """

    entry: ErrorCode[Bb8Error] | Symptom
    cause: str
    remedy: str
    blocks: bool = True


def first_blocking(obstacles: Iterable[Obstacle]) -> Bb8Error | None:
    """The error for the first obstacle that blocks a deploy, None if none does."""
    for each in obstacles:
        if each.blocks and isinstance(each.entry, ErrorCode):
            return each.entry(each.cause, each.remedy)
    return None


def place_obstacles(around: Surroundings | None, need: int = 0) -> tuple[Obstacle, ...]:
    """What the place of the app folder shows; nothing for a mounted share."""
    return tuple(_place(around, need)) if around else ()


def supervisor_obstacles(documents: Documents, slug: str = "") -> tuple[Obstacle, ...]:
    """What the documents of the Supervisor show; a document that is missing shows nothing."""
    return (
        *_outdated(documents.get("supervisor/info", {})),
        *_unhealthy(documents),
        *_offline(documents.get("network/info", {})),
        *_space(documents.get("host/info", {})),
        *_busy(documents.get("jobs/info", {}), slug),
    )


def _place(around: Surroundings, need: int) -> Iterator[Obstacle]:
    place, user = around.place, around.facts.user or "the ssh user"
    if not place.parent:
        remedy = "Correct HA_REMOTE_RUNTIME: the folder above it must be the host's folder of local apps."
        yield Obstacle(RUNTIME_PATH_INVALID, "the folder above the app folder does not exist", remedy)
        return
    if not place.writable:
        remedy = "Set HA_SSH_SUDO=yes, log in as root, or use the mounted share (HA_MOUNT)."
        yield Obstacle(RUNTIME_NOT_WRITABLE, f"{user} may not write beside the app folder", remedy)
    if place.free is not None and place.free < 2 * need:
        cause = f"the disk of the app folder has {_mb(place.free)} free, and {_mb(2 * need)} are needed"
        yield Obstacle(HOST_DISK_FULL, cause, "Free space on that disk: old backups, unused images.")
    if around.ahead is not None and abs(around.ahead) - around.clock_error > CLOCK_NOTICED:
        way = "ahead of" if around.ahead > 0 else "behind"
        cause = f"the host's clock is {abs(around.ahead):.0f} s {way} this machine's"
        yield Obstacle(CLOCK_SKEW, cause, "Let both machines set their clock by NTP.", blocks=False)
    yield from _files_ahead(around)


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def _files_ahead(around: Surroundings) -> Iterator[Obstacle]:
    """A file of the future in the local root hid changes from a reload; a deploy now goes beyond it."""
    if around.place.newest is None or not around.facts.clock:
        return
    moment, path = around.place.newest
    seconds = moment - around.facts.clock
    if seconds > AHEAD_NOTICED:
        cause = f"{path} has a time {seconds} s ahead of the host's clock"
        remedy = "Run `touch` on it on the host, and check the clock of the machine that wrote it."
        yield Obstacle(FILES_AHEAD, cause, remedy, blocks=False)


def _outdated(info: Mapping[str, object]) -> Iterator[Obstacle]:
    version, latest = str(info.get("version") or ""), str(info.get("version_latest") or "")
    if info.get("update_available") is True and version and latest and version != latest:
        cause = f"the Supervisor is {version} and does nothing for apps before its update to {latest}"
        yield Obstacle(SUPERVISOR_OUTDATED, cause, "Run `ha supervisor update` on the host, then run again.")


def _unhealthy(documents: Documents) -> Iterator[Obstacle]:
    health = parse_health(documents.get("supervisor/info", {}), documents.get("resolution/info", {}))
    if not health.healthy or health.unhealthy:
        why = ", ".join(health.unhealthy) or "it gives no reason"
        yield Obstacle(
            SUPERVISOR_UNHEALTHY,
            f"the Supervisor {health.version} is unhealthy and will not build: {why}",
            unhealthy(health.unhealthy),
        )


def _offline(info: Mapping[str, object]) -> Iterator[Obstacle]:
    for name, what in (("host_internet", "the host"), ("supervisor_internet", "the Supervisor")):
        if info.get(name) is False:
            cause = f"{what} has no internet connection, without which nothing is built"
            remedy = "Connect the host to the internet; `ha network info` shows its state."
            yield Obstacle(HOST_OFFLINE, cause, remedy)
            return


def _space(info: Mapping[str, object]) -> Iterator[Obstacle]:
    free = info.get("disk_free")
    if not isinstance(free, int | float) or free >= GIGABYTES_ENOUGH:
        return
    blocks = free < GIGABYTES_TO_BUILD
    limit = f"; below {GIGABYTES_TO_BUILD:g} GB nothing is built" if blocks else ""
    remedy = "Free space on the host: old backups, unused apps and images."
    yield Obstacle(HOST_DISK_LOW, f"the host has {free:g} GB free{limit}", remedy, blocks=blocks)


def _busy(info: Mapping[str, object], slug: str) -> Iterator[Obstacle]:
    try:
        busy = [job for job in parse_jobs(info) if not job.done and job.reference in {"", slug}]
    except Bb8Error:
        return
    if busy:
        names = ", ".join(job.name for job in busy[:4])
        remedy = "Wait until they are done; a deploy waits by itself."
        yield Obstacle(SUPERVISOR_BUSY, f"jobs are running: {names}", remedy, blocks=False)
