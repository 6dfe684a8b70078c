"""The one screen of the dev loop: what runs, how long each step took, messages, and the app's log below."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from bb8deploy.base.secret import redact
from bb8deploy.base.terminal_safe_text import plain
from bb8deploy.console.console import Console
from bb8deploy.console.terminal_capabilities import shortened

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import ConsoleOptions, RenderResult
    from rich.live import Live
    from rich.text import Text

_Row = TypeVar("_Row")
KEPT = 500
"""Lines of the app's log that are kept."""
MESSAGES = 8
"""Lines about the session that are kept, and rows of them that are shown above the log."""
LONGEST = 2000
"""Characters of a line of the log or a message that are shown."""
SHORTEST_S, LONGEST_S = 0.1, 1.0
"""Shortest and longest time between two drawings of the screen, in seconds."""
KEYS = "r restart   b rebuild   l log on or off   e end the dev loop   q quit"


class DevScreen:
    """Everything that is shown; methods may be called from any thread."""

    def __init__(self, title: str, console: Console) -> None:
        self._title, self._console, self._stream = title, console, console.err
        self._runs, self._style = "nothing is proven yet", "yellow"
        self._steps: tuple[tuple[str, float], ...] = ()
        self._messages: deque[str] = deque(maxlen=MESSAGES)
        self._log: deque[str] = deque(maxlen=KEPT)
        self._shows_log = True
        self._lock = threading.Lock()
        self._changed = threading.Event()

    def runs(self, text: str, style: str, steps: Sequence[tuple[str, float]] = ()) -> None:
        """What runs now, in a color; `steps` are the parts of the push with their seconds."""
        with self._lock:
            self._runs, self._style = self._safe(text), style
            self._steps = tuple(steps) or self._steps
        self._changed.set()

    def message(self, text: str) -> None:
        """A line about the session."""
        with self._lock:
            self._messages.extend(map(self._safe, text.splitlines()))
        self._changed.set()

    def log(self, line: str) -> None:
        """A line of the app's log."""
        with self._lock:
            self._log.append(self._safe(line))
        self._changed.set()

    def toggle_log(self) -> None:
        """Shows or hides the app's log."""
        with self._lock:
            self._shows_log = not self._shows_log
        self._changed.set()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Takes the terminal over; what the console prints meanwhile becomes messages."""
        from rich.console import Console as RichConsole
        from rich.live import Live

        terminal = RichConsole(file=self._console.err)
        live = Live(self, console=terminal, screen=True, auto_refresh=False, redirect_stdout=False,
                    redirect_stderr=False)  # fmt: skip
        with self._console.redirected(_Lines(self)), live, self._redrawn(live):
            yield

    @contextmanager
    def _redrawn(self, live: Live) -> Iterator[None]:
        """Draws each change, and once in LONGEST_S, so that a new size of the terminal shows."""
        ended = threading.Event()

        def redraw() -> None:
            while not ended.wait(SHORTEST_S):
                self._changed.wait(LONGEST_S)
                self._changed.clear()
                live.refresh()

        thread = threading.Thread(target=redraw, daemon=True, name="bb8deploy-screen")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            self._changed.set()
            thread.join()

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> RenderResult:
        """Draws it in the size of the terminal. A long line continues on the next row."""
        from rich.text import Text

        width, height = options.max_width, console.height
        with self._lock:
            rows = self._rows(console, width, height - 1)
        rows += [Text("")] * (height - 1 - len(rows))
        keys = Text(KEYS, "reverse")
        keys.truncate(width, overflow="ellipsis")
        yield from (*rows, keys)

    def _rows(self, console: RichConsole, width: int, height: int) -> list[Text]:
        """What is above the keys, at most `height` rows."""
        from rich.text import Text

        head = [Text(self._title, "bold"), Text(self._runs, self._style), Text(self._parts(), "dim")]
        rows = _wrapped(head, console, width)[:height]
        room = height - len(rows)
        messages = _wrapped([Text(line) for line in self._messages], console, width)
        if not self._shows_log:
            return rows + _last(messages, room)
        rows += _last(messages, min(MESSAGES, room // 2))
        newest = [Text(line, "cyan") for line in _last(list(self._log), height)]
        log = [Text("─" * width, "dim")] if len(rows) < height else []
        return rows + log + _last(_wrapped(newest, console, width), height - len(rows) - 1)

    def _safe(self, text: str) -> str:
        """A line without secrets, control characters and the later digits of a hash."""
        return plain(shortened(redact(text.expandtabs(), self._console.hidden), self._stream), LONGEST)

    def _parts(self) -> str:
        return "   ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in self._steps)


def _wrapped(lines: Sequence[Text], console: RichConsole, width: int) -> list[Text]:
    """The rows of these lines; a word that is longer than a row is cut."""
    return [row for line in lines for row in line.wrap(console, width, overflow="fold") or [line]]


def _last(rows: list[_Row], number: int) -> list[_Row]:
    """The last rows; none if there is no room."""
    return rows[-number:] if number > 0 else []


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
