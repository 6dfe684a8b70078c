"""An embedded host with the app deployed, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, env_file, open_lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A sandbox over ssh, with the app deployed once."""
    with open_lab(tmp_path) as made:
        made.deploy()
        env_file(made)
        yield made
