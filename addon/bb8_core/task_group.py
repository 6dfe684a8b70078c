"""Long-lived tasks that end together: if one of them ends by itself, so do the others, with an error."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


class TaskEnded(Exception):
    """A task that should run forever has ended without an error, or was cancelled from outside."""


async def run_together(**work: Coroutine[Any, Any, None]) -> None:
    """Run until cancelled. If one of them ends, cancel the others and raise its error or TaskEnded.

    asyncio.TaskGroup does not do this: it continues if a task was cancelled.
    """
    tasks = {asyncio.ensure_future(coroutine): name for name, coroutine in work.items()}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        error = None if task.cancelled() else task.exception()
        raise error or TaskEnded(f"the task {tasks[task]} has ended")
