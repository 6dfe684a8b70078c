"""Runs a story on a rig of its own, in no time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.addon.rig import Rig
from tests.addon.virtual import run_virtually

Story = Callable[[Rig], Awaitable[None]]


def play(tmp_path: Path, story: Story, **how: Any) -> None:
    """Set the rig up, run the story, and end the rig in order."""

    async def whole() -> None:
        rig = Rig(tmp_path, **how)
        try:
            await story(rig)
        finally:
            await rig.close()

    run_virtually(whole())
