"""An embedded host, a workspace with a small app that reports its identity, and runs against both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.integration.small_addon import DOCKERFILE, RUN_SH

from bb8deploy.lanes.deploy.deploy import DeployOptions, DeployOutcome, deploy
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run, new_run_id
from bb8deploy.runs.tokens import Ledger
from bb8deploy.settings.load_settings import load
from ha_sandbox import LocalApp, Sandbox
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.runtime.process_runtime import runtime_for
from ha_sandbox.sandbox import OpenRuntime
from ha_sandbox.ssh import ssh_server

DEADLINE = 150
SLUG = "local_beep_boop_bb8"
VERSION = "1.0.0"
builds_fail = pytest.mark.skipif(
    not bubblewrap.allowed(),
    reason="SKIPPED: without user namespaces no RUN step is run, so that none can fail",
)


def config(version: str) -> str:
    """The app's config.yaml."""
    return (
        f'name: Beep\nversion: "{version}"\nslug: beep_boop_bb8\ndescription: x\narch: [amd64, aarch64]\n'
        "init: false\noptions: {}\nschema: {}\n"
    )


class Watcher:
    """Records what a lane tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str, where: str = "") -> AbstractContextManager[None]:
        self.lines.append(f"step {name}")
        return nullcontext()

    def note(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.lines.append(f"warning: {text}")


@dataclass
class Lab:
    """A workspace and the sandbox that it is deployed to; `commands` are those that ran there over ssh."""

    folder: Path
    box: Sandbox
    environ: dict[str, str]
    commands: list[str]
    runs: list[Run] = field(default_factory=list)

    @property
    def addon(self) -> Path:
        return self.folder / "addon"

    @property
    def watcher(self) -> Watcher:
        watcher = self.runs[-1].progress
        assert isinstance(watcher, Watcher)
        return watcher

    def write(self, **files: str) -> None:
        """Writes files of the app; `run_sh` is run.sh, `config` config.yaml."""
        names = {"run_sh": "run.sh", "config": "config.yaml", "dockerfile": "Dockerfile"}
        for name, text in files.items():
            path = self.addon / names.get(name, name)
            path.write_text(text)
            path.chmod(0o755 if path.suffix == ".sh" else 0o644)

    def run(self, *, target: str = "default", dry_run: bool = False, **flags: str) -> Run:
        """A fresh run with the sandbox's settings."""
        run_id, reports = new_run_id(), self.folder / "reports"
        settings = load(
            self.folder,
            target=target,
            environ={},
            flags={**self.environ, "BB8_SETTLE_SECONDS": "0.2", "BB8_BUILD_DEADLINE": "60", **flags},
        )
        ledger = Ledger(run_id, reports)
        run = Run(
            id=run_id,
            command="deploy",
            workspace=self.folder,
            addon=self.addon,
            settings=settings,
            reports=reports,
            ledger=ledger,
            journal=Journal(reports / "runs" / run_id / "journal.jsonl"),
            progress=Watcher(),
            dry_run=dry_run,
        )
        if not dry_run:
            ledger.begin("deploy")
        self.runs.append(run)
        return run

    def leave_ssh_for_the_mount(self) -> None:
        """Lets every further run reach the app folder through the mounted share, without ssh."""
        self.environ = {k: v for k, v in self.environ.items() if not k.startswith("HA_SSH")}
        self.environ |= self.box.mount_env()

    def deploy(self, options: DeployOptions | None = None, **flags: str) -> DeployOutcome:
        """Deploys with a fresh run."""
        return deploy(self.run(**flags), options)

    @property
    def tokens(self) -> list[str]:
        """What the newest run has earned."""
        return self.runs[-1].ledger.held()

    def lines(self) -> list[str]:
        """The newest run's receipt lines."""
        return [str(line) for line in self.runs[-1].ledger.lines]

    def state(self) -> dict[str, object]:
        """What the Supervisor says of the app."""
        data = self.box.call("GET", f"/addons/{SLUG}/info")
        assert isinstance(data, dict)
        return data

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words], capture_output=True, text=True, check=True, env=_GIT
        )
        return done.stdout.strip()


_GIT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@example.org",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@example.org",
}


@contextmanager
def open_lab(folder: Path, open_runtime: OpenRuntime = runtime_for) -> Iterator[Lab]:
    """A sandbox that has never seen the app, over ssh."""
    work = folder / "work"
    (work / "addon").mkdir(parents=True)
    with (
        pytest.MonkeyPatch.context() as patch,
        Sandbox(folder / "box", app=LocalApp.named("beep_boop_bb8"), open_runtime=open_runtime) as box,
    ):
        made = Lab(work, box, box.env(), record_commands(patch))
        made.write(config=config(VERSION), dockerfile=DOCKERFILE, run_sh=RUN_SH)
        made.git("init", "-q")
        (work / ".gitignore").write_text("reports/\n.env*\n")
        made.git("add", "-A")
        made.git("commit", "-q", "-m", "Begin")
        yield made


def record_commands(patch: pytest.MonkeyPatch) -> list[str]:
    """The commands that an ssh server of this process is given from here on."""
    commands: list[str] = []
    real = ssh_server._Connection.run

    def run(connection: Any, channel: Any, text: str) -> None:
        commands.append(text)
        real(connection, channel, text)

    patch.setattr(ssh_server._Connection, "run", run)
    return commands


def env_file(lab: Lab, name: str = ".env", **changes: str) -> None:
    """Writes the sandbox's settings where the command looks for them."""
    rows = {**lab.environ, "BB8_SETTLE_SECONDS": "0.2", "BB8_BUILD_DEADLINE": "60", **changes}
    (lab.folder / name).write_text("".join(f'{key}="{value}"\n' for key, value in rows.items()))


def command(lab: Lab, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs `bb8deploy` in the workspace."""
    return subprocess.run(
        [sys.executable, "-m", "bb8deploy", *words],
        cwd=lab.folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env={**environment(), **environ},
    )


def begun(lab: Lab, *words: str) -> subprocess.Popen[str]:
    """Starts `bb8deploy` in the workspace, to be killed or interrupted."""
    return subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", *words],
        cwd=lab.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def environment() -> dict[str, str]:
    """This process's own, without settings that would overrule the workspace's."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(("HA_", "BB8_", "MQTT_", "SUPERVISOR_"))}
    return {**own, "NO_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
