"""The emergency stop's latch: in memory at once, on disk so that it survives a restart."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

from bb8_core.atomic_files import write_atomically

SAVE_AGAIN_S = 5.0
"""A latch that could not be saved because the disk is full is tried again this often."""
_BYTES = {True: b'{"estop": true }', False: b'{"estop": false}'}
"""Both equally long: a file of this length can be overwritten on a full disk."""

_log = logging.getLogger("bb8.estop")


class EstopLatch:
    """Latched or not. A file that cannot be read counts as latched: motion has to be allowed explicitly."""

    def __init__(self, path: Path) -> None:
        """Read the file; a missing one means not latched."""
        self._path = path
        self.latched = _read(path)
        self._saved: bool | None = self.latched if path.exists() else None
        self._failed = False

    @property
    def unsaved(self) -> bool:
        """Whether a restart would find another value, or no file."""
        return self._saved is not self.latched

    def set(self) -> None:
        """Latch in memory; `save` makes it last."""
        self.latched = True

    def clear(self) -> None:
        """Clear in memory; `save` makes it last."""
        self.latched = False

    def save(self) -> bool:
        """Write the present value to disk; slow, so never on the event loop. False if it failed."""
        value = self.latched
        try:
            self._write(value)
        except OSError as error:
            if not self._failed:
                _log.error("cannot save the emergency stop, trying again: %s", error)
            self._failed = True
            return False
        self._saved, self._failed = value, False
        return True

    def _write(self, value: bool) -> None:
        """Replace the file, or else overwrite it in place, which needs no space."""
        try:
            write_atomically(self._path, _BYTES[value])
        except OSError:
            _overwrite(self._path, _BYTES[value])


class Keeper:
    """Saves a latch, again and again until it lasts. Belongs to the event loop."""

    def __init__(self, latch: EstopLatch, save: Callable[[Callable[[], object]], None]) -> None:
        """Keep `latch`; `save` runs a slow file operation outside of the event loop."""
        self._latch = latch
        self._save = save
        self._running = False
        self._waiting: list[Callable[[bool], None]] = []

    def save(self, on_saved: Callable[[bool], None] | None = None) -> None:
        """Save it if it is not saved; `on_saved` gets whether the present value will survive a restart."""
        if on_saved is not None:
            self._waiting.append(on_saved)
        if self._running:
            return
        if not self._latch.unsaved:
            self._tell(True)
            return
        self._running = True
        loop = asyncio.get_running_loop()
        self._save(lambda: self._work(loop))

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the disk's thread; when the app ends, the loop may be gone already."""
        saved = self._latch.save()
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._worked, saved)

    def _worked(self, saved: bool) -> None:
        self._running = False
        if saved:
            self.save()  # the value may have changed meanwhile
            return
        self._tell(False)
        asyncio.get_running_loop().call_later(SAVE_AGAIN_S, self.save)

    def _tell(self, saved: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for on_saved in waiting:
            on_saved(saved)


def _overwrite(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        if len(file.read()) != len(data):
            raise OSError(f"{path.name} has another length")
        file.seek(0)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bool:
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError):
        _log.warning("cannot read the state of the emergency stop: it counts as latched until cleared")
        return True
    return not (isinstance(value, dict) and value.get("estop") is False)
