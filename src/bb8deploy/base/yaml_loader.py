"""The YAML loader of the project: safe, and written in C if PyYAML was built with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import yaml


def safe_loader() -> type[yaml.CSafeLoader | yaml.SafeLoader]:
    """The class for `yaml.load`, `yaml.compose` and `yaml.parse`."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
