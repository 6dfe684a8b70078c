"""Text that others wrote cannot control a terminal."""

from __future__ import annotations

from bb8deploy.base.terminal_safe_text import plain_lines


def test_colors_go_and_other_control_characters_are_written_as_escapes() -> None:
    text = "\x1b[31mred\x1b[0m\ta\nb\x1b]0;title\x07\r\u202eä"
    assert plain_lines(text) == "red\ta\nb\\x1b]0;title\\x07\\r\\u202eä"
