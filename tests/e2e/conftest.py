"""Labs of the end-to-end tests: each starts once, and a lab that cannot start says SKIPPED and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from ops.lab.engine import Engine, engine
from ops.lab.errors import LabUnavailable
from tests.e2e import shapelab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def docker() -> Iterator[Engine]:
    with ExitStack() as stack:
        try:
            running = stack.enter_context(engine())
        except LabUnavailable as reason:
            pytest.skip(f"SKIPPED: {reason}")
        yield running


@pytest.fixture(scope="module")
def lab(docker: Engine) -> Engine:
    """The lab's engine with the bases of the shapes."""
    try:
        shapelab.import_bases(docker)
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    return docker
