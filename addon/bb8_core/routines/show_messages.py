"""Messages that the robot shows: a colour and a gesture for each, through the same gate as any gesture."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bb8_core.bridge.light_state import Lamps, after
from bb8_core.bridge.non_motion_commands import Errands
from bb8_core.requests.acknowledgement import Report, silent
from bb8_core.requests.payload_parsing import Led, Macro, Notify, Request

SHOW_S: Final = 5.0
"""How long the colour is shown before the light is as it was."""
STILL: Final = "still"
"""In the place of a gesture: only the colour is shown."""
COLOURS: Final = {
    "red": (255, 0, 0),
    "orange": (255, 100, 0),
    "yellow": (255, 200, 0),
    "green": (0, 255, 0),
    "cyan": (0, 255, 255),
    "blue": (0, 0, 255),
    "purple": (140, 0, 255),
    "pink": (255, 0, 120),
    "white": (255, 255, 255),
}
_RULE: Final = re.compile(r"\s*([^:;]+): *(\S+) +(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Notice:
    """What is shown: a gesture's name or STILL, and red, green and blue of 0-255."""

    gesture: str
    colour: tuple[int, int, int]


ANY: Final = Notice("nod", COLOURS["white"])
"""For a message that no rule matches."""


def colour_of(word: str) -> tuple[int, int, int]:
    """Read a name of COLOURS or `#rrggbb`; ValueError."""
    if word in COLOURS:
        return COLOURS[word]
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", word):
        raise ValueError(f"{word!r} is neither #rrggbb nor one of {', '.join(COLOURS)}")
    red, green, blue = bytes.fromhex(word[1:])
    return (red, green, blue)


def rules_of(option: str) -> tuple[tuple[str, Notice], ...]:
    """Read the option `notifications`, `words: gesture colour; ...`, which the settings have checked."""
    found = (_RULE.fullmatch(part) for part in option.split(";"))
    return tuple((rule[1].casefold(), Notice(rule[2], colour_of(rule[3]))) for rule in found if rule)


class Notices:
    """Shows messages. Belongs to the event loop."""

    def __init__(
        self,
        rules: tuple[tuple[str, Notice], ...],
        errands: Errands,
        lamps: Lamps,
        move: Callable[[Request, Report], None],
    ) -> None:
        """The first rule whose words are in the message counts; gestures go through `move`."""
        self._rules = rules
        self._errands = errands
        self._lamps = lamps
        self._move = move

    def show(self, request: Request, message: Notify, report: Report) -> None:
        """Show a message; what is reported is the gesture's outcome, or the light's if nothing moves."""
        text = message.message.casefold()
        notice = next((notice for words, notice in self._rules if words in text), ANY)
        still = notice.gesture == STILL
        before, led = self._lamps.light, Led(*notice.colour)
        self._errands.obey(led, report if still else silent)
        if not still:
            self._move(replace(request, intent=Macro(notice.gesture)), report)
        asyncio.get_running_loop().call_later(SHOW_S, self._restore, before.shown, led)

    def _restore(self, before: tuple[int, int, int], led: Led) -> None:
        """Put the earlier light back, unless it was changed meanwhile or the robot is gone."""
        if self._lamps.light == after(self._lamps.light, led):
            self._errands.obey(Led(*before), silent)
