"""An embedded host and a workspace, for a client that has never deployed to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, env_file, open_lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A sandbox over ssh, and the settings of the workspace."""
    with open_lab(tmp_path) as made:
        env_file(made, MQTT_PASSWORD=PASSWORD)
        yield made


PASSWORD = "correct-horse-battery"
