"""A playbook that is interrupted or killed during a deploy leaves no lock, and can be played again."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.ansible_collection.playbooks import Controller, app, light_ha, variables, write_app
from tests.integration.waiting import until

from ha_sandbox import LocalApp, Sandbox

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("ansible.playbook") is None if importlib.util.find_spec("ansible") else True,
        reason="SKIPPED: ansible-core comes with requirements-dev.lock",
    ),
]
DEADLINE = 120
FOREVER = {"BB8_SETTLE_SECONDS": 3600}
"""A deploy that holds its lock until something ends it."""


@pytest.fixture
def attic(tmp_path: Path) -> Iterator[Sandbox]:
    """A host that has never seen the app."""
    with Sandbox(tmp_path / "attic", app=LocalApp.named("beep_boop_bb8")) as box:
        light_ha(box)
        yield box


def watching(work: Path) -> int:
    """How many deploys have come to the watch that does not end."""
    journals = (work / "reports/targets/attic/runs").glob("*/journal.jsonl")
    return sum("watch it for 3600 s" in one.read_text() for one in journals)


def test_a_playbook_that_is_stopped_leaves_no_lock(attic: Sandbox, tmp_path: Path) -> None:
    """A signal reaches the group, as on a terminal; Ansible's workers have sessions of their own."""
    work, controller = tmp_path / "work", Controller(tmp_path / "controller")
    write_app(work)
    secrets: dict[str, object] = {"vault_tokens": {"attic": attic.env()["HA_LLAT"]}, "vault_password": "x"}
    settings = variables(attic)["settings"]
    assert isinstance(settings, dict)
    controller.write({"attic": attic}, secrets, attic={"settings": {**settings, **FOREVER}})
    lock = attic.local_root / ".bb8deploy/beep_boop_bb8.lock"
    for count, number in enumerate((signal.SIGINT, signal.SIGTERM, signal.SIGKILL), start=1):
        (work / "addon/config.yaml").write_text(app(f"1.0.{count}"))
        begun = controller.begin()
        until(lambda: begun.poll() is not None or watching(work) == count, DEADLINE)  # noqa: B023 - called here
        assert begun.poll() is None, begun.communicate()
        assert lock.exists()
        os.killpg(begun.pid, number)
        begun.communicate(timeout=DEADLINE)
        until(lambda: not lock.exists(), DEADLINE)

    controller.inventory({"attic": attic})
    again = controller.play()
    assert (again.code, again.failed()) == (0, []), again.output
    assert not lock.exists()
