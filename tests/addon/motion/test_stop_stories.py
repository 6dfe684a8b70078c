"""A robot that should stop, stops: thousands of stories with frozen processes, full disks and slow robots.

BB8_STOP_STORIES=20000 asks for another number of stories than 1,000; .ci/run does.
"""

from __future__ import annotations

import logging
import os

import pytest
from tests.addon.motion.stop_stories import CHAPTER, play_chapters

PARTS = 8
STORIES = int(os.environ.get("BB8_STOP_STORIES", "1000"))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("part", range(PARTS))
def test_the_last_word_after_any_stop_is_a_stop_whatever_goes_wrong(part: int) -> None:
    chapters = -(-STORIES // (PARTS * CHAPTER))
    logging.disable(logging.CRITICAL)
    try:
        assert play_chapters(part * 1_000_000, chapters) >= STORIES // PARTS
    finally:
        logging.disable(logging.NOTSET)
