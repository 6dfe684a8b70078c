"""The tables of faults: enough of them, none twice, each with an error that a reader can look up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bb8deploy.catalogue.code_lookup import entries
from bb8deploy.lanes.verify.failure_errors import UNLISTED
from bb8deploy.runs.tokens import Token

HERE = Path(__file__).parents[2]
TABLES = {
    path.stem: json.loads(path.read_text())["cases"]
    for path in sorted((HERE / "cases/faults").glob("*.json"))
}
ALL = [pytest.param(case, id=f"{table}: {case['name']}") for table, cases in TABLES.items() for case in cases]
EXITS = {0, 1, 2, 3, 4, 5}
# The Supervisor installed nothing: the files are back, and the app that ran was not touched.
NOTHING_PUT_IN = {
    *UNLISTED,
    "SUPERVISOR_SAID_NO",
    "PROFILE_SAME_VERSION",
    "IMAGE_SAME_VERSION",
    "OPTIONS_INVALID",
}
LANE_3 = {"DEPLOY_OK", "RUN_SH_PRESENT", "PY_OK", "VERIFY_OK", "RUNTIME_TOPOLOGY_OK", "DEPLOY_SSH_OK"}


def test_lanes_2_and_3_meet_far_more_than_forty_faults() -> None:
    assert len(ALL) >= 100
    for table, cases in TABLES.items():
        names = [case["name"] for case in cases]
        assert len(set(names)) == len(names), table


@pytest.mark.parametrize("case", ALL)
def test_a_fault_names_a_code_with_a_page_and_an_exit_code(case: dict[str, Any]) -> None:
    exits = case["exit"] if isinstance(case["exit"], list) else [case["exit"]]
    assert set(exits) <= EXITS
    assert bool(case["error"]) == (exits != [0]) or len(exits) > 1
    assert not case["error"] or case["error"] in entries() or case["error"].endswith("_")


@pytest.mark.parametrize("case", ALL)
def test_no_fault_that_ends_in_an_error_expects_a_token_of_success(case: dict[str, Any]) -> None:
    assert set(case["tokens"]) <= set(Token)
    if case["exit"] not in (0, [0]):
        assert not {"VERIFY_OK", "DEPLOY_SSH_OK"} & set(case["tokens"])
    if "ROLLBACK_OK" in case["tokens"]:
        assert case["tokens"][-1] == "ROLLBACK_OK"
        assert case["exit"] == (1 if case["error"] in NOTHING_PUT_IN else 4)
    if case["exit"] == 3:
        assert not LANE_3 & set(case["tokens"])
