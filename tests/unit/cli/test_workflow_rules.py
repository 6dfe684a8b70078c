"""Keys, references and contexts of the workflows and the action; each rule finds the fault that it is for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.cli.workflow_rules import problems, read

ROOT = Path(__file__).parents[3]
FILES = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "action.yml"]
GOOD = """
on: {push: {}, workflow_call: {inputs: {folder: {}}}}
permissions: {contents: read}
jobs:
  one:
    runs-on: ${{ matrix.runner }}
    strategy: {matrix: {include: [{runner: ubuntu-24.04-arm}]}}
    steps:
      - {id: a, uses: OWNER/ACTION@3d3c42e5aac5ba805825da76410c181273ba90b1}
      - run: "true"
        if: "!cancelled() && steps.a.outputs.x != 'it''s jobs.y'"
        env: {X: "${{ inputs.folder }}"}
  two:
    needs: one
    if: needs.one.result == 'success'
    runs-on: ubuntu-latest
    steps: [{run: "true"}]
"""
FAULTS = [
    ("    needs: one", "    needs: nobody", "two needs nobody, which is not a job"),
    ("    runs-on: ${{", "    needs: two\n    runs-on: ${{", "one needs itself"),
    ("needs.one", "needs.other", "two.if: needs.other is not known here"),
    ("steps.a.", "steps.b.", "one, step 2.if: steps.b is not known here"),
    ("steps.a.outputs", "steps.a.output", "one, step 2.if: steps.a has no output"),
    ("cancelled()", "canceled()", "one, step 2.if: unknown function canceled"),
    ("inputs.folder }}", "inputs.folders }}", "one, step 2.env: inputs.folders is not known here"),
    ("inputs.folder }}", "input.folder }}", "one, step 2.env: unknown context input"),
    ("${{ matrix.runner", "${{ matrix.system", "one.runs-on: matrix.system is not known here"),
    ("ubuntu-24.04-arm", "ubuntu-24.04-arm64", "one: unknown runner ubuntu-24.04-arm64"),
    ("contents: read", "content: read", "workflow: permission content: read"),
    ("contents: read", "contents: yes", "workflow: permission contents: True"),
    ("push: {}", "pushes: {}", "on: unknown key pushes"),
    ("    steps: [{run:", "    step: []\n    steps: [{run:", "two: unknown key step"),
    ('[{run: "true"}]', "[{rum: x, run: y}]", "two, step 1: unknown key rum"),
    ('[{run: "true"}]', "[{name: x}]", "two, step 1: needs one of run and uses"),
    (
        '[{run: "true"}]',
        "[{uses: OWNER/ACTION@v1}]",
        "two, step 1: OWNER/ACTION@v1 is not pinned to a commit",
    ),
    ('[{run: "true"}]', '[{run: "${{ github.ref }}"}]', "two, step 1: an expression becomes shell text"),
    ('[{run: "true"}]', "[{id: a, run: x}, {id: a, run: x}]", "two, step 2: the id a is given twice"),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_keys_references_and_contexts_exist(path: Path) -> None:
    assert problems(read(path.read_text())) == []


@pytest.mark.parametrize(("text", "other", "found"), FAULTS, ids=lambda value: str(value)[:30])
def test_a_fault_is_found(text: str, other: str, found: str) -> None:
    assert problems(read(GOOD)) == []
    assert GOOD.count(text)
    assert found in problems(read(GOOD.replace(text, other)))


def test_a_key_that_is_given_twice_is_refused() -> None:
    with pytest.raises(yaml.YAMLError, match="twice"):
        read(GOOD.replace("    needs: one", "    needs: one\n    needs: one"))


def scripts() -> list[tuple[str, str]]:
    """Every shell text with its place."""
    found = []
    for path in FILES:
        document: dict[str, Any] = yaml.safe_load(path.read_text())
        jobs = document.get("jobs") or {"action": document["runs"]}
        rows = [(f"{path.name}: {name}", step) for name, job in jobs.items() for step in job["steps"]]
        found += [(f"{at}: {step.get('name', '')}", step["run"]) for at, step in rows if "run" in step]
    return found


def test_shellcheck_accepts_every_shell_text(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(program) if program.exists() else shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("SKIPPED: no shellcheck")
    for number, (_, text) in enumerate(scripts()):
        (tmp_path / f"{number}.sh").write_text(text)
    # A `$` for git in single quotes, and variables of the step's `env`, are as they should be.
    words = [shellcheck, "--shell=bash", "--severity=style", "--exclude=SC2016,SC2153"]
    words += sorted(map(str, tmp_path.glob("*.sh")))
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{[at for at, _ in scripts()]}"
