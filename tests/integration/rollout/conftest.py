"""An embedded host and a workspace for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, open_lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A sandbox that has never seen the app, over ssh."""
    with open_lab(tmp_path) as made:
        yield made
