"""The one screen of the dev loop: what runs, how long each step took, messages, and the app's log below."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bb8deploy.base.secret import redact
from bb8deploy.console.console import Console

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

KEPT = 500
"""Lines of the app's log that are kept."""
MESSAGES = 8
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
            self._runs, self._style = text, style
            self._steps = tuple(steps) or self._steps

    def message(self, text: str) -> None:
        """A line about the session."""
        with self._lock:
            self._messages.extend(redact(text, self._console.hidden).splitlines())

    def log(self, line: str) -> None:
        """A line of the app's log."""
        with self._lock:
            self._log.append(redact(line, self._console.hidden))

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

    def __rich_console__(self, _console: object, options: ConsoleOptions) -> RenderResult:
        """Draws it in the size of the terminal."""
        from rich.text import Text

        with self._lock:
            height = options.height or 24
            rows = [Text(self._title, "bold"), Text(self._runs, self._style), Text(self._parts(), "dim")]
            rows += [Text(line) for line in self._messages]
            if self._shows_log:
                rows.append(Text("─" * options.max_width, "dim"))
                room = max(0, height - len(rows) - 1)
                rows += [Text(line, "cyan") for line in list(self._log)[-room:]] if room else []
            rows = rows[: height - 1]
            rows += [Text("")] * (height - 1 - len(rows))
        for row in (*rows, Text(KEYS, "reverse")):
            row.truncate(options.max_width, overflow="ellipsis")
            yield row

    def _parts(self) -> str:
        return "   ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in self._steps)


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
