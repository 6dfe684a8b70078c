"""How many examples the property tests try: few for each run, many more with BB8_TEST_DEPTH=20."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

DEPTH = int(os.environ.get("BB8_TEST_DEPTH", "1"))


def examples(number: int) -> settings:
    """Settings for a property that tries `number` examples, times the depth asked for."""
    return settings(max_examples=number * DEPTH, deadline=None, suppress_health_check=list(HealthCheck))
