"""The YAML loader of the project: safe, and written in C if PyYAML was built with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 64
"""libyaml takes minutes for thousands of nested brackets."""


def safe_loader() -> type[yaml.CSafeLoader | yaml.SafeLoader]:
    """The class for `yaml.load`, `yaml.compose` and `yaml.parse`."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(text: str | bytes, loader: type[Any] | None = None) -> object:
    """One document, read as the Supervisor reads it. `loader` may be a subclass of `safe_loader()`.

    `yaml.safe_load` would use the loader written in Python, which refuses texts such as `{a: str?}` that
    the one in C accepts. Raises yaml.YAMLError, also for a text that nests too deeply.
    """
    import yaml

    chosen = loader or safe_loader()
    for _ in events(text, chosen):  # refuses a depth that would end the process
        pass
    return yaml.load(text, chosen)  # noqa: S506 - a safe loader, in C if there is one


def events(text: str | bytes, loader: type[Any] | None = None) -> Iterator[tuple[int, yaml.Event]]:
    """The events of a text, each with the number of collections that it is in; nothing is built of it.

    Raises yaml.YAMLError, also below MAX_DEPTH levels, where libyaml's composer would end the process.
    """
    import yaml

    depth = 0
    for event in yaml.parse(text, loader or safe_loader()):
        yield depth, event
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problem = f"it nests deeper than {MAX_DEPTH} levels"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark", event.start_mark))
