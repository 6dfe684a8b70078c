"""The emergency stop's latch: in memory at once, on disk so that it survives a restart."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path

from bb8_core.files import write_atomically

SAVE_AGAIN_S = 5.0
"""A latch that could not be saved, for the disk is full, is tried again this often."""

_log = logging.getLogger("bb8.estop")


class EstopLatch:
    """Latched or not. A file that cannot be read counts as latched: motion has to prove itself."""

    def __init__(self, path: Path) -> None:
        """Read the file; a missing one means not latched."""
        self._path = path
        self.latched = _read(path)
        self._lasting = self.latched
        self._failed = False

    @property
    def unsaved(self) -> bool:
        """Whether a restart would find another value."""
        return self._lasting != self.latched

    def set(self) -> None:
        """Latch in memory; `save` makes it last."""
        self.latched = True

    def clear(self) -> None:
        """Lift in memory; `save` makes it last."""
        self.latched = False

    def save(self) -> bool:
        """Write the present value to disk; slow, so never on the event loop. False if it failed."""
        value = self.latched
        try:
            write_atomically(self._path, {"estop": value})
        except OSError as error:
            if not self._failed:
                _log.error("the emergency stop's state could not be saved, it is tried again: %s", error)
            self._failed = True
            return False
        self._lasting, self._failed = value, False
        return True


class Keeper:
    """Has a latch saved, again and again until it lasts. Belongs to the event loop."""

    def __init__(self, latch: EstopLatch, save: Callable[[Callable[[], object]], None]) -> None:
        """Keep `latch`; `save` runs a slow file operation outside of the event loop."""
        self._latch = latch
        self._save = save
        self._next_look: asyncio.TimerHandle | None = None

    def save(self) -> None:
        """Have it saved, and look after a while whether it was."""
        self._save(self._latch.save)
        if self._next_look is not None:
            self._next_look.cancel()
        self._next_look = asyncio.get_running_loop().call_later(SAVE_AGAIN_S, self.save_again)

    def save_again(self) -> None:
        """Have it saved if it is not."""
        if self._latch.unsaved:
            self.save()


def _read(path: Path) -> bool:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError):
        _log.warning("the emergency stop's state is unreadable: it counts as latched until cleared")
        return True
    return not (isinstance(value, dict) and value.get("estop") is False)
