"""Holds the lifecycle plan to its cases, and to what no case may ever do."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from bb8deploy.plan.install_action import Action, Facts, decide

CASES = json.loads((Path(__file__).parents[2] / "cases/lifecycle/decisions.json").read_text())["cases"]
USUAL: dict[str, Any] = {"wanted": "1.0.1", "listed": "1.0.1", "installed": "1.0.0", "state": "started"}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_plan_follows_from_the_facts(case: dict[str, Any]) -> None:
    decision = decide(Facts(**{**USUAL, **case["facts"]}))
    assert (decision.action.value, decision.code) == (case["action"], case.get("code", ""))
    assert decision.start is case.get("start", False)
    assert decision.why
    assert bool(decision.refusal) is (decision.action is Action.REFUSE)


def test_no_combination_rebuilds_another_version_or_starts_against_the_users_wish() -> None:
    versions, states = ("", "1.0.0", "1.0.1"), ("started", "startup", "stopped", "error", "unknown")
    flags = (False, True)
    for installed, listed, state, a, b, c, d, start in itertools.product(
        versions, versions, states, flags, flags, flags, flags, flags
    ):
        facts = Facts("1.0.1", installed, listed, state, a, b, c, d, start)
        decision = decide(facts)
        if decision.action is not Action.REFUSE:
            assert listed == "1.0.1"
            assert not facts.detached
        if decision.action is Action.REBUILD:
            assert installed == "1.0.1"
            assert not facts.image_based
            assert not facts.profile_changed
        if decision.action is Action.UPDATE:
            assert installed not in {"", "1.0.1"}
        if decision.action is Action.NONE:
            assert facts.same_content
        assert start or not decision.start
