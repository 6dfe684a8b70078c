"""What the agent prints, and when a delivery counts as proven."""

from __future__ import annotations

from bb8deploy.plan.logs.dev_agent_log import AgentLine, progress, told
from bb8deploy.plan.logs.identity_line import Expected

WANTED = Expected("1", "sha256:a", "run-2")


def identity(run: str = "run-2", tree: str = "sha256:a") -> str:
    return f"x | IDENTITY version=1 tree={tree} commit=c run={run} python=none live=on"


def test_a_line_of_the_agent_is_read_with_its_reason() -> None:
    assert told('BB8LIVE cannot run=run-2 reason="no room here"') == AgentLine(
        "cannot", "run-2", "no room here"
    )
    assert told("[12:00] BB8LIVE on mode=s6 watch=poll run=run-1") == AgentLine("on", "run-1")
    assert told("a BB8LIVELY line") is None


def test_both_the_identity_and_the_living_process_are_needed() -> None:
    up = "BB8LIVE up run=run-2"
    assert not progress([identity()], WANTED).proven
    assert not progress([up], WANTED).proven
    assert progress([identity(), up], WANTED).proven
    assert progress([up, identity()], WANTED).proven


def test_another_run_or_another_tree_proves_nothing() -> None:
    up = "BB8LIVE up run=run-2"
    assert not progress([identity("run-1"), up], WANTED).proven
    assert not progress([identity(tree="sha256:b"), up], WANTED).proven
    assert not progress([identity(), "BB8LIVE up run=run-1"], WANTED).proven


def test_a_process_that_ended_again_is_a_failure() -> None:
    seen = progress([identity(), "BB8LIVE up run=run-2", "BB8LIVE down run=run-2"], WANTED)
    assert (seen.proven, seen.failed) == (False, "its process ended again")
    assert progress(['BB8LIVE cannot run=run-2 reason="x"'], WANTED).cannot == "x"
