"""Gives every test here a desk of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.desk import Desk, isolate_git, make_desk


@pytest.fixture(autouse=True)
def _own_git_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate_git(tmp_path, monkeypatch)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A committed workspace and an empty bare repository."""
    return make_desk(tmp_path)
