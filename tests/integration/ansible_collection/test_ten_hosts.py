"""A playbook brings ten hosts to a state: check mode, a second run, a wave that stops, a vault."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.integration.ansible_collection.playbooks import Controller, app, light_ha, write_app
from tests.integration.deploylab import SLUG

from ha_sandbox import LocalApp, Sandbox

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("ansible.playbook") is None if importlib.util.find_spec("ansible") else True,
        reason="SKIPPED: ansible-core comes with requirements-dev.lock",
    ),
]
NAMES = [f"robot{number}" for number in range(10)]
PASSWORD = "correct-horse-battery"


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[dict[str, Sandbox]]:
    """Ten hosts that have never seen the app."""
    with ExitStack() as stack:
        found = {
            name: stack.enter_context(Sandbox(tmp_path / name, app=LocalApp.named("beep_boop_bb8")))
            for name in NAMES
        }
        for box in found.values():
            light_ha(box)
        yield found


def info(box: Sandbox) -> dict[str, object]:
    data = box.call("GET", f"/addons/{SLUG}/info")
    assert isinstance(data, dict)
    return data


def on_host(box: Sandbox) -> list[str]:
    return sorted(path.name for path in box.local_root.iterdir())


def texts_below(*folders: Path) -> str:
    return "".join(
        path.read_text(errors="replace") for one in folders for path in one.rglob("*") if path.is_file()
    )


def test_a_playbook_brings_ten_hosts_to_a_state(hosts: dict[str, Sandbox], tmp_path: Path) -> None:
    work, controller = tmp_path / "work", Controller(tmp_path / "controller")
    write_app(work)
    tokens = {name: box.env()["HA_LLAT"] for name, box in hosts.items()}
    controller.write(hosts, {"vault_tokens": tokens, "vault_password": PASSWORD})
    before = {name: on_host(box) for name, box in hosts.items()}

    seen = controller.play("--check", "--diff", "-vvv")
    assert (seen.code, seen.changed()) == (0, NAMES), seen.output
    assert "+version: 1.0.0" in seen.output
    assert {name: on_host(box) for name, box in hosts.items()} == before
    assert not any(
        path.is_file() for box in hosts.values() for path in (box.root / "config/reports").rglob("*")
    )

    # The same playbook twice: the second play reports no change.
    done = controller.play("playbook.yml", "--diff", "-vvv")
    assert done.code == 0, done.output
    assert done.hosts == dict.fromkeys(NAMES, (2, 1, 0, 0))
    for box in hosts.values():
        now = info(box)
        assert (now["version"], now["state"]) == ("1.0.0", "started")
        assert now["options"] == {"level": "debug", "password": PASSWORD}

    # The second host of the first wave is down: no host of a later wave is started.
    (work / "addon/config.yaml").write_text(app("1.0.1"))
    controller.inventory(hosts, robot1={"ansible_port": 1})
    stopped = controller.play("-e", "wave=2")
    assert (stopped.code != 0, stopped.failed(), stopped.changed()) == (True, ["robot1"], ["robot0"])
    assert sorted(stopped.hosts) == ["robot0", "robot1"]
    assert "SSH_NO_CONNECTION" in stopped.output
    assert {name: info(box)["version"] for name, box in hosts.items()} == {
        name: "1.0.1" if name == "robot0" else "1.0.0" for name in NAMES
    }

    written = texts_below(
        work / "reports", controller.folder / "home", *(b.root / "config/reports" for b in hosts.values())
    )
    said = controller.log.read_text() + "".join(one.output for one in (seen, done, stopped))
    for secret in (PASSWORD, *tokens.values()):
        assert secret not in said
        assert secret not in written
