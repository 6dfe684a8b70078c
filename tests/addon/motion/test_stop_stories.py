"""A robot that should stop, stops: stories with frozen processes, lost writes and slow robots.

BB8_STOP_STORIES=20000 plays 20,000 stories instead of 320; .ci/run does so. BB8_STOP_SEED=71000000 plays
others. Lane 1 runs these tests with coverage, in which a story takes three times as long as without.
"""

from __future__ import annotations

import logging
import os

import pytest
from tests.addon.motion.stop_stories import CHAPTER, play_chapters

PARTS = 8
STORIES = int(os.environ.get("BB8_STOP_STORIES", "320"))
FIRST_SEED = int(os.environ.get("BB8_STOP_SEED", "0"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_last_word_after_any_stop_is_a_stop_whatever_goes_wrong(part: int) -> None:
    chapters = -(-STORIES // (PARTS * CHAPTER))
    logging.disable(logging.CRITICAL)
    try:
        assert play_chapters(FIRST_SEED + part * 1_000_000, chapters) >= STORIES // PARTS
    finally:
        logging.disable(logging.NOTSET)
