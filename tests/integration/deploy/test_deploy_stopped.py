"""Deploys that are killed or interrupted at any step: the host stays whole, and --resume ends the work."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, begun, command, config, env_file
from tests.integration.small_addon import DIES, DOCKERFILE, RUN_SH
from tests.integration.witness import Witness, host_tree, runtime, stamp_on, tokens_of

pytestmark = pytest.mark.e2e

SLOW = DOCKERFILE.replace("CMD", "RUN sleep 0.8\nCMD")
STEPS = [
    ("deploy", "started"),
    ("hash the host's files", "done"),
    ("send and swap", "started"),
    ("send and swap", "done"),
    ("reload the store", "started"),
    ("update local_beep_boop_bb8", "started"),
    ("wait for the identity that the app reports", "started"),
    ("watch it for 2 s", "started"),
]
KILLED = [pytest.param(step, signal.SIGKILL, id=f"kill -9: {' '.join(step)}") for step in STEPS]
INTERRUPTED = [pytest.param(step, signal.SIGINT, id=f"Ctrl-C: {' '.join(step)}") for step in STEPS[::2]]


@dataclass
class Begun:
    """A deploy at work, and the journal of its run."""

    process: subprocess.Popen[str]
    journal: Path

    @property
    def run_id(self) -> str:
        return self.journal.parent.name

    def stop_at(self, step: tuple[str, str], number: int) -> str:
        """Sends the signal once the journal tells of the step; gives what the command said."""
        wait_for(self.process, lambda: step in steps(self.journal))
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=100)
        assert "Traceback" not in err
        return out + err


def begin(lab: Lab) -> Begun:
    """A deploy that is past the opening of its run."""
    before = journals(lab)
    process = begun(lab, "deploy")
    wait_for(process, lambda: bool(journals(lab) - before))
    return Begun(process, (journals(lab) - before).pop())


def journals(lab: Lab) -> set[Path]:
    return set((lab.folder / "reports/runs").glob("*/journal.jsonl"))


def steps(journal: Path) -> set[tuple[str, str]]:
    """The steps of a run, with how far each came; a line that is being written is left out."""
    rows = [line for line in journal.read_text().splitlines() if line.endswith("}")]
    return {(row["step"], row["state"]) for row in map(json.loads, rows)}


def wait_for(process: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 100
    while not seen():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(("step", "number"), [*KILLED, *INTERRUPTED])
def test_a_deploy_that_is_stopped_anywhere_can_be_resumed(
    lab: Lab, step: tuple[str, str], number: signal.Signals
) -> None:
    lab.deploy()
    earlier = host_tree(lab)
    env_file(lab, BB8_SETTLE_SECONDS="2")
    lab.write(config=config("1.0.1"), dockerfile=SLOW)
    witness = Witness.of(lab)
    stopped = begin(lab)
    said = stopped.stop_at(step, number)
    assert stopped.process.returncode == (130 if number is signal.SIGINT else -9), said
    assert witness.refutes(said.splitlines()) == []
    if runtime(lab).is_dir():
        assert host_tree(lab) == stamp_on(lab)["tree"]
        assert (host_tree(lab) == earlier) == (stamp_on(lab)["tree"] == earlier)
    if number is signal.SIGINT:
        assert "error INTERRUPTED: " in said
        assert "deploy --resume" in said
        if step != ("deploy", "started"):  # the lock may be half taken then: the next run takes it over
            lock_goes_away(lab)

    resumed = command(lab, "deploy", "--resume", BB8_SETTLE_SECONDS="0.2")
    assert resumed.returncode == 0, resumed.stderr
    assert f"going on with run {stopped.run_id}" in resumed.stderr
    assert {"CLEAN_RUNTIME_OK", "VERIFY_OK", "DEPLOY_SSH_OK"} <= {t.name for t in tokens_of(lines(resumed))}
    assert witness.refutes(lines(resumed)) == []
    assert lab.state()["version"] == "1.0.1"


def lock_goes_away(lab: Lab) -> None:
    """By the run itself, or by the host once it notices that the connection which took it has ended."""
    end = time.monotonic() + 60
    while (runtime(lab).parent / ".bb8deploy/beep_boop_bb8.lock").exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return done.stdout.splitlines()


def test_a_resumed_deploy_that_fails_goes_back_to_what_the_killed_one_replaced(lab: Lab) -> None:
    lab.deploy()
    env_file(lab)
    lab.write(config=config("1.0.1"), run_sh=DIES)
    begin(lab).stop_at(("send and swap", "done"), signal.SIGKILL)
    witness = Witness.of(lab)
    done = command(lab, "deploy", "--resume")
    assert done.returncode == 4
    assert "rolled back: 1.0.0 runs again" in done.stderr
    assert witness.refutes(lines(done)) == []


def test_a_killed_deploy_does_not_smuggle_a_profile_in(lab: Lab) -> None:
    lab.write(run_sh=RUN_SH)
    lab.deploy()
    env_file(lab)
    (lab.addon / "apparmor.txt").write_text("profile beep_boop_bb8 { file, }\n")
    assert command(lab, "sync").returncode == 0
    for words in (["verify"], ["deploy"]):
        done = command(lab, *words)
        assert done.returncode == 1
        assert "error PROFILE_SAME_VERSION: " in done.stderr


def test_an_interrupted_deploy_to_several_targets_ends_them_all(lab: Lab) -> None:
    lab.deploy()
    env_file(lab, ".env.a", BB8_SETTLE_SECONDS="60")
    env_file(lab, ".env.b", HA_SSH_HOST_ALIAS="root@127.0.0.1:1")
    lab.write(config=config("1.0.1"))
    process = begun(lab, "deploy", "--target", "a", "--target", "b")
    runs = lab.folder / "reports/targets/a/runs"
    watching = "watch it for 60 s"
    wait_for(process, lambda: any(watching in path.read_text() for path in runs.glob("*/journal.jsonl")))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "error INTERRUPTED: " in err
    receipt = (lab.folder / "reports/targets/a/deploy_receipt.txt").read_text()
    assert "TOKEN: DEPLOY_OK" in receipt
    assert "VERIFY_OK" not in receipt
    assert "DRIFT: INTERRUPTED" in receipt
    lock_goes_away(lab)


def test_an_interrupted_build_by_mount_and_websocket_ends_without_waiting_for_it(lab: Lab) -> None:
    """The build takes far longer than this test waits."""
    way = {**lab.box.mount_env(), "HA_SSH_HOST_ALIAS": ""}
    lab.deploy(**way)
    lab.write(config=config("1.0.1"), dockerfile=DOCKERFILE.replace("CMD", "RUN sleep 600\nCMD"))
    env_file(lab, ".env.a", **way, BB8_BUILD_DEADLINE="1800")
    env_file(lab, ".env.b", HA_SSH_HOST_ALIAS="root@127.0.0.1:1")
    process = begun(lab, "deploy", "--target", "a", "--target", "b")
    runs = lab.folder / "reports/targets/a/runs"
    building = ("update local_beep_boop_bb8", "started")
    wait_for(process, lambda: any(building in steps(path) for path in runs.glob("*/journal.jsonl")))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "`bb8deploy deploy --target a --target b --resume`" in err
    receipt = (lab.folder / "reports/targets/a/deploy_receipt.txt").read_text()
    assert "TOKEN: CLEAN_RUNTIME_OK" in receipt
    assert "DEPLOY_OK" not in receipt
    assert receipt.count("DRIFT: INTERRUPTED") == 1
    lock_goes_away(lab)
