"""The interface of a guard, and a guard that does nothing, for robots that need none."""

from __future__ import annotations

from typing import Protocol


class Guardian(Protocol):
    """Something outside of the event loop that can end the link."""

    @property
    def armed(self) -> bool:
        """Whether it would end the link that is open now if this process died or froze."""

    def watch(self, path: str) -> None:
        """A link is open; `path` is BlueZ's object path of the device, empty if unknown."""

    def forget(self) -> None:
        """The link is closed."""

    def cut(self) -> None:
        """The link may still be open and nothing else can end it: end it now."""

    def moving(self, moves: bool) -> None:
        """The robot may move, or it stands: it has answered a stop."""

    def beat(self) -> None:
        """This process is alive; called every 0.1 s by the event loop."""


class SameFate:
    """For a robot that lives in this very process, as the simulated one does: it ends with it."""

    armed = True

    def watch(self, path: str) -> None:
        """Nothing to do."""

    def forget(self) -> None:
        """Nothing to do."""

    def cut(self) -> None:
        """Nothing to do."""

    def moving(self, moves: bool) -> None:
        """Nothing to do."""

    def beat(self) -> None:
        """Nothing to do."""
