"""What a container or a RUN step started ends with it, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

import pytest

from ha_sandbox.runtime import bubblewrap

NET_BIND_SERVICE = 10


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


def test_a_container_of_a_user_other_than_root_can_open_port_80() -> None:
    """The runtime opens the ports of `supervisor` and Core inside, as Docker allows a container."""
    bwrap = shutil.which("bwrap")
    if bwrap is None or _status_inside([bwrap, "--unshare-user", "--unshare-net"]).returncode:
        pytest.skip("SKIPPED: bubblewrap is missing or not allowed")
    run = _status_inside([bwrap, *bubblewrap.NAMESPACES, "--unshare-net"])
    assert int(run.stdout.partition("CapEff:")[2].split()[0], 16) >> NET_BIND_SERVICE & 1, run.stderr


def _status_inside(bwrap: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Runs `cat /proc/self/status` in namespaces, as nobody if the tests run as root."""
    argv = [*bwrap, "--ro-bind", "/", "/", "--proc", "/proc", "/bin/cat", "/proc/self/status"]
    user = 65534 if os.geteuid() == 0 else None
    return subprocess.run(argv, user=user, cwd="/", capture_output=True, text=True, check=False)
