"""Holds the reading of refusals to what the real Supervisor was recorded to say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bb8deploy.host.supervisor.route_interface import AddonState, RefusalKind, SupervisorError, unwrap

RECORDED = Path(__file__).parents[3] / "shared" / "transcripts" / "supervisor_api.jsonl"
KINDS = {
    "rebuild after bump": RefusalKind.VERSION_CHANGED,
    "update again": RefusalKind.NO_UPDATE,
    "rebuild detached": RefusalKind.NOT_IN_STORE,
    "concurrent start": RefusalKind.BUSY,
    "unknown add-on info": RefusalKind.UNKNOWN_APP,
    "install again": RefusalKind.INSTALLED,
    "rebuild not installed": RefusalKind.NOT_INSTALLED,
    "rebuild without Dockerfile": RefusalKind.NO_DOCKERFILE,
    "update with failing build while running": RefusalKind.BUILD_FAILED,
    "start w/ bad defaults": RefusalKind.OPTIONS,
    "start local_withport2": RefusalKind.PORT,
    "update to unsupported arch": RefusalKind.WRONG_ARCH,
}


def exchanges() -> list[dict[str, Any]]:
    if not RECORDED.exists():
        pytest.skip("SKIPPED: the recorded exchanges are not beside this checkout")
    return [json.loads(line) for line in RECORDED.read_text().splitlines()]


def test_each_recorded_refusal_is_of_its_kind() -> None:
    rows = {row["note"]: row for row in exchanges()}
    for note, problem in KINDS.items():
        with pytest.raises(SupervisorError) as caught:
            unwrap(json.loads(rows[note]["response"]), doing="x", status=rows[note]["status"])
        assert caught.value.problem is problem, note


def test_each_recorded_state_can_be_read() -> None:
    infos = [
        row for row in exchanges() if row["path"].endswith("/info") and row["path"].startswith("/addons/")
    ]
    states = [
        AddonState.parse("x", unwrap(json.loads(row["response"]), doing="x"))
        for row in infos
        if row["status"] == 200
    ]
    assert len(states) > 10
    assert {state.state for state in states} >= {"started", "stopped", "error", "unknown"}
    assert any(not state.installed and state.listed for state in states)
    assert any(state.detached for state in states)
