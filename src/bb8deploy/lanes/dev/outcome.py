"""What the dev loop returns to its caller, and the events that it reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bb8deploy.base.findings import Finding
from bb8deploy.overlay.live.choose_way import Way


@dataclass(frozen=True, slots=True)
class PushStep:
    """A part of a push and how long it took, in seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pushed:
    """A push that was proven: the digest that the new process reported, how it came into effect and why.

    `seconds` from the save to the report that was read back; `number` counts the pushes of a session.
    """

    number: int
    tree: str
    way: Way
    reason: str
    seconds: float
    steps: tuple[PushStep, ...]
    files: int


@dataclass(frozen=True, slots=True)
class DevOutcome:
    """How a session ended: the proven pushes, and whether the dev loop is still on for the app.

    `proven`: the dev loop ended, and the app reported what was built then.
    """

    pushes: tuple[Pushed, ...]
    still_on: bool
    proven: bool = False


class View(Protocol):
    """Who watches the dev loop. Calls may come from any thread."""

    def note(self, text: str) -> None:
        """One line about the session."""

    def log(self, line: str) -> None:
        """A line of the app's log."""

    def saved(self, paths: Sequence[str]) -> None:
        """A change was noticed."""

    def refused(self, findings: Sequence[Finding]) -> None:
        """A change has errors and is not delivered."""

    def pushed(self, push: Pushed) -> None:
        """A push was proven."""

    def overtaken(self, number: int) -> None:
        """A newer save came before a push was proven; the push is not reported."""

    def unchanged(self, tree: str) -> None:
        """A save changed nothing: the app reported this digest before, and still runs it."""

    def container_changed(self, text: str) -> None:
        """Another program started a container of the app, or its container ended."""

    def container_reported(self, tree: str, number: int | None) -> None:
        """That container reported what it runs; `number` is the push of this session that delivered it."""

    def failed(self, text: str, details: Sequence[str]) -> None:
        """A push is not proven; the loop continues with the next save."""
