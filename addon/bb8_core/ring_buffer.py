"""A ring buffer with numbered entries, so that each reader gets only the new ones."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Ring(Generic[T]):
    """Keeps the newest items. One thread adds, any thread reads."""

    def __init__(self, size: int) -> None:
        """Keep at most `size` items."""
        self._items: deque[tuple[int, T]] = deque(maxlen=size)
        self.count = 0

    def add(self, item: T) -> None:
        """Add an item."""
        self.count += 1
        self._items.append((self.count, item))

    def clear(self) -> None:
        """Forget all items; the numbers go on."""
        self._items.clear()

    def since(self, number: int) -> list[tuple[int, T]]:
        """Return the items after this number, oldest first, each with its own."""
        return [entry for entry in list(self._items) if entry[0] > number]
