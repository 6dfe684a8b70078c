"""After a failed deploy, `diagnose` names that run's own error and the command that continues it."""

from __future__ import annotations

import pytest
from tests.integration.deploylab import Lab, config
from tests.integration.diagnose.conftest import look

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.diagnose.check_result import CheckLevel


def test_the_error_of_the_newest_run_is_a_finding_until_a_run_succeeds(lab: Lab) -> None:
    lab.deploy()
    works = (lab.addon / "run.sh").read_text()
    assert "last run" not in look(lab).subjects()
    lab.write(config=config("1.0.1"), run_sh="#!/bin/sh\necho out of order\nexit 3\n")
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    for _ in range(2):  # a diagnosis is no run that hides the failed one
        found = look(lab).named("last run", "error")
        assert (found.level, found.code) == (CheckLevel.WARN, caught.value.code)
        assert found.seen.partition(": ")[2] in caught.value.cause
        assert found.remedy.startswith(caught.value.remedy)
        assert "`bb8deploy deploy --resume`" in found.remedy
    lab.write(run_sh=works)
    lab.deploy()
    assert "last run" not in look(lab).subjects()
