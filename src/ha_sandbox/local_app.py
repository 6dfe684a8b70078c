"""An app in the local root: its folder's name and its slug, read from its config file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.yaml_loader import load
from bb8deploy.catalogue.errors.tool import SANDBOX_NO_APP

_CONFIGS = ("config.yaml", "config.yml", "config.json")


@dataclass(frozen=True, slots=True)
class LocalApp:
    """An app of the local store: `folder` is its name in the local root, `slug` the full one (`local_x`)."""

    folder: str
    slug: str

    @classmethod
    def named(cls, slug: str) -> LocalApp:
        """The app with this slug in its config file."""
        return cls(slug, f"local_{slug}")

    @classmethod
    def read(cls, tree: Path) -> LocalApp:
        """The app whose files are in `tree`. Raises UsageError SANDBOX_NO_APP if there is no slug to read."""
        import yaml

        file = config_file(tree)
        try:
            config = load(file.read_bytes())
        except (OSError, yaml.YAMLError) as error:
            raise SANDBOX_NO_APP(f"{file} cannot be read: {error}") from error
        slug = config.get("slug") if isinstance(config, dict) else None
        if not isinstance(slug, str) or not slug or "/" in slug:
            raise SANDBOX_NO_APP(f"{file} has no slug")
        return cls.named(slug)


def config_file(tree: Path) -> Path:
    """The app's config file. Raises UsageError SANDBOX_NO_APP without one."""
    file = next((tree / name for name in _CONFIGS if (tree / name).is_file()), None)
    if file is None:
        raise SANDBOX_NO_APP(f"{tree} has no config.yaml, config.yml or config.json")
    return file
