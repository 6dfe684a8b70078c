"""Decides what it means if a connected robot lacks services: an outdated list, or another device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError


class ServiceCheck:
    """Clears a radio's list of a robot's services once; if some are missing again, it is not a BB-8."""

    def __init__(self) -> None:
        """Start with no list cleared."""
        self._cleared: set[str] = set()

    def cleared(self, address: str) -> bool:
        """Whether the list of the robot at `address` was cleared before."""
        return address in self._cleared

    async def require(
        self, address: str, missing: Sequence[str], clear: Callable[[], Awaitable[object]]
    ) -> None:
        """Raise LinkError if services are `missing`, and call `clear` the first time.

        The cause is STALE_SERVICES the first time, then NOT_A_BB8. An error of `clear` is raised instead.
        """
        if not missing:
            return
        first = not self.cleared(address)
        if first:
            self._cleared.add(address)
            await clear()
        raise LinkError(Cause.STALE_SERVICES if first else Cause.NOT_A_BB8, f"missing {', '.join(missing)}")
