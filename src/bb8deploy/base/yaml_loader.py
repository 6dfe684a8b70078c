"""The YAML loader of the project: safe, and written in C if PyYAML was built with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 64


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
    _refuse_depth(text, chosen)
    return yaml.load(text, chosen)  # noqa: S506 - a safe loader, in C if there is one


def _refuse_depth(text: str | bytes, loader: type[Any]) -> None:
    """Raises MarkedYAMLError below MAX_DEPTH levels, where libyaml's composer would end the process."""
    import yaml

    depth = 0
    for event in yaml.parse(text, loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problem = f"it nests deeper than {MAX_DEPTH} levels"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=cast("yaml.Mark", event.start_mark))
