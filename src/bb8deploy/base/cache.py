"""Where things that can be made again are kept between runs: virtual environments, lab images."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir(*parts: str) -> Path:
    """The folder for cached things, `BB8DEPLOY_CACHE` or the user's cache folder; created, mode 0700."""
    base = os.environ.get("BB8DEPLOY_CACHE")
    folder = Path(base) if base else _user_cache()
    folder = folder.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _user_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("bb8deploy", appauthor=False)
