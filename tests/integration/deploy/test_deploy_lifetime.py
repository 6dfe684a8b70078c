"""An app's life by the command alone: each way in which a version comes in, and every way to the host."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

import pytest
from tests.integration.deploylab import SLUG, Lab, begun, command, config, env_file
from tests.integration.small_addon import DOCKERFILE, RUN_SH
from tests.integration.witness import Witness, runtime

from ha_sandbox.core import core_websocket_api as core_socket
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.supervisor.jobs import Job

pytestmark = pytest.mark.e2e

SENT = ["CLEAN_RUNTIME_OK"]
RUNS = ["RUN_SH_PRESENT", "PY_OK", "VERIFY_OK", "RUNTIME_TOPOLOGY_OK"]
PUT_IN = ["SSH_HA_OK", *SENT, "DEPLOY_OK", *RUNS, "DEPLOY_SSH_OK"]
WAS_IN = [name for name in PUT_IN if name != "DEPLOY_OK"]
HOST_RECEIPT = "config/reports/deploy_receipt.txt"


def deployed(lab: Lab, *words: str, ends: int = 0) -> dict[str, Any]:
    """The JSON document of a deploy whose tokens are true and stand in both receipts."""
    witness = Witness.of(lab)
    done = command(lab, "deploy", "--json", *words)
    assert done.returncode == ends, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["exit_code"] == ends
    receipt = (lab.folder / "reports/deploy_receipt.txt").read_text()
    assert witness.refutes(receipt.splitlines()) == []
    assert (lab.box.root / HOST_RECEIPT).read_text().endswith(receipt)
    told = [line.split()[1] for line in receipt.splitlines() if line.startswith("TOKEN: ")]
    assert told == names(document)
    return document


def names(document: dict[str, Any], kind: str = "tokens") -> list[str]:
    return [row["name"] for row in document[kind]]


def action(document: dict[str, Any]) -> str:
    return str(document["result"]["action"])


def test_each_way_in_which_a_version_comes_in(lab: Lab) -> None:
    env_file(lab)
    first = deployed(lab)
    assert (action(first), names(first)) == ("install", PUT_IN)

    again = deployed(lab)
    assert (action(again), names(again), names(again, "skipped")) == ("none", WAS_IN, ["DEPLOY_OK"])

    lab.write(config=config("1.0.1"))
    assert action(deployed(lab, "--backup")) == "update"
    assert any("update" in text and "--backup" in text for text in lab.commands)

    (lab.addon / "new.txt").write_text("new\n")
    assert action(deployed(lab)) == "rebuild"

    lab.write(config=config("1.0.0"))
    lower = deployed(lab)
    assert (action(lower), lab.state()["version"]) == ("update", "1.0.0")

    lab.box.call("POST", f"/addons/{SLUG}/stop")
    left = deployed(lab, "--no-start")
    assert names(left) == ["SSH_HA_OK", "CLEAN_RUNTIME_OK", "RUNTIME_TOPOLOGY_OK"]
    assert "VERIFY_OK" in names(left, "skipped")
    assert lab.state()["state"] == "stopped"
    assert (action(deployed(lab)), lab.state()["state"]) == ("start", "started")

    (runtime(lab) / "config.yaml").write_text("name: broken\n")
    lab.box.call("POST", "/store/reload")
    assert lab.state()["detached"]
    assert "would refuse (HAND_EDITED) without --yes" in command(lab, "deploy", "--dry-run").stdout
    stopped = deployed(lab, ends=1)
    assert (stopped["error"]["code"], names(stopped)) == ("HAND_EDITED", ["SSH_HA_OK"])
    assert stopped["error"]["details"] == ["edited on the host:", "config.yaml"]
    other_tree = f"sha256:{'0' * 64}"
    assert deployed(lab, "--overwrite-tree", other_tree, ends=1)["error"]["code"] == "HAND_EDITED"
    back = deployed(lab, "--yes")
    assert {"VERIFY_OK", "DEPLOY_SSH_OK"} <= set(names(back))
    assert not lab.state()["detached"]


@pytest.mark.skipif(not bubblewrap.allowed(), reason="SKIPPED: no user namespaces")
def test_quiet_reports_nothing_but_results_and_errors(lab: Lab) -> None:
    env_file(lab)
    done = command(lab, "deploy", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert all(line.startswith(("TOKEN: ", "SKIPPED: ")) for line in done.stdout.splitlines())
    lab.write(dockerfile="FROM x\nRUN false\n")
    failed = command(lab, "deploy", "--quiet")
    assert failed.returncode == 4
    assert failed.stderr.startswith("error BUILD_FAILED: ")


@pytest.mark.parametrize("updates", [False, True], ids=["a restart", "the update of a killed run"])
def test_a_job_that_is_at_work_already_is_waited_for(lab: Lab, updates: bool) -> None:
    lab.deploy()
    env_file(lab)
    lab.write(config=config("1.0.1"))
    done = threading.Event()
    job = Job("app_manager_restart", "", SLUG)

    def work() -> None:
        done.wait(100)
        if updates:
            lab.box.manager.update(SLUG)()

    other = threading.Thread(target=lab.box.manager.jobs.run, args=(job, work))
    other.start()
    process = begun(lab, "deploy")
    try:
        assert process.stderr
        while "waiting: Another job is running" not in (line := process.stderr.readline()):
            assert line, process.poll()
        done.set()
        out, err = process.communicate(timeout=100)
    finally:
        done.set()
        other.join()
    assert process.returncode == 0, err
    assert "TOKEN: VERIFY_OK version=1.0.1" in out


@pytest.mark.parametrize("route", ["websocket", "rest"])
def test_a_mounted_share_needs_no_ssh(lab: Lab, route: str) -> None:
    lab.leave_ssh_for_the_mount()
    if route == "rest":
        lab.environ = {k: v for k, v in lab.environ.items() if not k.startswith(("HA_URL", "HA_LLAT"))}
        lab.environ |= {
            "SUPERVISOR_URL": lab.box.supervisor_url,
            "SUPERVISOR_TOKEN": lab.box.supervisor_token,
        }
    runtime(lab).mkdir()
    env_file(lab)
    for version, doing in (("1.0.0", "install"), ("1.0.1", "update"), ("1.0.1", "none")):
        lab.write(config=config(version))
        document = deployed(lab)
        assert (action(document), document["result"]["route"]) == (doing, route)
        assert names(document) == [*SENT, *(["DEPLOY_OK"] if doing != "none" else []), *RUNS]
    assert lab.commands == []


def test_the_restart_service_alone_never_verifies(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old Core, or a proxy before it, that passes services on but not the Supervisor's own API."""
    lab.deploy()
    shim = lab.box.root / "bin" / "ha"
    shim.write_text("#!/bin/sh\nunset SUPERVISOR_TOKEN\n" + shim.read_text().removeprefix("#!/bin/sh\n"))
    no = core_socket._failure("unauthorized", "Unauthorized")
    monkeypatch.setattr(core_socket.CoreSockets, "_supervisor_api", lambda *_: no)
    lab.write(config=config("1.0.1"))
    env_file(lab)
    witness = Witness.of(lab)
    done = command(lab, "deploy")
    assert done.returncode == 4
    assert "error ROUTE_ONLY_SERVICE: " in done.stderr
    assert witness.refutes(done.stdout.splitlines()) == []
    assert "SKIPPED: VERIFY_OK" in done.stdout
    assert "TOKEN: DEPLOY_OK" not in done.stdout
    assert lab.state()["version"] == "1.0.0"


