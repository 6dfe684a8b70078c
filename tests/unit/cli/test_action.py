"""The composite action: its shell steps run as a runner would run them, with a stub in place of bb8deploy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"] if "id" in step}
STUB = """#!/bin/sh
printf '%s\\n' "$@" > words
exit "${STUB_EXIT:-0}"
"""


class Runner:
    """A runner's folders and files around one step."""

    def __init__(self, folder: Path) -> None:
        self.work, self.temp, self.output = folder / "work", folder / "temp", folder / "output"
        programs = self.temp / "bb8deploy" / "bin"
        self.work.mkdir()
        programs.mkdir(parents=True)
        self.output.write_text("")
        (programs / "bb8deploy").write_text(STUB)
        (programs / "bb8deploy").chmod(0o755)
        (programs / "python").symlink_to(sys.executable)

    def step(self, name: str, *, exit_code: int = 0, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Runs the step with the inputs' defaults, as `bash` with the options that GitHub uses."""
        given = {key: value.get("default", "") for key, value in ACTION["inputs"].items()} | inputs
        own = {
            key: given[text.removeprefix("${{ inputs.").removesuffix(" }}")]
            for key, text in STEPS[name].get("env", {}).items()
        }
        environment = {
            "PATH": os.environ["PATH"],
            "RUNNER_TEMP": str(self.temp),
            "GITHUB_OUTPUT": str(self.output),
            "STUB_EXIT": str(exit_code),
            **own,
        }
        words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", STEPS[name]["run"]]
        return subprocess.run(words, cwd=self.work, env=environment, capture_output=True, text=True)

    @property
    def words(self) -> list[str]:
        return (self.work / "words").read_text().splitlines()

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text().splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


COMMANDS: list[tuple[dict[str, str], list[str]]] = [
    ({"command": "test"}, ["validate", "--github"]),
    ({"command": "test", "addon": "my app"}, ["validate", "--github", "--addon=my app"]),
    ({"command": "deploy"}, ["deploy"]),
    ({"command": "deploy", "target": "kitchen"}, ["deploy", "--target=kitchen"]),
    ({"command": "publish", "target": "kitchen"}, ["publish"]),
    ({"command": "publish", "image": "true", "addon": "a"}, ["publish", "--addon=a", "--image"]),
]


@pytest.mark.parametrize(("inputs", "words"), COMMANDS)
def test_each_command_is_one_command_line(runner: Runner, inputs: dict[str, str], words: list[str]) -> None:
    done = runner.step("run", **inputs)
    assert (done.returncode, runner.words) == (0, words), done.stderr


def test_validate_takes_folders_and_names_the_sarif_file(runner: Runner) -> None:
    done = runner.step("run", folders="one\n\n  two three\n", **{"fail-on": "note", "baseline": "b.json"})
    sarif = str(runner.temp / "bb8deploy.sarif")
    assert done.returncode == 0, done.stderr
    assert runner.outputs == {"program": str(runner.temp / "bb8deploy/bin/bb8deploy"), "sarif": sarif}
    options = ["--no-tests", "--github", "--mode=auto", f"--sarif={sarif}"]
    chosen = ["--fail-on=note", "--baseline=b.json", "--", "one", "  two three"]
    assert runner.words == ["validate", *options, *chosen]


def test_a_command_that_does_not_exist_is_refused(runner: Runner) -> None:
    done = runner.step("run", command="remove")
    assert (done.returncode, done.stdout.count("::error")) == (2, 1)
    assert not (runner.work / "words").exists()


@pytest.mark.parametrize("name", ["command", "addon", "folders", "mode", "target", "sarif"])
def test_an_input_is_never_shell_text(runner: Runner, name: str) -> None:
    command = "deploy" if name in {"addon", "target"} else "validate"
    runner.step("run", **{"command": command, name: "$(touch hit); `touch hit`"})
    assert not (runner.work / "hit").exists()


def test_the_step_ends_as_the_command_does(runner: Runner) -> None:
    assert runner.step("run", command="deploy", exit_code=4).returncode == 4


def test_the_outputs_are_those_of_the_run_s_contracts(runner: Runner) -> None:
    run = runner.work / "reports" / "runs" / "r1"
    run.mkdir(parents=True)
    (runner.work / "reports" / "latest.json").write_text('{"run_id": "r1"}')
    sync = {"version": "1.2.3", "tree": "sha256:ab", "tokens": ["SSH_HA_OK", "CLEAN_RUNTIME_OK"]}
    verify = {"version": "1.2.3", "tokens": ["SSH_HA_OK", "VERIFY_OK"]}
    (run / "sync_contract_v1.json").write_text(json.dumps(sync))
    (run / "verify_contract_v1.json").write_text(json.dumps(verify))
    done = runner.step("outcome")
    assert done.returncode == 0, done.stderr
    assert runner.outputs == {
        "version": "1.2.3",
        "tree": "sha256:ab",
        "tokens": "SSH_HA_OK CLEAN_RUNTIME_OK VERIFY_OK",
    }


def test_a_run_that_left_nothing_has_empty_outputs_and_none_of_an_earlier_run(runner: Runner) -> None:
    (runner.work / "reports").mkdir()
    (runner.work / "reports" / "latest.json").write_text('{"run_id": "earlier"}')
    runner.step("run", command="deploy", exit_code=3)
    assert runner.step("outcome").returncode == 0
    found = runner.outputs
    assert [found[name] for name in ("version", "tree", "tokens")] == ["", "", ""]


def test_every_output_comes_from_a_step_and_every_action_is_pinned() -> None:
    assert set(ACTION["outputs"]) == {"version", "tree", "tokens", "sarif", "program"}
    for output in ACTION["outputs"].values():
        assert output["value"].split(".")[1] in STEPS
    used = [step["uses"] for step in ACTION["runs"]["steps"] if "uses" in step]
    assert all(len(one.split("@")[1]) == 40 for one in used)
    assert all("${{" not in step.get("run", "") for step in ACTION["runs"]["steps"])


@pytest.mark.parametrize("step", [s for s in ACTION["runs"]["steps"] if "run" in s], ids=lambda s: s["name"])
def test_shellcheck_accepts_the_shell_of_each_step(step: dict[str, Any]) -> None:
    program = Path(sys.executable).with_name("shellcheck")
    found = str(program) if program.exists() else shutil.which("shellcheck")
    if not found:
        pytest.skip("SKIPPED: no shellcheck")
    done = subprocess.run(
        [found, "--shell=bash", "--severity=warning", "-"], input=step["run"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
