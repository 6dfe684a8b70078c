"""Starts an app and waits until it meets all conditions, or says in one error which one it does not meet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from bb8deploy.catalogue.errors.tool import SANDBOX_APP_NOT_UP
from ha_sandbox.run.conditions import Condition, Kind
from ha_sandbox.run.probe import SETTLE, Probe, listening
from ha_sandbox.sandbox import Sandbox

_TAIL = 25  # lines
_POLL = 0.1  # seconds
Step = Callable[[str], AbstractContextManager[None]]
"""Shows a step of the run while it lasts."""


def wait_until_up(
    box: Sandbox, conditions: Sequence[Condition], seconds: float, start: Callable[[], None], step: Step
) -> None:
    """Starts the app with `start`; each condition has to be met within `seconds` from then on.

    Raises CheckFailed SANDBOX_APP_NOT_UP, with the end of its log, if it ends or if the time has passed.
    """
    topics = [condition.what for condition in conditions if condition.kind is Kind.TOPIC]
    with listening(box, topics) as heard:
        start()
        probe, end = Probe(box, heard), time.monotonic() + max(seconds, SETTLE)
        for condition in conditions:
            with step(f"wait for {condition}"):
                _await(probe, condition, seconds, end)


def _await(probe: Probe, condition: Condition, seconds: float, end: float) -> None:
    while True:
        last = time.monotonic() > end  # before the look: what is true by then counts
        problem = probe.problem(condition)
        if not problem:
            return
        state = str(probe.app.state) if probe.app else "unknown"
        if state in {"error", "stopped"}:
            raise SANDBOX_APP_NOT_UP("the app ended before it was up", details=_tail(probe))
        if last:
            raise SANDBOX_APP_NOT_UP(
                f"the app was not up within {seconds:g} s: {problem}", details=_tail(probe)
            )
        time.sleep(_POLL)


def _tail(probe: Probe) -> list[str]:
    return probe.log(_TAIL).splitlines() or ["(the app's log is empty)"]
