"""The shared byte vectors, where the folder that holds them is at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PLACE = Path(__file__).resolve().parents[4] / "shared" / "vectors" / "bb8_vectors.json"


def load(section: str) -> list[Any]:
    """Return one pytest parameter per vector, or one that skips with the reason."""
    if not PLACE.is_file():
        missing = pytest.mark.skip(reason="SKIPPED: ../shared/vectors is not here")
        return [pytest.param(None, marks=missing, id="absent")]
    return [pytest.param(vector, id=vector["name"]) for vector in json.loads(PLACE.read_text())[section]]
