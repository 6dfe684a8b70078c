"""The one screen of the dev loop: what runs, how long each step took, messages, and the app's log below."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bb8deploy.base.secret import redact
from bb8deploy.base.terminal_safe_text import plain
from bb8deploy.console.console import Console

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import ConsoleOptions, RenderResult
    from rich.text import Text

KEPT = 500
"""Lines of the app's log that are kept."""
MESSAGES = 8
LONGEST = 2000
"""Characters of a line of the log or a message that are shown."""
KEYS = "r restart   b rebuild   l log on or off   e end the dev loop   q quit"


class DevScreen:
    """Everything that is shown; methods may be called from any thread."""

    def __init__(self, title: str, console: Console) -> None:
        self._title, self._console = title, console
        self._runs, self._style = "nothing is proven yet", "yellow"
        self._steps: tuple[tuple[str, float], ...] = ()
        self._messages: deque[str] = deque(maxlen=MESSAGES)
        self._log: deque[str] = deque(maxlen=KEPT)
        self._shows_log = True
        self._lock = threading.Lock()

    def runs(self, text: str, style: str, steps: Sequence[tuple[str, float]] = ()) -> None:
        """What runs now, in a color; `steps` are the parts of the push with their seconds."""
        with self._lock:
            self._runs, self._style = plain(redact(text, self._console.hidden), LONGEST), style
            self._steps = tuple(steps) or self._steps

    def message(self, text: str) -> None:
        """A line about the session."""
        with self._lock:
            self._messages.extend(
                plain(line, LONGEST) for line in redact(text, self._console.hidden).splitlines()
            )

    def log(self, line: str) -> None:
        """A line of the app's log."""
        with self._lock:
            self._log.append(plain(redact(line.expandtabs(), self._console.hidden), LONGEST))

    def toggle_log(self) -> None:
        """Shows or hides the app's log."""
        with self._lock:
            self._shows_log = not self._shows_log

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Takes the terminal over; what the console prints meanwhile becomes messages."""
        from rich.console import Console as RichConsole
        from rich.live import Live

        terminal = RichConsole(file=self._console.err)
        live = Live(self, console=terminal, screen=True, refresh_per_second=8, redirect_stdout=False,
                    redirect_stderr=False)  # fmt: skip
        with self._console.redirected(_Lines(self)), live:
            yield

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        """Draws it in the size of the terminal. A long line continues on the next row."""
        from rich.text import Text

        width, height = options.max_width, options.height or 24
        with self._lock:
            rows = _wrapped(self._head(), console, width)
            if self._shows_log:
                rows.append(Text("─" * width, "dim"))
                room = max(0, height - len(rows) - 1)
                newest = [Text(line, "cyan") for line in list(self._log)[-room:]] if room else []
                rows += _wrapped(newest, console, width)[-room:] if room else []
        rows = rows[: height - 1]
        rows += [Text("")] * (height - 1 - len(rows))
        keys = Text(KEYS, "reverse")
        keys.truncate(width, overflow="ellipsis")
        yield from (*rows, keys)

    def _head(self) -> list[Text]:
        """What is above the log."""
        from rich.text import Text

        rows = [Text(self._title, "bold"), Text(self._runs, self._style), Text(self._parts(), "dim")]
        return [*rows, *(Text(line) for line in self._messages)]

    def _parts(self) -> str:
        return "   ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in self._steps)


def _wrapped(lines: Sequence[Text], console: RichConsole, width: int) -> list[Text]:
    """The rows of these lines; a word that is longer than a row is cut."""
    return [row for line in lines for row in line.wrap(console, width, overflow="fold") or [line]]


class _Lines(io.StringIO):
    """A stream whose lines become messages of the screen."""

    def __init__(self, screen: DevScreen) -> None:
        super().__init__()
        self._screen, self._rest = screen, ""

    def write(self, text: str) -> int:
        """Takes text; whole lines are shown."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._screen.message(line)
        return len(text)
