"""What the property tests try: few examples for each run, many with BB8_TEST_DEPTH=20; any text."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

DEPTH = int(os.environ.get("BB8_TEST_DEPTH", "1"))


def examples(number: int) -> settings:
    """Settings for a property that tries `number` examples, times the depth asked for."""
    return settings(max_examples=number * DEPTH, deadline=None, suppress_health_check=list(HealthCheck))


def texts(max_size: int | None = None) -> st.SearchStrategy[str]:
    """Any text that can be encoded.

    Hypothesis asks the codec about each of 1.1 million characters when `st.text()` is first used: more than a
    second in each process. All characters but surrogates are the same set.
    """
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)
