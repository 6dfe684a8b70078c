"""The shells that an app's host may have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.unit.host.localhost import SHELLS, LocalTransport, local_transport


@pytest.fixture(params=SHELLS)
def transport(request: pytest.FixtureRequest) -> Iterator[LocalTransport]:
    """This machine, under each shell in turn."""
    with local_transport(request.param) as made:
        yield made
