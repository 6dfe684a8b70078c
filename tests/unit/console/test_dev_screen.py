"""The screen of the dev loop: what it shows, in any size of the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console as RichConsole

from bb8deploy.base.secret import Secret
from bb8deploy.console.console import Console
from bb8deploy.console.dev_screen import KEYS, DevScreen


@pytest.fixture
def screen() -> DevScreen:
    console = Console(out=io.StringIO(), err=io.StringIO(), hidden=[Secret("pass-word")])
    return DevScreen("addon on target default", console)


def rows(screen: DevScreen, width: int = 80, height: int = 10) -> list[str]:
    console = RichConsole(file=io.StringIO(), width=width, height=height)
    drawn = console.render_lines(screen, pad=False)
    return ["".join(part.text for part in row).rstrip() for row in drawn]


def test_it_shows_what_runs_the_steps_messages_and_the_log_above_the_keys(screen: DevScreen) -> None:
    screen.runs("abc runs: live in 640 ms", "green", [("read", 0.013), ("prove", 0.4)])
    screen.message("1: word: COPY puts it at /word")
    screen.log("first line")
    screen.log("second line")
    assert rows(screen) == [
        "addon on target default",
        "abc runs: live in 640 ms",
        "read 13 ms   prove 400 ms",
        "1: word: COPY puts it at /word",
        "─" * 80,
        "first line",
        "second line",
        "",
        "",
        KEYS,
    ]


def test_the_step_times_of_the_last_push_remain_after_a_refused_save(screen: DevScreen) -> None:
    screen.runs("abc runs", "green", [("read", 0.013)])
    screen.runs("not delivered: a.py:1: invalid syntax", "red")
    assert rows(screen)[1:3] == ["not delivered: a.py:1: invalid syntax", "read 13 ms"]


def test_of_a_long_log_the_newest_lines_are_shown(screen: DevScreen) -> None:
    for number in range(100):
        screen.log(f"line {number}")
    assert rows(screen)[4:9] == [f"line {number}" for number in range(95, 100)]


def test_a_long_line_continues_on_the_next_row(screen: DevScreen) -> None:
    screen.runs("not delivered: " + "x" * 60, "red")
    screen.log("a line of the app that is longer than the terminal is wide")
    shown = rows(screen, width=40, height=12)
    assert shown[1:4] == ["not delivered:", "x" * 40, "x" * 20]
    assert "a line of the app that is longer than" in shown
    assert "the terminal is wide" in shown
    assert (max(map(len, shown)), shown[-1][-1]) == (40, "…")


@pytest.mark.parametrize("height", [2, 3, 5, 8])
def test_a_small_terminal_shows_what_runs_and_the_keys(screen: DevScreen, height: int) -> None:
    screen.log("a line")
    shown = rows(screen, height=height)
    assert (len(shown), shown[0], shown[-1]) == (height, "addon on target default", KEYS)


def test_control_characters_do_not_reach_the_terminal(screen: DevScreen) -> None:
    screen.log("\x1b]0;title\x07\r")
    screen.log("a\tb")
    screen.message("\x1b[2Jmessage")
    screen.runs("\x9bruns", "green")
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for row in rows(screen) for char in row)
    assert any("a       b" in row for row in rows(screen))


def test_the_log_is_hidden_and_shown_again(screen: DevScreen) -> None:
    screen.log("a line")
    screen.toggle_log()
    assert "a line" not in rows(screen)
    screen.toggle_log()
    assert "a line" in rows(screen)


def test_secrets_are_masked_everywhere(screen: DevScreen) -> None:
    screen.runs("runs pass-word", "green")
    screen.message("message pass-word")
    screen.log("log pass-word")
    assert [row for row in rows(screen) if "***" in row] == ["runs ***", "message ***", "log ***"]
    assert not any("pass-word" in row for row in rows(screen))
