"""Exit codes, the table on any width, and what follows from retained messages."""

from __future__ import annotations

import json
import threading

import pytest

from bb8deploy.base.errors import CheckFailed, Refused, Unreachable
from bb8deploy.lanes.diagnose.areas import clock, robot
from bb8deploy.lanes.diagnose.areas.broker import BrokerSeen, leftovers
from bb8deploy.lanes.diagnose.check_result import Check, CheckLevel, Sheet, exit_code
from bb8deploy.lanes.diagnose.diagnose import Diagnosis
from bb8deploy.lanes.diagnose.parallel import spawn
from bb8deploy.lanes.diagnose.text_output import lines
from bb8deploy.plan.known_problems import Trouble

LONG = "a sentence that is quite a bit longer than any narrow terminal will ever be able to show in one line"
ADDRESS = "C9:00:00:00:B5:4A"


def check(level: CheckLevel, *, unreachable: bool = False) -> Check:
    return Check("ssh", "x", level, "seen", unreachable=unreachable)


@pytest.mark.parametrize(
    ("checks", "code"),
    [
        ([], 0),
        ([check(CheckLevel.OK), check(CheckLevel.WARN), check(CheckLevel.SKIPPED)], 0),
        ([check(CheckLevel.FAIL)], 1),
        ([check(CheckLevel.FAIL, unreachable=True)], 3),
        ([check(CheckLevel.OK), check(CheckLevel.FAIL, unreachable=True), check(CheckLevel.WARN)], 3),
        ([check(CheckLevel.FAIL, unreachable=True), check(CheckLevel.FAIL)], 1),
    ],
)
def test_the_exit_code_distinguishes_silence_from_faults(checks: list[Check], code: int) -> None:
    assert exit_code(checks) == code


def test_only_silence_counts_as_unreachable() -> None:
    sheet = Sheet("x")
    for error in (Unreachable("A", "c", "r"), Refused("B", "c", "r"), CheckFailed("C", "c", "r")):
        sheet.error("y", error)
    assert [one.unreachable for one in sheet.checks] == [True, False, False]
    assert [(one.level, one.code) for one in sheet.checks] == [(CheckLevel.FAIL, code) for code in "ABC"]


DIAGNOSIS = Diagnosis(
    checks=(
        Check("ssh", "reach", CheckLevel.OK, "port 22 answers"),
        Check("ssh", "host key", CheckLevel.FAIL, LONG, "Do this.", "HOST_KEY_CHANGED"),
        Check("clock", "skew", CheckLevel.SKIPPED, "nobody knows"),
    ),
    troubles=(Trouble("RUN_SH_MISSING", "it is gone", "Put it back."),),
    seconds=1.24,
)


def test_without_a_terminal_each_check_and_each_remedy_is_one_line() -> None:
    assert [line for line, _ in lines(DIAGNOSIS, 0)] == [
        "ssh",
        "  ok      reach     port 22 answers",
        f"  fail    host key  {LONG}",
        "                    do: Do this.",
        "clock",
        "  skipped skew      nobody knows",
        "known problems",
        "  RUN_SH_MISSING",
        "    it is gone",
        "    do: Put it back.",
        "    more: bb8deploy explain RUN_SH_MISSING",
        "1 failed, 0 to look at, 1 fine, 1 skipped (1.2 s)",
    ]


@pytest.mark.parametrize("width", [80, 72, 71, 50, 40])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(width: int) -> None:
    shown = [line for line, _ in lines(DIAGNOSIS, width)]
    assert max(map(len, shown)) <= max(width, 50)  # the summary and names stay whole
    assert LONG in " ".join(" ".join(shown).split())


def test_levels_have_their_colour() -> None:
    styles = {line.split()[0]: style for line, style in lines(DIAGNOSIS, 0)}
    assert (styles["ok"], styles["fail"], styles["skipped"]) == ("", "red", "dim")


@pytest.mark.parametrize(
    ("ahead", "error", "level"),
    [
        (None, 0.0, CheckLevel.SKIPPED),
        (1.0, 0.6, CheckLevel.OK),
        (-10.4, 0.6, CheckLevel.OK),
        (-11.0, 0.6, CheckLevel.WARN),
        (60.0, 0.6, CheckLevel.WARN),
        (400.0, 0.6, CheckLevel.FAIL),
        (400.0, 200.0, CheckLevel.WARN),
    ],
)
def test_a_clock_is_judged_by_what_can_be_known_of_it(
    ahead: float | None, error: float, level: CheckLevel
) -> None:
    assert [one.level for one in clock.checks(ahead, error)] == [level]


