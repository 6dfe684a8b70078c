"""Users of the simulated host: each runs the product's own commands, is killed, and resumes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.sim.engine.tasks import Task, Tasks
from tests.sim.laws import Laws
from tests.sim.stories.scene import FOLDER, Stage, Variant

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.attest.attest import attest
from bb8deploy.lanes.deploy.deploy import DeployOptions, deploy
from bb8deploy.lanes.deploy.rollback import roll_back_host
from bb8deploy.lanes.options.options import apply_options
from bb8deploy.lanes.pull.pull import pull
from bb8deploy.lanes.remove.remove import RemoveOptions, remove
from bb8deploy.lanes.sync.sync import sync_host
from bb8deploy.lanes.verify.verify import verify_host
from bb8deploy.plan.app_settings import AppSettings
from bb8deploy.runs.journal import Journal
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Ledger
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.settings_type import Settings

WINDOW = 10.0
"""Seconds of an attestation, the shortest that counts."""


class Quiet:
    """A progress that shows nothing."""

    @contextlib.contextmanager
    def step(self, name: str, where: str = "") -> Iterator[None]:
        """Nothing."""
        yield

    def note(self, text: str) -> None:
        """Nothing."""

    def warn(self, text: str) -> None:
        """Nothing."""


@dataclass(slots=True)
class Ended:
    """How a command ended: its exit code, its error's code, and the tokens that it wrote."""

    command: str
    exit_code: int
    code: str
    tokens: tuple[str, ...]


@dataclass(slots=True)
class User:
    """One user with a workspace and reports of their own. `numbers` are those of the runs of all users."""

    name: str
    stage: Stage
    reports: Path
    laws: Laws
    tasks: Tasks
    numbers: Iterator[int]
    proof: str = "stamp"
    ended: list[Ended] = field(default_factory=list)
    begun: tuple[str, Variant] | None = None
    last: Run | None = None

    @property
    def rolled_back(self) -> bool:
        """True if the newest run has written ROLLBACK_OK, or why it writes none for what runs again."""
        return any(line.name == "ROLLBACK_OK" for line in self.last.ledger.lines) if self.last else False

    @property
    def rollback_failed(self) -> bool:
        """True if the newest command was a rollback that came to its end with an error."""
        newest = self.ended[-1] if self.ended and self.begun is None else None
        return newest is not None and newest.command == "rollback" and newest.exit_code != 0

    @property
    def earned(self) -> str:
        """The token of a deploy that works."""
        return "RUNNING_OK" if self.proof == "running" else "VERIFY_OK"

    def run(self, command: str, variant: Variant) -> Run:
        """A fresh run of the product in this user's workspace."""
        run_id = f"20261126T{next(self.numbers):06d}Z-{self.name}"
        workspace = self.stage.folders[variant.name]
        ledger = Ledger(run_id, self.reports, listener=self.laws.token)
        return Run(
            id=run_id,
            command=command,
            workspace=workspace,
            addon=workspace / "addon",
            settings=settings(self.proof),
            reports=self.reports,
            ledger=ledger,
            journal=Journal(self.reports / "runs" / run_id / "journal.jsonl"),
            progress=Quiet(),
            assume_yes=True,
        )

    def does(self, command: str, variant: Variant, *, resume: bool = False) -> Task:
        """Starts a command as a task."""
        name = f"{self.name} {command}"
        return self.tasks.spawn(name, lambda: self.carry_out(command, variant, resume=resume))

    def carry_out(self, command: str, variant: Variant, *, resume: bool = False) -> None:
        """Runs a command in the current task, to its end or to that of the task."""
        self.begun = (command, variant)
        if self.tasks.current:
            self.tasks.current.command = f"{command} --resume" if resume else command
        run = self.last = self.run(command, variant)
        code, exit_code = "", 0
        try:
            if command not in _WITHOUT_RECEIPT:
                run.ledger.begin(command)
            _COMMANDS[command](run, resume)
        except Bb8Error as error:
            code, exit_code = error.code, error.exit_code
            self.tasks.note(f"{command} ended: {error.code}: {error.cause}")
        self.begun = None
        self.ended.append(Ended(command, exit_code, code, tuple(run.ledger.held())))


def _deploy(run: Run, resume: bool) -> None:
    deploy(run, DeployOptions(resume=resume))


def _rollback(run: Run, _resume: bool) -> None:
    roll_back_host(run)


def _sync(run: Run, _resume: bool) -> None:
    sync_host(run)


def _verify(run: Run, _resume: bool) -> None:
    verify_host(run)


def _attest(run: Run, _resume: bool) -> None:
    attest(run, seconds=WINDOW, rate_hz=1.0)


def _remove(run: Run, _resume: bool) -> None:
    remove(run, RemoveOptions(), lambda _found: True)


def _options(run: Run, _resume: bool) -> None:
    level = int(run.id[9:15])
    apply_options(run, AppSettings(options={"level": level}), restart=level % 2 == 0)


def _pull(run: Run, _resume: bool) -> None:
    pull(run)


_COMMANDS = {
    "attest": _attest,
    "deploy": _deploy,
    "options": _options,
    "pull": _pull,
    "remove": _remove,
    "rollback": _rollback,
    "sync": _sync,
    "verify": _verify,
}


_WITHOUT_RECEIPT = {"pull"}


@cache
def settings(proof: str) -> Settings:
    """The settings of a user: the same app folder on the same host for all, and a level of proof."""
    flags = {
        "HA_SSH_HOST_ALIAS": "sim",
        "HA_REMOTE_RUNTIME": f"/addons/{FOLDER}",
        "BB8_SETTLE_SECONDS": "5",
        "BB8_VERIFY": proof,
        "MQTT_HOST": "sim",
        "BB8_BUILD_DEADLINE": "600",
    }
    return load(Path("/nonexistent"), environ={}, flags=flags)
