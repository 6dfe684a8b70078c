"""The release plan: which version is made, which steps run, what a resume keeps."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.plan.release.publish import RemoteState, decide, overwritten
from bb8deploy.plan.release.release import Do, Name, Past, Situation, Target, steps, target

TODAY = date(2026, 11, 23)
V, NEXT = "2026.11.22.0", "2026.11.22.1"
BASE = Situation(version=NEXT, head="h", host="ha", broker="mq", remote="r", done={})


@pytest.mark.parametrize(
    ("how", "past", "expected"),
    [
        ("patch", Past(V), Target(NEXT)),
        ("date", Past(V), Target("2026.11.23.0")),
        ("patch", Past(V, released=True), Target(V, bump=False, nothing=True)),
        ("date", Past(V, released=True), Target(V, bump=False, nothing=True)),
        (V, Past(V, released=True), Target(V, bump=False, nothing=True)),
        ("2026.11.23.7", Past(V, released=True), Target("2026.11.23.7")),
        ("patch", Past(V, at_bump=True), Target(V, bump=False)),
        ("date", Past(V, at_bump=True), Target("2026.11.23.0")),
        ("date", Past("2026.11.23.2", at_bump=True), Target("2026.11.23.2", bump=False)),
        (V, Past(V), Target(V, bump=True)),
    ],
)
def test_a_version_is_made_once(how: str, past: Past, expected: Target) -> None:
    assert target(how, past, TODAY) == expected


def doing(now: Situation) -> dict[str, str]:
    return {step.name.value: step.do.value for step in steps(now)}


def test_every_step_runs_where_everything_is_set() -> None:
    assert set(doing(BASE).values()) == {"run"}
    assert list(doing(BASE)) == ["preflight", "validate", "bump", "deploy", "attest", "publish", "tag"]
    assert all(step.commands for step in steps(BASE))


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"broker": ""}, "attest"),
        ({"echo": False}, "attest"),
        ({"remote": ""}, "publish"),
        ({"bump": False}, "bump"),
    ],
)
def test_a_step_without_its_ground_is_skipped_with_a_reason(change: dict[str, object], name: str) -> None:
    step = next(s for s in steps(replace(BASE, **change)) if s.name == name)  # type: ignore[arg-type]
    assert step.do is Do.SKIP
    assert step.why


def test_a_resume_keeps_what_was_proven_for_this_commit() -> None:
    done = {str(name): {"commit": "h"} for name in ("validate", "bump", "deploy")}
    assert doing(replace(BASE, done=done)) == {
        "preflight": "run", "validate": "kept", "bump": "kept", "deploy": "kept",
        "attest": "run", "publish": "run", "tag": "run",
    }  # fmt: skip


def test_a_validation_before_the_bump_counts_for_the_bump() -> None:
    now = replace(BASE, parent="p", done={"validate": {"commit": "p"}})
    assert doing(now)["validate"] == "kept"


def test_what_runs_anew_makes_every_step_behind_it_due() -> None:
    done = {str(name): {"commit": "h"} for name in Name if name is not Name.DEPLOY}
    assert doing(replace(BASE, done=done, broker="")) == {
        "preflight": "run", "validate": "kept", "bump": "kept", "deploy": "run",
        "attest": "skipped", "publish": "run", "tag": "run",
    }  # fmt: skip


def test_a_new_commit_makes_every_proof_due_again() -> None:
    done = {str(name): {"commit": "old"} for name in Name}
    assert set(doing(replace(BASE, done=done)).values()) == {"run"}


@pytest.mark.parametrize(
    ("remote", "branch", "tag"),
    [
        (RemoteState(), True, True),
        (RemoteState("c", "t"), False, True),
        (RemoteState("c", "other"), True, True),
        (RemoteState("c", "t", "c", "t", tag_on_branch=True), False, False),
        (RemoteState("d", "other", "c", "t", tag_on_branch=True), True, False),
    ],
)
def test_only_what_is_missing_is_pushed(remote: RemoteState, branch: bool, tag: bool) -> None:
    pushes = decide(remote, "t", V)
    assert (pushes.branch, pushes.tag, pushes.nothing) == (branch, tag, not (branch or tag))


@pytest.mark.parametrize(
    ("remote", "code"),
    [
        (RemoteState("c", "t", "x", "u", tag_on_branch=True), "TAG_EXISTS"),
        (RemoteState("c", "t", "x", "t"), "TAG_STRAY"),
    ],
)
def test_a_tag_is_never_moved(remote: RemoteState, code: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        decide(remote, "t", V)
    assert caught.value.code == code


def test_only_hand_edits_that_would_be_lost_are_named() -> None:
    base = {"a": "1", "b": "1", "c": "1", "gone": "1"}
    tip = {"a": "2", "b": "2", "c": "1", "new": "9"}
    new = {"a": "2", "b": "3", "c": "4", "gone": "1"}
    assert overwritten(base, tip, new) == ["b", "gone", "new"]
