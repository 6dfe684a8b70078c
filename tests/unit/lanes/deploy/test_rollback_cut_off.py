"""What a rollback advises that loses its host after the earlier tree went back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bb8deploy.base.errors import Unreachable
from bb8deploy.catalogue.errors.ssh import SSH_LOST
from bb8deploy.lanes.deploy import rollback
from bb8deploy.runs.journal import PUT_BACK, Journal


@pytest.mark.parametrize("put_back", [False, True])
def test_the_same_command_is_the_remedy_and_completes_what_went_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, put_back: bool
) -> None:
    run: Any = SimpleNamespace(journal=Journal(tmp_path / "journal.jsonl"))

    @contextmanager
    def chosen(*_: object) -> Iterator[tuple[object, None]]:
        yield SimpleNamespace(name="previous"), None

    def roll_back(*_: object, **_more: object) -> None:
        if put_back:
            run.journal.write(PUT_BACK, "done")
        raise SSH_LOST("the connection was lost")

    monkeypatch.setattr(rollback, "_chosen", chosen)
    monkeypatch.setattr(rollback, "roll_back", roll_back)
    with pytest.raises(Unreachable) as caught:
        rollback._to_earlier(run, SimpleNamespace())  # type: ignore[arg-type]
    assert "Run the same command again" in caught.value.remedy
    assert ("it completes this rollback" in caught.value.remedy) is put_back
