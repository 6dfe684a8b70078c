"""The tokens of a running container: each needs the value that it states."""

from __future__ import annotations

from pathlib import Path

import pytest

from bb8deploy.lanes.verify.proof.receipt_lines import VerifyLines
from bb8deploy.lanes.verify.verify_types import Installed
from bb8deploy.plan.install_action import Action, Decision
from bb8deploy.plan.logs.identity_line import Identity, Proof
from bb8deploy.runs.tokens import Ledger


@pytest.mark.parametrize(
    ("python", "token"),
    [("3.13.0", True), ("none", False), ("unknown", False), ("", False), ("3.13.0 none", False)],
)
def test_a_python_without_a_version_makes_no_token(tmp_path: Path, python: str, token: bool) -> None:
    ledger = Ledger("20261126T000000Z-abcdef", tmp_path)
    lines = VerifyLines(ledger, "1.0.0", Installed(Decision(Action.UPDATE), ()), "ha")
    lines.container(Identity("1.0.0", "sha256:a", "c", "r", python, run_sh=True), Proof.STAMP)
    assert ("PY_OK" in ledger.held()) is token
    assert "VERIFY_OK" in ledger.held()
    if not token:
        (skipped,) = [str(line) for line in ledger.lines if line.kind == "SKIPPED"]
        assert skipped.startswith("SKIPPED: PY_OK ")
        assert f"python={python}" in skipped


@pytest.mark.parametrize("proof", [Proof.SEALED, Proof.STAMP])
def test_the_tokens_of_what_runs_name_the_level_of_proof(tmp_path: Path, proof: Proof) -> None:
    ledger = Ledger("20261126T000000Z-abcdef", tmp_path)
    lines = VerifyLines(ledger, "1.0.0", Installed(Decision(Action.UPDATE), ()), "ha")
    lines.container(Identity("1.0.0", "sha256:a", "c", "r", "none"), proof)
    (line,) = [str(line) for line in ledger.lines if line.name == "VERIFY_OK"]
    assert f" proof={proof.value} " in line


def test_a_version_that_only_runs_has_the_lowest_level(tmp_path: Path) -> None:
    ledger = Ledger("20261126T000000Z-abcdef", tmp_path)
    VerifyLines(ledger, "1.0.0", Installed(Decision(Action.UPDATE), ()), "ha").running()
    (line,) = map(str, ledger.lines)
    assert line.startswith("TOKEN: RUNNING_OK ")
    assert " proof=running " in line
