"""The waves of a rollout: every host once, canaries first, and nothing begins after enough failures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bb8deploy.plan.waves import AT_ONCE, Ended, HostEnd, Pace, Wave, next_wave, waves

HOSTS = tuple("abcdefgh")
PACES = st.builds(
    Pace,
    canary=st.integers(0, 9),
    wave=st.integers(1, 9),
    max_failures=st.integers(1, 5),
)


def played(hosts: tuple[str, ...], pace: Pace, bad: set[str]) -> tuple[list[Wave], Ended, dict[str, HostEnd]]:
    """A whole rollout in which the hosts of `bad` fail."""
    ends: dict[str, HostEnd] = {}
    begun: list[Wave] = []
    while isinstance(wave := next_wave(hosts, pace, ends), Wave):
        begun.append(wave)
        ends.update({name: HostEnd.FAILED if name in bad else HostEnd.DONE for name in wave.hosts})
    return begun, wave, ends


def test_canaries_come_first_then_waves() -> None:
    begun, ended, _ = played(HOSTS, Pace(canary=2, wave=3), set())
    assert begun == [Wave(("a", "b"), canary=True), Wave(("c", "d", "e")), Wave(("f", "g", "h"))]
    assert ended == Ended()


def test_a_canary_that_fails_stops_whatever_the_limit_is() -> None:
    _, ended, _ = played(HOSTS, Pace(canary=2, wave=3, max_failures=5), {"b"})
    assert ended == Ended(tuple("cdefgh"), "the canary b failed")


def test_the_wave_in_which_the_limit_is_reached_is_the_last() -> None:
    _, ended, _ = played(HOSTS, Pace(wave=2, max_failures=2), {"a", "c", "d"})
    assert ended == Ended(tuple("efgh"), "3 hosts failed")


def test_hosts_that_are_done_already_are_not_started_again() -> None:
    ends = {"a": HostEnd.DONE, "c": HostEnd.DONE}
    assert next_wave(HOSTS, Pace(canary=2, wave=9), ends) == Wave(("b",), canary=True)
    assert next_wave(HOSTS, Pace(wave=9), ends) == Wave(tuple("bdefgh"))


def test_a_wave_is_never_larger_than_what_runs_at_once() -> None:
    many = tuple(str(number) for number in range(100))
    assert max(len(wave.hosts) for wave in waves(many, Pace(canary=50, wave=99), {})) == AT_ONCE


@given(pace=PACES, bad=st.sets(st.sampled_from(HOSTS)), done=st.sets(st.sampled_from(HOSTS)))
def test_every_host_is_in_one_place_and_limits_hold(pace: Pace, bad: set[str], done: set[str]) -> None:
    hosts = tuple(name for name in HOSTS if name not in done)
    begun, ended, ends = played(hosts, pace, bad)
    started = [name for wave in begun for name in wave.hosts]
    assert sorted((*started, *ended.waiting)) == sorted(hosts)
    assert started == [name for name in hosts if name in started]
    assert all(len(wave.hosts) <= pace.wave for wave in begun if not wave.canary)
    before_last = {name for wave in begun[:-1] for name in wave.hosts}
    assert len(before_last & bad) < pace.max_failures
    assert not (before_last & bad & set(hosts[: pace.canary]))
    assert bool(ended.waiting) == bool(ended.reason)
    if not ended.waiting:
        assert set(ends) == set(hosts)


@given(pace=PACES)
def test_the_waves_that_are_announced_are_those_that_come_without_a_failure(pace: Pace) -> None:
    assert list(waves(HOSTS, pace, {})) == played(HOSTS, pace, set())[0]
