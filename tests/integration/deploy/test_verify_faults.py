"""Lane 3 under faults, as data: the error, the exit code, the tokens, and that no token is false."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import SLUG, Lab, config
from tests.integration.witness import Witness

from bb8deploy.base.errors import Bb8Error

pytestmark = pytest.mark.e2e

CASES = json.loads((Path(__file__).parents[2] / "cases/faults/verify_ha.json").read_text())["cases"]
SYNCED = ["SSH_HA_OK", "CLEAN_RUNTIME_OK"]


def break_ha(lab: Lab, case: dict[str, Any]) -> None:
    """Puts a shim before the host's `ha` that disturbs one call."""
    real = lab.box.root / "bin" / "ha"
    kept = real.rename(real.with_name("ha.real"))
    count = lab.folder / "calls"
    envelope = {"result": "error", "message": case.get("says", "")}
    if case.get("key"):
        envelope["error_key"] = case["key"]
    late = "echo 'Error: context deadline exceeded' >&2; exit 1"
    how = {
        "fail": f"echo {shlex.quote(json.dumps(envelope))}; exit 0",
        "lie": """echo '{"result":"ok","data":{}}'; exit 0""",
        "lost": f'{shlex.quote(str(kept))} "$@" >/dev/null 2>&1; {late}',
        "dropped": late,
        "text": f"echo {shlex.quote(case.get('says', ''))}; exit 0",
        "kill": "kill -9 $PPID; exit 1",
        "stop": f'{shlex.quote(str(kept))} apps stop {SLUG} >/dev/null; exec {shlex.quote(str(kept))} "$@"',
        "restart": f"{shlex.quote(str(kept))} apps restart {SLUG} >/dev/null; sleep 1; "
        f'exec {shlex.quote(str(kept))} "$@"',
    }[case["how"]]
    real.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *{shlex.quote(case["when"])}*)\n'
        f"  echo x >> {count}\n"
        f'  if [ "$(wc -l < {count})" -eq {case["nth"]} ]; then {how}; fi;;\n'
        "esac\n"
        f'exec {shlex.quote(str(kept))} "$@"\n'
    )
    real.chmod(0o755)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_fault_of_lane_3_ends_as_in_its_case(
    lab: Lab, case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb8deploy.lanes.verify.proof.wait_for_identity.IDENTITY_DEADLINE", 4.0)
    lab.deploy()
    if case["change"] == "bump":
        lab.write(config=config("1.0.1"))
    (lab.addon / "new.txt").write_text("new\n")
    if case.get("only_ha"):
        lab.environ = {k: v for k, v in lab.environ.items() if k not in {"HA_URL", "HA_LLAT"}}
    break_ha(lab, case)
    witness = Witness.of(lab)
    error, code = "", 0
    try:
        lab.deploy()
    except Bb8Error as caught:
        error, code = caught.code, caught.exit_code
    assert (error, code) == (case["error"], case["exit"]), lab.lines()
    # The first look asks whether the host can take a deploy, so nothing is sent before it.
    sent = SYNCED if case.get("sent", True) else SYNCED[:1]
    assert lab.tokens == sent + case["tokens"]
    assert witness.refutes(lab.lines()) == []
    if "runs" in case:
        assert (lab.state()["version"], lab.state()["state"]) == (case["runs"], "started")
