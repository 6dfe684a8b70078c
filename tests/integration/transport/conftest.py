"""A real OpenSSH server on loopback with a private configuration, one for the whole session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.sshlab import Sshd, start_sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """The server that most tests share."""
    with start_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def make_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    """Starts further servers with options of their own; all end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        counter = iter(range(100))

        def make(**options: object) -> Sshd:
            folder = tmp_path / f"sshd{next(counter)}"
            folder.mkdir()
            return stack.enter_context(start_sshd(folder, **options))  # type: ignore[arg-type]

        yield make
