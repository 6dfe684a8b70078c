"""What an app's log tells of its end."""

from __future__ import annotations

import pytest

from bb8deploy.plan.logs.crash_cause import Crash, last_crash, of_installed

IDENTITY = "IDENTITY version=1 tree=sha256:0 commit=c run=r python=3.13.0"
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/usr/src/app/bb8_core/main.py", line 3, in <module>',
    "    import nothing_of_the_kind",
    "ModuleNotFoundError: No module named 'nothing_of_the_kind'",
]
ONE_LINE = (
    "2026-11-23T12:00:00 CRITICAL bb8.main: the bridge ends because of an error of its own | "
    'Traceback (most recent call last): | File "x.py", line 1 | ValueError: no such robot'
)


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ([IDENTITY, *TRACEBACK], "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ([IDENTITY, ONE_LINE], "the bridge ends because of an error of its own: ValueError: no such robot"),
        (["/run.sh: line 3: python: command not found"], "/run.sh: line 3: python: command not found"),
        (["sh: can't open '/usr/src/app/run.sh'"], "sh: can't open '/usr/src/app/run.sh'"),
        (["s6-rc: fatal: unable to start"], "s6-rc: fatal: unable to start"),
        (["Traceback (most recent call last):", '  File "x.py"'], "a traceback without an end"),
        ([*TRACEBACK, IDENTITY, "Killed"], "Killed"),
    ],
)
def test_the_newest_end_is_reported_in_the_logs_own_words(log: list[str], cause: str) -> None:
    assert last_crash(log) == Crash(cause, recovered=False)


def test_a_report_after_the_end_means_that_it_came_back() -> None:
    assert last_crash([*TRACEBACK, IDENTITY, "RUN_SH_PRESENT"]) == Crash(TRACEBACK[-1], recovered=True)


@pytest.mark.parametrize(
    "log",
    [
        [],
        [IDENTITY, "RUN_SH_PRESENT", "2026-11-23T12:00:00 INFO bb8.main: broker connected"],
        ["2026-11-23T12:00:00 WARNING bb8.mqtt: not remembered: [Errno 2] No such file or directory"],
        ["2026-11-23T12:00:00 WARNING bb8.mqtt: the broker core-mosquitto:1883 cannot be reached"],
    ],
)
def test_a_log_without_an_end_has_none(log: list[str]) -> None:
    assert last_crash(log) is None


def test_only_the_lines_of_the_installed_version_count() -> None:
    report = "IDENTITY version={} tree=sha256:x commit=c run=r python=3.13"
    old = ["Traceback (most recent call last):", "ImportError: no module"]
    log = [*old, report.format("1.0.0"), *old, report.format("1.0.1"), "fine too"]
    assert last_crash(log)
    assert last_crash(of_installed(log, "1.0.1")) is None
    assert last_crash(of_installed([*log, *old], "1.0.1"))
    assert of_installed(old, "1.0.1") == tuple(old)


def test_of_two_builds_of_a_version_only_the_lines_of_the_newer_one_count() -> None:
    report = "IDENTITY version=1.0.0 tree=sha256:{} commit=c run={} python=3.13"
    first, second = report.format("a", "run-1"), report.format("b", "run-2")
    died = [*TRACEBACK]
    assert last_crash(of_installed([first, *died, second, "fine"], "1.0.0")) is None
    assert last_crash(of_installed([first, *died, report.format("a", "run-2"), "fine"], "1.0.0")) is None
    came_back = of_installed([first, *died, second, *died, second], "1.0.0")
    assert came_back == (second, *died, second)
    assert last_crash(came_back) == Crash(TRACEBACK[-1], recovered=True)
