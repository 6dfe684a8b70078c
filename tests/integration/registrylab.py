"""Debian's docker-registry on loopback, and tools that build images for it; skips where they cannot work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from ops.lab.engine import engine
from ops.lab.errors import LabUnavailable


def use_buildah(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets buildah work with storage of its own below `folder`, without a daemon."""
    storage = folder / "storage.conf"
    storage.write_text(f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n')
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(storage))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
    if not shutil.which("buildah"):
        pytest.skip("SKIPPED: buildah is not installed")
    tried = subprocess.run(["buildah", "from", "scratch"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"SKIPPED: buildah cannot work here: {tried.stderr.strip().splitlines()[-1:]}")


def use_docker(stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts a Docker engine of the test's own until `stack` is closed."""
    words = ["docker", "buildx", "version"]
    if not shutil.which("docker") or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("SKIPPED: docker has no buildx here")
    try:
        running = stack.enter_context(engine())
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{running.socket}")


@contextmanager
def open_registry(folder: Path) -> Iterator[str]:
    """`host:port` of an empty registry that ends with the block."""
    if not shutil.which("docker-registry"):
        pytest.skip("SKIPPED: docker-registry is not installed")
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: info}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n"
    )
    words = ["docker-registry", "serve", str(config)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stderr
        log = process.stderr
        try:
            at = next(found[1] for line in log if (found := re.search(r"listening on (127[0-9.:]+)", line)))
            # The registry stops in the middle of an answer once the pipe of its log is full.
            Thread(target=log.read, daemon=True).start()
            yield at
        finally:
            process.terminate()
