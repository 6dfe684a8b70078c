"""Whatever goes wrong on the host during a whole deploy, the host itself bears every token out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import Lab, config, open_lab
from tests.integration.witness import Witness, runtime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.deploy.deploy import deploy

CASES = json.loads((Path(__file__).parents[1] / "cases/faults/sync_host.json").read_text())["cases"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A sandbox that has never seen the app, over ssh."""
    with open_lab(tmp_path) as made:
        yield made


def arm(lab: Lab, case: dict[str, Any]) -> None:
    """Puts a program before the host's real one that goes wrong at its nth call."""
    name, real = case["tool"], shutil.which(case["tool"])
    count = lab.folder / "reports" / "count"
    how = {
        "kill": "kill -9 $PPID; exit 1",
        "kill after": f'{real} "$@"; kill -9 $PPID; exit 1',
        "fail": f'echo "{case.get("says", "")}" >&2; exit 1',
        "lie": "cat >/dev/null; exit 0",
        "stray": f'echo x > "{runtime(lab)}/stray"; exec {real} "$@"',
        "wrong hash": f'{real} "$@" | sed "s/^[0-9a-f]/0/;s/^0[0-9a-f]/ff/"; exit 0',
    }[case["how"]]
    place = lab.box.root / "bin" / name
    place.write_text(
        f"#!/bin/sh\nn=$(($(/bin/cat {count} 2>/dev/null || echo 0) + 1)); echo $n > {count}\n"
        f'if [ $n = {case["nth"]} ]; then {how}; fi\nexec {real} "$@"\n'
    )
    place.chmod(0o755)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_fault_of_lane_2_in_a_whole_deploy_leaves_no_false_token(lab: Lab, case: dict[str, Any]) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    (lab.addon / "new.txt").write_text("new\n")
    arm(lab, case)
    witness = Witness.of(lab)
    error: Bb8Error | None = None
    try:
        lab.deploy()
    except Bb8Error as met:
        error = met
    (lab.box.root / "bin" / case["tool"]).unlink()
    assert witness.refutes(lab.lines()) == []
    assert error is None or error.exit_code in {1, 3, 4, 5}
    assert (lab.state()["state"], lab.state()["version"]) == ("started", "1.0.0" if error else "1.0.1")

    lab.runs.clear()
    run = lab.run()
    run.assume_yes = True
    witness = Witness.of(lab)
    deploy(run)
    assert {"CLEAN_RUNTIME_OK", "VERIFY_OK"} <= set(lab.tokens)
    assert witness.refutes(lab.lines()) == []
    assert lab.state()["version"] == "1.0.1"
