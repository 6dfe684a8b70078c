"""Decides which hosts come next in a rollout: canaries, then waves, until enough of them failed; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

AT_ONCE = 32
"""The most hosts in a wave: each has a thread and a connection."""


class HostEnd(StrEnum):
    """How a host ended. `DONE` counts towards no limit, `FAILED` does."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a rollout goes: `canary` hosts first, then `wave` hosts at a time (1 to AT_ONCE).

    No wave begins after `max_failures` hosts (at least 1) or one canary failed; `pause` is the seconds
    between two waves.
    """

    canary: int = 0
    wave: int = AT_ONCE
    max_failures: int = 1
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Wave:
    """The hosts that come next, at the same time; `canary` if they are the first ones."""

    hosts: tuple[str, ...]
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """No wave is next: `waiting` are the hosts that were not started, and `reason` is why."""

    waiting: tuple[str, ...] = ()
    reason: str = ""


def next_wave(hosts: Sequence[str], pace: Pace, ends: Mapping[str, HostEnd]) -> Wave | Ended:
    """The next wave of the rollout to `hosts`, in their order, after those in `ends` have ended."""
    waiting = tuple(host for host in hosts if host not in ends)
    if not waiting:
        return Ended()
    canaries = hosts[: pace.canary]
    failed = [host for host in hosts if ends.get(host) is HostEnd.FAILED]
    failed_canaries = [host for host in failed if host in canaries]
    if failed_canaries:
        return Ended(waiting, f"the canary {failed_canaries[0]} failed")
    if len(failed) >= pace.max_failures:
        return Ended(waiting, "1 host failed" if len(failed) == 1 else f"{len(failed)} hosts failed")
    first = tuple(host for host in waiting if host in canaries)
    size = max(1, min(pace.wave, AT_ONCE))
    return Wave(first[:AT_ONCE], canary=True) if first else Wave(waiting[:size])


def waves(hosts: Sequence[str], pace: Pace, ends: Mapping[str, HostEnd]) -> Iterator[Wave]:
    """The waves that are left if no host fails any more."""
    seen = dict(ends)
    while isinstance(wave := next_wave(hosts, pace, seen), Wave):
        yield wave
        seen.update(dict.fromkeys(wave.hosts, HostEnd.DONE))
