"""Watches an open link: probes a quiet one, and ends an idle one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bb8_core.link.command_channel import Channel
from bb8_core.link.connection_states import Cause

LIVENESS_S = 20.0
"""A robot that was silent so long is asked for a sign of life, without keeping it awake."""


async def watch(channel: Channel, idle_at: Callable[[], float]) -> Cause:
    """Return why the link should end: IDLE at the time `idle_at()`, or NO_ANSWER; LinkError."""
    loop = asyncio.get_running_loop()
    while True:
        now = loop.time()
        probe_at = channel.last_answer + LIVENESS_S
        if now >= idle_at():
            return Cause.IDLE
        if now >= probe_at and not await channel.alive():
            return Cause.NO_ANSWER
        if now < probe_at:
            await asyncio.sleep(min(idle_at(), probe_at) - now + 0.001)
