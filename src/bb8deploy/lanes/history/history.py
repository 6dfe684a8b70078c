"""Reads the receipts on every target's host, each host once, all at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.host import HOST_MISSING
from bb8deploy.host.open_host import RECEIPT, Tell, Via, open_host
from bb8deploy.runs.past_runs import PastRun, past_runs, runs_of_app
from bb8deploy.settings.settings_type import Settings

AT_ONCE = 8
LIMIT = 32 * 1024 * 1024
"""Bytes of a receipt; a run writes about one kilobyte."""


@dataclass(frozen=True, slots=True)
class HostHistory:
    """The runs of one host, the newest first; `targets` are the names that lead to it.

    `error` is why it could not be read; `absent`: the host has no receipt.
    """

    targets: tuple[str, ...]
    runs: tuple[PastRun, ...] = ()
    absent: bool = False
    error: Bb8Error | None = None


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """A target with its settings, or the error of reading them."""

    name: str
    settings: Settings | None
    error: Bb8Error | None = None


def history(
    targets: Sequence[TargetSettings], slug: str, tell: Tell, *, via: Via = "auto"
) -> list[HostHistory]:
    """The history of every host; one that cannot be read is a row with its error.

    `slug` leaves out the runs of other apps; empty for all. Raises UsageError HOST_MISSING if no target names
    a host.
    """
    unread = [HostHistory((target.name,), error=target.error) for target in targets if target.error]
    hosts = _hosts(targets)
    if not hosts and not unread:
        raise HOST_MISSING("neither HA_SSH_HOST_ALIAS nor HA_MOUNT is set in any target, so there is no host")
    readers = [_reader(names, settings, slug, tell, via) for names, settings in hosts]
    with ThreadPoolExecutor(AT_ONCE, "bb8deploy-history") as pool:
        return [*pool.map(lambda read: read(), readers), *unread]


def _hosts(targets: Sequence[TargetSettings]) -> list[tuple[tuple[str, ...], Settings]]:
    """The hosts with the names that lead to each: `.env` and `.env.NAME` may name the same one."""
    found: dict[tuple[object, ...], tuple[list[str], Settings]] = {}
    for target in targets:
        settings = target.settings
        if settings and (settings.ssh.host_alias or settings.ha_mount):
            place = (settings.ssh.host_alias, settings.ha_mount, settings.ha_reports_dir)
            found.setdefault(place, ([], settings))[0].append(target.name)
    return [(tuple(names), settings) for names, settings in found.values()]


def _reader(
    names: tuple[str, ...], settings: Settings, slug: str, tell: Tell, via: Via
) -> Callable[[], HostHistory]:
    def read() -> HostHistory:
        try:
            with open_host(settings, tell, via=via) as host:
                data = host.files.read(f"{settings.ha_reports_dir.rstrip('/')}/{RECEIPT}", limit=LIMIT)
        except Bb8Error as error:
            return HostHistory(names, error=error)
        text = (data or b"").decode("utf-8", "replace")
        runs = past_runs(text)
        return HostHistory(names, runs_of_app(runs, slug) if slug else runs, absent=data is None)

    return read
