"""A Progress for tests that look at something else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Silent:
    """A Progress for nobody."""

    @contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        yield

    def note(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...
