"""A sandbox as the host, a fresh clone as the workspace, and `bb8deploy init` between them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.small_addon import DOCKERFILE, RUN_SH

from ha_sandbox import LocalApp, Sandbox

CONFIG = """name: Beep
version: "1.0.0"
slug: beep_boop_bb8
description: x
arch: [amd64, aarch64]
init: false
options: {}
schema: {}
"""


@dataclass(frozen=True)
class Clone:
    """A workspace that was just cloned: nothing of it is set up."""

    root: Path
    home: Path

    @property
    def known_hosts(self) -> Path:
        return self.home / "known_hosts"

    @property
    def env_file(self) -> Path:
        return self.root / ".env"

    def environment(self, **extra: str) -> dict[str, str]:
        """The environment of a command, without any setting of the machine that runs the tests.

        ssh takes the home folder from the password file and not from HOME, so known_hosts is named.
        """
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8", "TERM": "dumb"}
        return {**plain, "HA_SSH_KNOWN_HOSTS": str(self.known_hosts), **extra}

    def run(self, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bb8deploy", *words], cwd=self.root, env=self.environment(**extra),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.root), *words], capture_output=True, text=True, check=True,
            env={**self.environment(), "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        )  # fmt: skip
        return done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    root, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    for name, text in {"config.yaml": CONFIG, "Dockerfile": DOCKERFILE, "run.sh": RUN_SH}.items():
        file = root / "addon" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "addon" / "run.sh").chmod(0o755)
    made = Clone(root, home)
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", "Start")
    return made


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One host for a module; a broken part would show in every test."""
    with Sandbox(tmp_path_factory.mktemp("host"), app=LocalApp.named("beep_boop_bb8")) as sandbox:
        yield sandbox
