"""The action's arguments are those that its documentation has, and each reaches bb8deploy."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

COLLECTION = Path(__file__).parents[3] / "ansible"
KEPT = ("type", "required", "choices", "default")


def documented() -> dict[str, dict[str, Any]]:
    """The options of the module's documentation."""
    text = runpy.run_path(str(COLLECTION / "plugins/modules/app.py"))["DOCUMENTATION"]
    options: dict[str, dict[str, Any]] = yaml.safe_load(text)["options"]
    return options


def test_the_arguments_are_documented_as_they_are() -> None:
    pytest.importorskip(
        "ansible.plugins.action", reason="SKIPPED: ansible-core comes with requirements-dev.lock"
    )
    arguments = runpy.run_path(str(COLLECTION / "plugins/action/app.py"))["ARGUMENTS"]
    taken = {name: {key: row[key] for key in KEPT if key in row} for name, row in arguments.items()}
    assert taken == {
        name: {key: row[key] for key in KEPT if key in row} for name, row in documented().items()
    }


def test_a_library_that_is_missing_is_kept_for_the_task_to_report(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(
        "ansible.plugins.action", reason="SKIPPED: ansible-core comes with requirements-dev.lock"
    )

    def broken() -> None:
        raise ModuleNotFoundError("No module named 'websockets'")

    monkeypatch.setattr("bb8deploy.lanes.desired_state.task.preload", broken)
    plugin = runpy.run_path(str(COLLECTION / "plugins/action/app.py"))
    assert "websockets" in str(plugin["MISSING"])


def test_each_argument_is_read() -> None:
    task = Path(__file__).parents[3] / "src/bb8deploy"
    text = (task / "lanes/desired_state/task.py").read_text() + (task / "plan/app_settings.py").read_text()
    unread = [name for name in documented() if f'"{name}"' not in text]
    assert not unread


def test_the_example_names_arguments_that_exist() -> None:
    plays = yaml.safe_load((COLLECTION / "examples/deploy.yml").read_text())
    (task,) = plays[0]["tasks"]
    assert set(task["bb8deploy.homeassistant.app"]) <= set(documented())
    assert plays[0]["gather_facts"] is False


def test_the_collection_asks_for_an_ansible_that_is_in_the_lock() -> None:
    lowest = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())["requires_ansible"]
    lock = (COLLECTION.parent / "requirements-dev.lock").read_text()
    pins = re.findall(r"^ansible-core==(\d+\.\d+)", lock, re.MULTILINE)
    assert lowest == f">={min(pins, key=lambda pin: tuple(map(int, pin.split('.'))))}.0"
