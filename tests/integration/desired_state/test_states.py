"""A task brings the app on one host to the states present, latest and absent, and reports what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.ansible_collection.playbooks import variables
from tests.integration.deploylab import Lab, config, open_lab

from bb8deploy.lanes.desired_state.task import HostTask, carry_out

pytestmark = pytest.mark.e2e
OPTIONS = "options:\n  level: info\n  size: 3\nschema:\n  level: list(info|debug)\n  size: int\n"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A host that has never seen the app."""
    with open_lab(tmp_path) as made:
        made.write(config=app("1.0.0"))
        yield made


def app(version: str) -> str:
    return config(version).replace("options: {}\nschema: {}\n", OPTIONS)


def task(lab: Lab, state: str, *, check: bool = False, **more: object) -> Any:
    """The result of a task."""
    found, own = variables(lab.box), lab.box.env()
    arguments = {
        "workspace": str(lab.folder),
        "state": state,
        "host": found["ansible_host"],
        "port": found["ansible_port"],
        "user": found["ansible_user"],
        "private_key_file": own["HA_SSH_KEY"],
        "known_hosts": own["HA_SSH_KNOWN_HOSTS"],
        "url": own["HA_URL"],
        "token": own["HA_LLAT"],
        "folder": own["HA_REMOTE_RUNTIME"],
        "settings": found["settings"],
        **more,
    }
    done = carry_out(HostTask("attic", arguments, check, with_diff=True), lambda _: None, lambda _: None)
    return done.values


def test_each_state_is_reached_once_and_a_second_task_changes_nothing(lab: Lab) -> None:
    (lab.folder / ".env").write_text("HA_SSH_HOST_ALIAS=elsewhere\nHA_MOUNT=/elsewhere\n")
    new = task(lab, "present")
    assert (new["changed"], new["action"]) == (True, "install"), new
    assert new["proof"] in {"sealed", "stamp"}
    assert "VERIFY_OK" in new["tokens"]
    assert (lab.folder / "reports/targets/attic/deploy_receipt.txt").is_file()

    # An installed app keeps its version, and gets its options.
    lab.write(config=app("1.0.1"))
    assert not task(lab, "present")["changed"]
    wanted = {"level": "debug", "size": "3"}
    seen = task(lab, "present", check=True, options=wanted)
    assert (seen["changed"], lab.state()["options"]) == (True, {"level": "info", "size": 3})
    kept = task(lab, "present", options=wanted)
    assert (kept["changed"], kept["action"], kept["version"]) == (True, "options", "1.0.0"), kept
    assert kept["diff"][0]["before"] == 'options.level: "info"\n'
    assert kept["diff"] == seen["diff"]
    assert lab.state()["options"] == {"level": "debug", "size": 3}

    planned = task(lab, "latest", check=True)
    assert (planned["changed"], planned["action"], lab.state()["version"]) == (True, "update", "1.0.0")
    assert '+version: "1.0.1"' in "".join(one.get("prepared", "") for one in planned["diff"])
    assert task(lab, "latest")["action"] == "update"
    assert not task(lab, "latest", options=wanted)["changed"]

    # Only the options differ: check mode and the task itself agree.
    other = {"options": {"level": "info"}}
    seen = task(lab, "latest", check=True, **other)
    assert (seen["changed"], seen["action"]) == (True, "start")
    assert 'would set options.level: "debug" -> "info"' in seen["preview"]
    done = task(lab, "latest", **other)
    assert (done["changed"], done["action"], done["diff"]) == (True, "start", seen["diff"])

    # A person edits the app on the host: nothing is overwritten or removed without a word.
    edited = lab.box.local_root / "beep_boop_bb8/run.sh"
    edited.write_text(mine := edited.read_text() + "# mine\n")
    for state, check in (("latest", True), ("latest", False), ("absent", False)):
        refused = task(lab, state, check=check)
        assert (refused["failed"], refused["changed"], refused["code"]) == (True, False, "HAND_EDITED")
    assert "discard_edits: true" in refused["remedy"]
    assert edited.read_text() == mine
    assert task(lab, "latest", overwrite_edits=True)["changed"]

    assert task(lab, "absent", check=True, discard_edits=True)["changed"]
    assert edited.is_file()
    gone = task(lab, "absent", discard_edits=True)
    assert (gone["changed"], gone["action"]) == (True, "remove"), gone
    assert not edited.parent.exists()
    again = task(lab, "absent", discard_edits=True)
    assert (again["changed"], again["action"], again["tokens"]) == (False, "none", ["REMOVE_OK"])


def test_an_instance_is_a_second_app_with_states_of_its_own(lab: Lab) -> None:
    assert task(lab, "latest", instance="beta")["changed"]
    folders = sorted(path.name for path in lab.box.local_root.iterdir() if not path.name.startswith("."))
    assert folders == ["beep_boop_bb8_beta"]
    beta = lab.box.call("GET", "/addons/local_beep_boop_bb8_beta/info")
    assert isinstance(beta, dict)
    assert (beta["version"], beta["state"]) == ("1.0.0", "started")
    assert not task(lab, "latest", instance="beta")["changed"]
    assert task(lab, "latest")["action"] == "install"
    assert task(lab, "absent", instance="beta")["changed"]
    assert not (lab.box.local_root / "beep_boop_bb8_beta").exists()
    assert lab.state()["state"] == "started"
    assert not task(lab, "absent", instance="beta")["changed"]