def connection(state: str, **more: object) -> str:
    said = {"reason": f"The robot is {state}.", "remedy": "Do something.", "address": ADDRESS, **more}
    return json.dumps({"state": state, **said})


def retained(state: str = "ready", **more: str) -> dict[str, str]:
    return {
        "bb8/status": "online",
        "bb8/status/connection": connection(state),
        "bb8/status/telemetry": json.dumps({"battery_state": "ok", "battery_v": 7.8}),
        "bb8/state/estop": "{}",
        "bb8/echo/owner": "1-2",
        f"homeassistant/device/bb8_{ADDRESS.replace(':', '').lower()}/config": "{}",
        **more,
    }


def test_what_the_bridge_keeps_is_not_a_leftover() -> None:
    assert leftovers(retained(), "bb8") == ()


def test_retained_commands_and_another_robots_announcement_are_leftovers() -> None:
    other = "homeassistant/device/bb8_000000000001/config"
    found = leftovers(retained(**{"bb8/cmd/drive": "{}", "bb8/ack/ping": "{}", other: "{}"}), "bb8")
    assert found == ("bb8/ack/ping", "bb8/cmd/drive", other)


def test_without_a_known_robot_no_announcement_is_called_a_leftover() -> None:
    kept = {"homeassistant/device/bb8_000000000001/config": "{}"}
    assert leftovers(kept, "bb8") == ()


HEARD = {"detected": True, "source": "advertisement", "latency_ms": 120.4, "rssi": -60}


@pytest.mark.parametrize(
    ("state", "ready", "expected"),
    [
        ("ready", HEARD, {"adapter": "ok", "holder": "ok", "heard": "ok", "battery": "ok"}),
        ("ready", {**HEARD, "rssi": -90}, {"heard": "warn"}),
        ("released", HEARD, {"holder": "ok"}),
        ("held_by_other", HEARD, {"holder": "fail"}),
        ("absent", {"detected": False}, {"holder": "warn", "heard": "warn"}),
        ("lost", {}, {"holder": "warn", "heard": "warn"}),
        ("adapter_off", None, {"adapter": "fail", "heard": "skipped"}),
    ],
)
def test_the_robot_is_judged_by_what_the_add_on_reports(
    state: str, ready: dict[str, object] | None, expected: dict[str, str]
) -> None:
    seen = BrokerSeen((), "bb8", reached=True, retained=retained(state), ready=ready)
    levels = {one.name: str(one.level) for one in robot.checks(seen)}
    assert levels.items() >= expected.items()


def test_a_bridge_that_is_offline_is_not_asked_further() -> None:
    seen = BrokerSeen((), "bb8", reached=True, retained=retained(**{"bb8/status": "offline"}))
    assert [(one.name, one.code) for one in robot.checks(seen)] == [("bridge", "BRIDGE_OFFLINE")]


@pytest.mark.parametrize("part", ["options", "schema"])
def test_a_bridge_that_never_published_deserves_attention(part: str) -> None:
    seen = BrokerSeen((), "bb8", reached=True)
    found = robot.checks(seen, {part: {"enable_echo": False}})
    assert [(one.name, one.code) for one in found] == [("bridge", "BRIDGE_OFFLINE")]


def test_an_app_that_is_not_a_bridge_needs_no_robot() -> None:
    (one,) = robot.checks(BrokerSeen((), "bb8", reached=True), {"slug": "lamp", "options": {"message": "x"}})
    assert (one.name, str(one.level)) == ("bridge", "skipped")


def test_a_look_that_never_ends_delays_nothing() -> None:
    never = threading.Event()
    look = spawn("x", never.wait, deadline=0.2)
    with pytest.raises(TimeoutError):
        look.wait()
    never.set()


def test_the_error_of_a_look_reaches_the_waiting_code() -> None:
    def fail() -> None:
        raise CheckFailed("X", "c", "r")

    with pytest.raises(CheckFailed):
        spawn("x", fail, deadline=10).wait()
