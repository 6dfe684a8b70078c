"""Signals reach an app behind the launcher as they do without it, and it ends with the same exit code."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ops.lab.engine import Engine
from tests.e2e import shapelab, shapes
from tests.e2e.shapes import Shape

SIGNALS = ("HUP", "INT", "QUIT", "USR1", "WINCH", "TERM")
TICKS = 3
# Reports each signal that it gets, and the dispositions that it was started with; TERM ends it. A signal that
# was ignored when a shell started cannot be trapped by it (POSIX, trap).
PROBE = """#!/bin/sh
grep -E '^Sig(Ign|Blk)' /proc/self/status
for name in HUP INT QUIT USR1 WINCH; do trap "echo got $name" $name; done
trap 'echo got TERM; exit 7' TERM
n=0
while :; do n=$((n + 1)); echo "tick $n"; sleep 0.1; done
"""
ENTRIES = {
    "shell script": 'ENTRYPOINT ["/probe.sh"]',
    "another program": 'ENTRYPOINT ["grep", "-E", "^Sig(Ign|Blk)", "/proc/self/status"]',
    "not there": 'ENTRYPOINT ["/not/there"]',
    "killed by itself": 'ENTRYPOINT ["sh", "-c", "sh -c \'kill -TERM $$\'; exit $?"]',
}

NOT_STARTED = "not there"
"""Docker itself writes no line for this; the launcher's shell does."""
TRAPS = "shell script"


def log_of(docker: Engine, name: str) -> list[str]:
    return docker.docker("logs", name, check=False).splitlines()


def runs(docker: Engine, name: str) -> bool:
    return docker.docker("inspect", "-f", "{{.State.Status}}", name).strip() == "running"


def ticks(docker: Engine, name: str) -> int:
    return sum(line.startswith("tick") for line in log_of(docker, name))


def wait_for_ticks(docker: Engine, name: str) -> None:
    """Waits until the probe has been through its loop some more, or has ended."""
    begun, end = ticks(docker, name), time.monotonic() + 60
    while ticks(docker, name) < begun + TICKS and runs(docker, name):
        assert time.monotonic() < end
        time.sleep(0.05)


def observe(docker: Engine, image: str) -> tuple[list[str], str]:
    """What a container prints when it gets each signal in turn, without ticks, and its exit code."""
    name = f"signals-{time.time_ns()}"
    docker.docker("run", "--detach", "--network=host", f"--name={name}", image, check=False)
    try:
        for signal in SIGNALS:
            wait_for_ticks(docker, name)
            docker.docker("kill", f"--signal={signal}", name, check=False)
        if runs(docker, name):
            docker.docker("wait", name, timeout_s=60)
        code = docker.docker("inspect", "-f", "{{.State.ExitCode}}", name).strip()
        return [line for line in log_of(docker, name) if not line.startswith(("tick", "IDENTITY "))], code
    finally:
        docker.docker("rm", "--force", name, check=False)


def built(docker: Engine, folder: Path, base: str, entry: str, tag: str) -> Iterator[str]:
    """The image as it is, then sealed."""
    dockerfile = f"FROM {base}\nCOPY probe.sh /probe.sh\nRUN chmod 0755 /probe.sh\n{entry}\n"
    shapelab.write(Shape(tag, dockerfile, {"probe.sh": PROBE}), folder)
    for kind in ("plain", "sealed"):
        if kind == "sealed":
            shapelab.seal(folder)
        shapelab.build(docker, folder, f"{kind}-{tag}")
        yield f"{kind}-{tag}"


@pytest.mark.parametrize("base", [shapes.ALPINE, shapes.DEBIAN])
@pytest.mark.parametrize("entry", ENTRIES)
def test_signals_and_exit_codes_are_those_of_the_app_without_the_launcher(
    lab: Engine, tmp_path: Path, base: str, entry: str
) -> None:
    tag = f"signals-{base.partition(':')[0]}-{entry.replace(' ', '-')}"
    seen = [observe(lab, image) for image in built(lab, tmp_path, base, ENTRIES[entry], tag)]
    (plain, plain_code), (sealed, sealed_code) = seen
    assert plain_code == sealed_code
    if entry != NOT_STARTED:
        assert plain == sealed
    if entry == TRAPS:
        assert [line for line in plain if line.startswith("got")][-1] == "got TERM"
