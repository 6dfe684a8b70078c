"""What a container or a RUN step started ends with it, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ha_sandbox.runtime import bubblewrap


@pytest.mark.parametrize("reaped", [False, True])
def test_the_number_of_a_reaped_process_is_not_used(reaped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    if reaped:
        process.wait()
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _number: killed.append(group))
    bubblewrap.kill(process)
    process.wait()
    assert killed == ([] if reaped else [process.pid])
