"""A Docker engine of the lab's own: private data root, socket and network, gone when the test is over."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.lab.errors import LabUnavailable

START_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A running dockerd, reached through its own socket."""

    client: str
    socket: Path

    def docker(self, *arguments: str, timeout_s: float = 300, check: bool = True) -> str:
        """Run one docker command; returns its output, RuntimeError with its words when it fails."""
        environment = {**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}
        done = subprocess.run(
            [self.client, "--host", f"unix://{self.socket}", *arguments],
            check=False,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"docker {arguments[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout + done.stderr


def _client() -> str:
    """Debian's client first: it has BuildKit built in, others on PATH may lack the buildx plugin."""
    for candidate in ("/usr/bin/docker", shutil.which("docker") or ""):
        if candidate and Path(candidate).exists():
            return candidate
    raise LabUnavailable("docker is not installed")


@contextmanager
def engine() -> Iterator[Engine]:
    """Start dockerd, give it, and stop it with all that it holds; LabUnavailable if it cannot run."""
    daemon = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if os.geteuid() != 0:
        raise LabUnavailable("starting dockerd needs root")
    if daemon is None:
        raise LabUnavailable("dockerd is not installed")
    folder = Path(tempfile.mkdtemp(prefix="bb8-docker-"))
    running = Engine(_client(), folder / "docker.sock")
    with (folder / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(_command(daemon, folder), stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(running, process, folder / "dockerd.log")
        yield running
    finally:
        _stop(running, process)
        shutil.rmtree(folder, ignore_errors=True)


def _command(daemon: str, folder: Path) -> list[str]:
    # Containers and builds use the host's network, so the engine needs no bridge and touches no firewall.
    return [
        daemon,
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'docker.pid'}",
        f"--host=unix://{folder / 'docker.sock'}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--shutdown-timeout=5",
    ]


def _wait(running: Engine, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            words = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise LabUnavailable(f"dockerd does not start here: {' '.join(words)[-300:]}")
        if running.socket.exists() and "Server Version" in running.docker("info", check=False):
            return
        time.sleep(0.2)
    process.kill()
    raise LabUnavailable(f"dockerd was not ready within {START_TIMEOUT_S:.0f} s")


def _stop(running: Engine, process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        left = running.docker("ps", "--all", "--quiet", check=False).split()
        if left:
            running.docker("rm", "--force", *left, check=False)
        process.terminate()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