def test_two_at_once_on_one_host_leave_one_version_and_one_word(lab: Lab) -> None:
    lab.deploy()
    env_file(lab)
    lab.write(config=config("1.0.1"), dockerfile=DOCKERFILE.replace("CMD", "RUN sleep 3\nCMD"))
    ended: list[subprocess.CompletedProcess[str]] = []
    both = [threading.Thread(target=lambda: ended.append(command(lab, "deploy"))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    codes = sorted(done.returncode for done in ended)
    assert codes in ([0, 5], [0, 0]), [done.stderr for done in ended]
    assert lab.state()["version"] == "1.0.1"
    if codes == [0, 5]:
        (refused,) = [done for done in ended if done.returncode == 5]
        assert "error HOST_LOCKED: " in refused.stderr
        assert "TOKEN: " not in refused.stdout


def test_an_earlier_tree_that_was_edited_by_hand_comes_back_but_proves_nothing(lab: Lab) -> None:
    lab.deploy()
    env_file(lab)
    (runtime(lab) / "run.sh").write_text(RUN_SH + "# mine\n")
    lab.write(dockerfile="FROM x\nRUN false\n")
    witness = Witness.of(lab)
    done = command(lab, "deploy", "--yes")
    assert done.returncode == 4
    assert "warning: files on " in done.stderr
    assert "the rollback failed too: the earlier tree (1.0.0) is back and was put in" in done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines() if "OK" in line] == [
        "SSH_HA_OK",
        "CLEAN_RUNTIME_OK",
        "ROLLBACK_OK",
    ]
    assert "SKIPPED: ROLLBACK_OK" in done.stdout
    assert witness.refutes([line for line in done.stdout.splitlines() if "CLEAN" not in line]) == []
    assert (lab.state()["state"], (runtime(lab) / "run.sh").read_text()) == ("started", RUN_SH + "# mine\n")
