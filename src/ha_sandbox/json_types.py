"""Names for values that come from or go to JSON and YAML, where nothing is known about their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
"""An object that is parsed from, or will be written as, JSON."""
Config: TypeAlias = Mapping[str, Any]
"""A validated config.yaml, read-only."""
