"""The CI workflows: valid YAML, least rights, and only commands and options that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[dict[str, Any]]:
    document = yaml.safe_load(path.read_text())
    return [step for job in document["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_of_a_workflow_exists_with_its_options(path: Path) -> None:
    text = "\n".join(step.get("run", "") for step in steps(path))
    lines = re.findall(r"^\s*bb8deploy (\S+)(.*)$", text, re.MULTILINE)
    assert lines or path.name == "site.yml"
    for command, rest in lines:
        words = [sys.executable, "-m", "bb8deploy", command, "--help"]
        told = subprocess.run(
            words, capture_output=True, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT / "src")}
        )
        assert told.returncode == 0, command
        for option in re.findall(r"--[a-z-]+", rest):
            assert option in told.stdout, f"{command} {option}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_has_the_least_rights_and_a_deadline(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    if path.name == "validate-addon.yml":
        # A right that a reusable workflow names ends a call with fewer rights before its first step: its
        # first job names reading alone, and the job that uploads has what the caller gives.
        assert document["jobs"]["validate"]["permissions"] == {"contents": "read"}
        assert "permissions" not in document["jobs"]["upload"]
    else:
        assert document["permissions"]["contents"] == "read"
    assert all("timeout-minutes" in job for job in document["jobs"].values())


CONFIGS = [("build:\n  a: b\n", True), ("image: x\nbuild: {}\n", False), ("", False)]


@pytest.mark.parametrize(("config", "passes"), CONFIGS)
def test_the_guard_refuses_an_image_in_the_workspace(tmp_path: Path, config: str, passes: bool) -> None:
    found = steps(ROOT / ".github" / "workflows" / "validate.yml")
    (guard,) = [step["run"] for step in found if "Guard" in step.get("name", "")]
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "config.yaml").write_text(f"name: a\n{config}")
    done = subprocess.run(["bash", "-e", "-c", guard], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode == 0) is passes
    assert ("::error" in done.stdout) is not passes
