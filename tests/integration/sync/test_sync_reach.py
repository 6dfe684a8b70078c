"""Faults before anything is sent, as data: the error, the exit code, and a host that nobody touched."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sshlab import keygen
from tests.integration.sync.conftest import FILES, Lab, MakeLab

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.lock.lock_owner import Owner
from bb8deploy.lanes.sync.sync import sync

CASES = json.loads((Path(__file__).parents[2] / "cases/faults/sync_reach.json").read_text())["cases"]


def known_hosts(lab: Lab, text: str) -> None:
    (lab.folder / "known").write_text(text)
    lab.environ["HA_SSH_KNOWN_HOSTS"] = str(lab.folder / "known")


def host_key(lab: Lab) -> str:
    assert lab.sshd
    return (lab.sshd.folder / "host_ed25519.pub").read_text()


def lock(lab: Lab) -> None:
    lab.lock_folder.mkdir(parents=True, exist_ok=True)
    owner = Owner("eve", "elsewhere", 1, "run-0", "deploy", "2026-01-01T00:00:00+00:00")
    (lab.lock_folder / "owner").write_text(f"{owner.line()}\n")
    (lab.lock_folder / "expires").write_text(f"{int(time.time()) + 1000}\n")


def repository(lab: Lab) -> None:
    (lab.runtime / "sub/.git").mkdir(parents=True)


def blocked(lab: Lab) -> None:
    (lab.runtime / "data").mkdir()
    (lab.runtime / "data/secrets.yaml").write_text("x")
    (lab.addon / "data").write_text("x")


def state_is_a_file(lab: Lab) -> None:
    folder = lab.runtime.parent / ".bb8deploy"
    for child in folder.iterdir():
        child.rmdir()
    folder.rmdir()
    folder.write_text("a file")


def wrong_key(lab: Lab) -> None:
    lab.environ["HA_SSH_KEY"] = str(keygen(lab.folder / "wrong"))


def changed_key(lab: Lab) -> None:
    assert lab.sshd
    other = Path(f"{keygen(lab.folder / 'other')}.pub").read_text()
    known_hosts(lab, f"[127.0.0.1]:{lab.sshd.port} {other}")


DO: dict[str, Callable[[Lab], object]] = {
    "unknown key": lambda lab: known_hosts(lab, ""),
    "changed key": changed_key,
    "revoked key": lambda lab: known_hosts(lab, f"@revoked * {host_key(lab)}"),
    "wrong key": wrong_key,
    "lock": lock,
    "repository": repository,
    "blocked": blocked,
    "link out": lambda lab: (lab.addon / "out").symlink_to("../../x"),
    "pipe": lambda lab: os.mkfifo(lab.addon / "pipe"),
    "state is a file": state_is_a_file,
}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_fault_before_the_sending_leaves_the_host_alone(make_lab: MakeLab, case: dict[str, Any]) -> None:
    lab = make_lab("full")
    with lab.host() as host:
        sync(lab.run(), host)
    (lab.addon / "run.sh").write_text("#!/bin/sh\nexec new\n")
    lab.environ.update(case.get("set", {}))
    if "do" in case:
        DO[case["do"]](lab)
    run = lab.run()
    with pytest.raises(Bb8Error) as caught, lab.host() as host:
        sync(run, host)
    assert caught.value.code == case["error"], caught.value
    assert caught.value.exit_code == case["exit"]
    assert run.ledger.held() == case["tokens"]
    there = {name: text for name, text in lab.on_host().items() if name != "data/secrets.yaml"}
    assert there == FILES
