"""The cache folder: virtual environments, image layers, the sandbox's host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bb8deploy.base.errors import Code, UsageError


def cache_dir(*parts: str) -> Path:
    """A folder below `BB8DEPLOY_CACHE`, or below the user's cache folder; created with mode 0700.

    Raises UsageError CACHE_UNWRITABLE if it cannot be created or written.
    """
    base = os.environ.get("BB8DEPLOY_CACHE")
    folder = (Path(base) if base else _user_cache()).joinpath(*parts)
    with cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "no permission to write there", str(folder))
    return folder


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Raises UsageError CACHE_UNWRITABLE for every OSError inside, such as no permission or no space."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            Code("CACHE_UNWRITABLE"),  # base is below the catalogue
            f"the cache folder {folder} cannot be written: {error.strerror or error}",
            "Set BB8DEPLOY_CACHE to a folder that you can write to.",
        ) from error


def _user_cache() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("bb8deploy", appauthor=False)
