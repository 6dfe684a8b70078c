"""The record beside an app folder on a share: what the Supervisor has built, or that a tree was put back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.workspace.tree_digest import NO_RECORD, PutIn

BACK = "back-"


@dataclass(frozen=True, slots=True)
class PutInRecord:
    """The record in a state folder: the file `put_in`, or the name of an empty file for a tree put back.

    A full disk has room for a name, and a rollback there must be completed too if it is killed.
    """

    state: Path

    def read(self) -> PutIn:
        """The record, empty if there is none."""
        for path in self._backs():
            return PutIn(back=path.name.removeprefix(BACK))
        try:
            return PutIn.parse(self._file.read_bytes().decode(errors="replace"))
        except OSError:
            return NO_RECORD

    def write(self, record: PutIn) -> None:
        """Replaces the record; an empty one ends it. Raises OSError if the share fails."""
        for path in (self._file, *self._backs()):
            path.unlink(missing_ok=True)
        if record.back is not None:
            (self.state / f"{BACK}{record.back}").touch()
        elif record != NO_RECORD:
            self._file.write_text(f"{record}\n")

    @property
    def _file(self) -> Path:
        return self.state / "put_in"

    def _backs(self) -> Iterator[Path]:
        yield from sorted(self.state.glob(f"{BACK}*"))
