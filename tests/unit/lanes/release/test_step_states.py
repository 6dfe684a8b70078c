"""What a step's row shows if its first lines cannot be written."""

from __future__ import annotations

import errno
from typing import NoReturn, cast

import pytest

from bb8deploy.lanes.release import step_states
from bb8deploy.lanes.release.outcome import ReleaseOutcome
from bb8deploy.lanes.release.step_states import Steps
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.plan.release.release_states import StepState
from bb8deploy.runs.run import Run


def full(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_step_whose_start_cannot_be_written_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The release contract has no word for a step that is still running at the end."""
    monkeypatch.setattr(step_states, "forget_tokens", full)
    release = Steps(cast(Run, None), ReleaseOutcome("patch", "1.0.0", "1.0.1"), {})
    with pytest.raises(OSError, match="No space left"), release.running(Name.DEPLOY):
        pytest.fail("the step must not run")
    assert release.row(Name.DEPLOY).state == StepState.FAILED
