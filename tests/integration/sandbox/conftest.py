"""One running sandbox for the tests of this folder, and a small app for it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ha_sandbox import Sandbox
from ha_sandbox.supervisor.images import machine_arch

CONFIG = """name: Probe
version: "1.0.0"
slug: beep_boop_bb8
description: a probe
arch: [{arch}]
services: ["mqtt:want"]
options: {{word: hello}}
schema: {{word: str}}
"""
DOCKERFILE = """FROM probe
COPY services.d /etc/services.d
COPY run.sh /usr/src/app/run.sh
RUN chmod 0755 /usr/src/app/run.sh /etc/services.d/*/*
"""
RUN = """#!/usr/bin/with-contenv bash
exec bash /usr/src/app/run.sh
"""
RUN_SH = """#!/usr/bin/env bash
echo "probe runs"
cat "${BB8_OPTIONS:-/data/options.json}"; echo
[ -n "$SUPERVISOR_TOKEN" ] && echo "has token"
exec sleep infinity
"""


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the tests of one file."""
    with Sandbox(tmp_path_factory.mktemp("host")) as made:
        yield made


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """The source tree of the probe app."""
    tree = tmp_path / "probe"
    (tree / "services.d" / "main").mkdir(parents=True)
    (tree / "config.yaml").write_text(CONFIG.format(arch=machine_arch()))
    (tree / "Dockerfile").write_text(DOCKERFILE)
    (tree / "services.d" / "main" / "run").write_text(RUN)
    (tree / "run.sh").write_text(RUN_SH)
    for path in (tree / "run.sh", tree / "services.d" / "main" / "run"):
        path.chmod(0o755)
    return tree


class Ssh:
    """The system's own ssh client, against the sandbox."""

    def __init__(self, box: Sandbox) -> None:
        settings = box.env()
        login, port = settings["HA_SSH_HOST_ALIAS"].split(":")
        known = f"UserKnownHostsFile={settings['HA_SSH_KNOWN_HOSTS']}"
        options = ["-F", "none", "-o", "BatchMode=yes", "-o", known, "-o", "StrictHostKeyChecking=yes"]
        self.argv = ["ssh", *options, "-p", port, "-i", settings["HA_SSH_KEY"], login]

    def __call__(self, command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environment = {k: v for k, v in os.environ.items() if k != "SSH_AUTH_SOCK"}
        return subprocess.run(
            [*self.argv, command], input=stdin, capture_output=True, timeout=60, env=environment
        )


@pytest.fixture
def ssh(box: Sandbox) -> Ssh:
    """A way to run commands on the host."""
    if shutil.which("ssh") is None:
        pytest.skip("SKIPPED: no ssh client on this machine")
    return Ssh(box)
