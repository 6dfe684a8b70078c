"""Shows the dev loop: as plain lines for people and screen readers, or as JSON, one object a line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from bb8deploy.base.findings import Finding
from bb8deploy.base.terminal_safe_text import plain
from bb8deploy.console.console import Console
from bb8deploy.console.dev_screen import LONGEST, DevScreen

if TYPE_CHECKING:
    from bb8deploy.lanes.dev.outcome import Pushed


def described(push: Pushed) -> str:
    """A push in one line: number, way, why, and how long each part took."""
    parts = ", ".join(f"{step.name} {step.seconds * 1000:.0f}" for step in push.steps)
    return f"{push.number}: {push.way} in {push.seconds * 1000:.0f} ms ({parts}); {push.reason}"


def _named(tree: str, number: int | None) -> str:
    """A digest for people, with the push that delivered it."""
    return f"{tree.removeprefix('sha256:')[:12]}{f' (push {number})' if number else ''}"


def placed(finding: Finding) -> str:
    """A finding in one line."""
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    return f"{where}: {finding.message}"


@dataclass(frozen=True, slots=True)
class PlainView:
    """Lines on stderr; the tokens themselves go to stdout as in every command."""

    console: Console

    def note(self, text: str) -> None:
        """One line about the session."""
        self.console.note(text)

    def log(self, line: str) -> None:
        """A line of the app's log."""
        self.console.note(f"app | {plain(line.expandtabs(), LONGEST)}")

    def saved(self, paths: Sequence[str]) -> None:
        """What was saved."""
        self.console.note(f"saved: {', '.join(paths[:5])}{', ...' if len(paths) > 5 else ''}")

    def refused(self, findings: Sequence[Finding]) -> None:
        """Why nothing is delivered."""
        for one in findings:
            self.console.warn(f"not delivered: {placed(one)}")

    def pushed(self, push: Pushed) -> None:
        """What runs now."""
        self.console.note(described(push))

    def overtaken(self, number: int) -> None:
        """A newer save is next."""
        self.console.note(f"{number}: overtaken by a newer save")

    def unchanged(self, tree: str) -> None:  # noqa: ARG002 - the interface of a view
        """Nothing was to do."""
        self.console.note("nothing to deliver: the app runs these files already")

    def container_changed(self, text: str) -> None:
        """Another program started a container."""
        self.console.note(text)

    def container_reported(self, tree: str, number: int | None) -> None:
        """What that container runs."""
        self.console.note(f"the new container reports {_named(tree, number)}")

    def failed(self, text: str, details: Sequence[str]) -> None:
        """Why a push is not proven."""
        self.console.warn(f"not proven: {text}")
        for line in details:
            self.console.note(f"    {line}")


@dataclass(frozen=True, slots=True)
class ScreenView:
    """One screen of the terminal."""

    screen: DevScreen

    def note(self, text: str) -> None:
        """One line about the session."""
        self.screen.message(text)

    def log(self, line: str) -> None:
        """A line of the app's log."""
        self.screen.log(line)

    def saved(self, paths: Sequence[str]) -> None:
        """What was saved."""
        self.screen.runs(f"saved: {', '.join(paths[:3])}", "yellow")

    def refused(self, findings: Sequence[Finding]) -> None:
        """Why nothing is delivered."""
        self.screen.runs(f"not delivered: {placed(findings[0])}", "red")
        for one in findings[1:]:
            self.screen.message(placed(one))

    def pushed(self, push: Pushed) -> None:
        """What runs now."""
        text = f"{push.tree.removeprefix('sha256:')[:12]} runs: {push.way} in {push.seconds * 1000:.0f} ms"
        self.screen.runs(text, "green", [(step.name, step.seconds) for step in push.steps])
        self.screen.message(f"{push.number}: {push.reason}")

    def overtaken(self, number: int) -> None:
        """A newer save is next."""
        self.screen.message(f"{number}: overtaken by a newer save")

    def unchanged(self, tree: str) -> None:
        """Nothing was to do."""
        self.screen.runs(f"{tree.removeprefix('sha256:')[:12]} runs: nothing changed", "green")

    def container_changed(self, text: str) -> None:
        """Another program started a container."""
        self.screen.runs(text, "yellow")

    def container_reported(self, tree: str, number: int | None) -> None:
        """What that container runs."""
        self.screen.runs(f"{_named(tree, number)} runs in a new container", "green")

    def failed(self, text: str, details: Sequence[str]) -> None:
        """Why a push is not proven."""
        self.screen.runs(f"not proven: {text}", "red")
        for line in details[-3:]:
            self.screen.message(line)


@dataclass(frozen=True, slots=True)
class JsonView:
    """Events for editors: each has `event` and what belongs to it."""

    console: Console

    def note(self, text: str) -> None:
        """One line about the session."""
        self._tell("note", text=text)

    def log(self, line: str) -> None:
        """A line of the app's log."""
        self._tell("log", line=line)

    def saved(self, paths: Sequence[str]) -> None:
        """What was saved."""
        self._tell("saved", paths=list(paths))

    def refused(self, findings: Sequence[Finding]) -> None:
        """Why nothing is delivered."""
        rows = [{"path": f.path, "line": f.line, "code": f.code, "message": f.message} for f in findings]
        self._tell("refused", findings=rows)

    def pushed(self, push: Pushed) -> None:
        """What runs now."""
        self._tell("live", **asdict(push))

    def overtaken(self, number: int) -> None:
        """A newer save is next."""
        self._tell("overtaken", number=number)

    def unchanged(self, tree: str) -> None:
        """Nothing was to do."""
        self._tell("unchanged", tree=tree)

    def container_changed(self, text: str) -> None:
        """Another program started a container."""
        self.note(text)

    def container_reported(self, tree: str, number: int | None) -> None:
        """What that container runs."""
        self._tell("restarted", tree=tree, number=number)

    def failed(self, text: str, details: Sequence[str]) -> None:
        """Why a push is not proven."""
        self._tell("failed", text=text, details=list(details))

    def _tell(self, event: str, **values: object) -> None:
        self.console.raw(json.dumps({"event": event, **values}))
