"""Replaces attributes of the product for as long as a block lasts, without the cost of mock's patchers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Swap = tuple[object, str, Any]
"""The owner of an attribute, its name, and what stands there for now."""


@contextlib.contextmanager
def swapped(swaps: Sequence[Swap]) -> Iterator[None]:
    """The attributes have other values inside the block."""
    before = [(owner, name, _own(owner, name)) for owner, name, _ in swaps]
    try:
        for owner, name, new in swaps:
            setattr(owner, name, new)
        yield
    finally:
        for owner, name, old in reversed(before):
            setattr(owner, name, old)


def _own(owner: object, name: str) -> Any:
    """The attribute as the owner has it: a class method is not bound."""
    return vars(owner)[name]


def everywhere(wanted: Any) -> list[tuple[object, str]]:
    """Each module of the product, loaded by now, that has this object, with the name that it has there."""
    modules = [module for name, module in sys.modules.items() if name.startswith("bb8deploy.")]
    return [(module, name) for module in modules for name, found in vars(module).items() if found is wanted]


def once(function: Callable[..., Any], key: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, called once for each key of its arguments."""
    known: dict[Any, Any] = {}

    def answer(*args: Any, **kw: Any) -> Any:
        asked = key(*args, **kw)
        if asked not in known:
            known[asked] = function(*args, **kw)
        return known[asked]

    return answer
