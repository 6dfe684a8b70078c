"""A rollout that is killed, or interrupted twice, in its second wave; and the resume after it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, begun, command, env_file

from ha_sandbox import LocalApp, Sandbox

pytestmark = pytest.mark.e2e
GROUP = '[groups.house]\ntargets = ["home", "cabin"]\nwave = 1\n'
WATCHING = "watch it for 600 s"


@pytest.fixture
def cabin(lab: Lab, tmp_path: Path) -> Iterator[Lab]:
    """The same workspace with the second host of the group."""
    with Sandbox(tmp_path / "cabin", app=LocalApp.named("beep_boop_bb8")) as second:
        yield Lab(lab.folder, second, second.env(), [])


@contextmanager
def at_work_on_the_second_host(lab: Lab, cabin: Lab) -> Iterator[subprocess.Popen[str]]:
    """A rollout that has verified `home` and watches `cabin` for ten minutes."""
    env_file(lab, ".env.home")
    env_file(cabin, ".env.cabin", BB8_SETTLE_SECONDS="600")
    (lab.folder / "bb8deploy.toml").write_text(GROUP)
    with begun(lab, "deploy", "--target", "house", "--json") as process:
        try:
            deadline = time.monotonic() + 120
            while WATCHING not in journals(lab):
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def journals(lab: Lab) -> str:
    found = lab.folder.glob("reports/targets/cabin/runs/*/journal.jsonl")
    return "".join(path.read_text() for path in found)


def receipts(lab: Lab, target: str) -> str:
    return (lab.folder / "reports" / "targets" / target / "deploy_receipt.txt").read_text()


def test_a_resume_after_a_kill_deploys_the_host_that_was_at_work_alone(lab: Lab, cabin: Lab) -> None:
    with at_work_on_the_second_host(lab, cabin) as process:
        process.kill()
        process.communicate()
    assert "TOKEN: VERIFY_OK" in receipts(lab, "home")
    assert "TOKEN: VERIFY_OK" not in receipts(lab, "cabin")
    before = receipts(lab, "home")

    env_file(cabin, ".env.cabin")
    done = command(lab, "deploy", "--target", "house", "--resume", "--json")
    assert done.returncode == 0, done.stderr
    found = {row["target"]: row for row in json.loads(done.stdout)["result"]["targets"]}
    assert (found["home"]["result"], found["home"]["tokens"]) == ("done", [])
    assert found["home"]["earlier_run"]
    assert "VERIFY_OK" in found["cabin"]["tokens"]
    assert receipts(lab, "home") == before
    assert cabin.state()["state"] == "started"


def test_ctrl_c_twice_ends_with_the_table_and_without_a_token_for_the_host_at_work(
    lab: Lab, cabin: Lab
) -> None:
    with at_work_on_the_second_host(lab, cabin) as process:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    found = {row["target"]: row for row in json.loads(out)["result"]["targets"]}
    assert "VERIFY_OK" in found["home"]["tokens"]
    assert found["cabin"]["exit_code"] == 130
    assert "VERIFY_OK" not in found["cabin"]["tokens"]
    assert "TOKEN: VERIFY_OK" not in receipts(lab, "cabin")
