"""The release plan: which version is made, which steps run, what a resume keeps."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import date

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.plan.release.push_plan import (
    Pushes,
    Relation,
    RemoteState,
    decide,
    decide_in_store,
    overwritten,
    pull_command,
)
from bb8deploy.plan.release.release_plan import Do, Name, Past, ReleaseTarget, Situation, steps, target
from bb8deploy.workspace.versions.version_numbers import Pre

TODAY = date(2026, 11, 23)
V, NEXT = "2026.11.22.0", "2026.11.22.1"
BASE = Situation(version=NEXT, head="h", host="ha", broker="mq", remote="r", done={})


@pytest.mark.parametrize(
    ("how", "past", "expected"),
    [
        ("patch", Past(V), ReleaseTarget(NEXT)),
        ("date", Past(V), ReleaseTarget("2026.11.23.0")),
        ("patch", Past(V, released=True), ReleaseTarget(V, bump=False, nothing=True)),
        ("date", Past(V, released=True), ReleaseTarget(V, bump=False, nothing=True)),
        (V, Past(V, released=True), ReleaseTarget(V, bump=False, nothing=True)),
        ("2026.11.23.7", Past(V, released=True), ReleaseTarget("2026.11.23.7")),
        ("patch", Past(V, at_bump=True), ReleaseTarget(V, bump=False)),
        ("date", Past(V, at_bump=True), ReleaseTarget("2026.11.23.0")),
        ("date", Past("2026.11.23.2", at_bump=True), ReleaseTarget("2026.11.23.2", bump=False)),
        (V, Past(V), ReleaseTarget(V, bump=True)),
    ],
)
def test_a_version_is_made_once(how: str, past: Past, expected: ReleaseTarget) -> None:
    assert target(how, past, TODAY) == expected


def doing(now: Situation) -> dict[str, str]:
    return {step.name.value: step.do.value for step in steps(now)}


def test_every_step_runs_if_everything_is_set() -> None:
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
    done = {str(name): "h" for name in ("validate", "bump", "deploy")}
    assert doing(replace(BASE, done=done)) == {
        "preflight": "run", "validate": "kept", "bump": "kept", "deploy": "kept",
        "attest": "run", "publish": "run", "tag": "run",
    }  # fmt: skip


def test_a_validation_before_the_bump_counts_for_the_bump() -> None:
    now = replace(BASE, parent="p", done={"validate": "p"})
    assert doing(now)["validate"] == "kept"


def test_what_runs_again_makes_every_step_after_it_due() -> None:
    done = {str(name): "h" for name in Name if name is not Name.DEPLOY}
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


@pytest.mark.parametrize(
    ("how", "pre", "past", "expected"),
    [
        ("minor", None, Past("1.2.3"), "1.3.0"),
        ("minor", Pre.BETA, Past("1.2.3"), "1.3.0-beta.1"),
        ("auto", None, Past("1.2.3", messages=("fix: a", "feat: b")), "1.3.0"),
        ("auto", None, Past("1.2.3", messages=("Change it",)), "1.2.4"),
        ("auto", Pre.RC, Past("1.2.3", messages=("feat!: b",)), "2.0.0-rc.1"),
        ("auto", None, Past("2026.11.22.4", messages=("feat: b",)), "2026.11.23.0"),
        ("auto", None, Past("1.0.0", messages=("feat: b",), first=True), "1.0.0"),
        ("patch", None, Past("1.3.0-beta.1", released=True), "1.3.0"),
        ("patch", Pre.BETA, Past("1.3.0-beta.1"), "1.3.0-beta.2"),
        ("minor", None, Past("1.3.0", at_bump=True), "1.3.0"),
        ("minor", None, Past("1.3.1", at_bump=True), "1.4.0"),
        ("minor", Pre.BETA, Past("1.3.0", at_bump=True), "1.4.0-beta.1"),
        ("minor", Pre.BETA, Past("1.3.0-beta.1", at_bump=True), "1.3.0-beta.1"),
        ("auto", None, Past("1.3.0", at_bump=True, messages=("feat: b",)), "1.3.0"),
    ],
)
def test_the_version_follows_the_request_and_the_commits(
    how: str, pre: Pre | None, past: Past, expected: str
) -> None:
    found = target(how, past, TODAY, pre)
    assert (found.version, found.nothing) == (expected, False)
    assert bool(found.why) is (how == "auto")
    assert found.bump is not past.at_bump or expected != past.current


@pytest.mark.parametrize(
    ("past", "pre", "version", "why"),
    [
        (Past("1.3.0-beta.1", released=True), None, "1.3.0", "ends the pre-release 1.3.0-beta.1"),
        (Past("1.3.0-beta.1", messages=("fix: a",)), None, "1.3.0", "ends the pre-release 1.3.0-beta.1"),
        (
            Past("1.3.0-beta.1", messages=("fix: a",)),
            Pre.BETA,
            "1.3.0-beta.2",
            "the next pre-release after 1.3.0-beta.1",
        ),
        (
            Past("1.2.4-beta.1", messages=("feat: a",)),
            None,
            "1.3.0",
            "minor: 1 of 1 commit(s) since the last release: a feature",
        ),
        (
            Past("2026.11.23.0b1", messages=("x",)),
            None,
            "2026.11.23.0",
            "ends the pre-release 2026.11.23.0b1",
        ),
        (Past("1.3.0", at_bump=True, messages=("x",)), None, "1.3.0", "bumped already, not released yet"),
    ],
)
def test_the_reason_of_an_automatic_version_is_what_made_it(
    past: Past, pre: Pre | None, version: str, why: str
) -> None:
    found = target("auto", past, TODAY, pre)
    assert (found.version, found.why) == (version, why)


@pytest.mark.parametrize(
    ("how", "pre", "current"),
    [("minor", None, "1.2.3"), ("auto", None, "1.2.3"), ("minor", Pre.BETA, "1.3.0-beta.1")],
)
def test_what_is_released_already_is_not_released_again(how: str, pre: Pre | None, current: str) -> None:
    past = Past(current, released=True, messages=("feat: a",))
    assert target(how, past, TODAY, pre) == ReleaseTarget(current, bump=False, nothing=True)


@pytest.mark.parametrize(
    ("relation", "tip_tree", "pushes"),
    [
        (Relation.ABSENT, "", (True, True)),
        (Relation.OLDER, "u", (True, True)),
        (Relation.HOLDS_IT, "t", (False, True)),
        (Relation.HOLDS_IT, "u", "REMOTE_AHEAD"),
        (Relation.DIVERGED, "t", "REMOTE_AHEAD"),
        (Relation.UNRELATED, "t", "REMOTE_UNRELATED"),
    ],
)
def test_a_store_gets_what_it_lacks_and_loses_nothing(
    relation: Relation, tip_tree: str, pushes: tuple[bool, bool] | str
) -> None:
    state = RemoteState("c", tip_tree)
    if isinstance(pushes, str):
        with pytest.raises(CheckFailed) as caught:
            _in_store(state, relation)
        assert caught.value.code == pushes
        assert ("Run `PULL`," in caught.value.remedy) == (pushes == "REMOTE_AHEAD")
        return
    found = _in_store(state, relation)
    assert (found.branch, found.tag) == pushes


def _in_store(state: RemoteState, relation: Relation) -> Pushes:
    return decide_in_store(
        state, relation, "t", "lamp-1.0.0", tag_is_ours=False, shown="main of r", pull="PULL"
    )


def test_the_pull_names_remote_and_branch_as_a_shell_takes_them() -> None:
    assert pull_command("origin", "main") == "git pull --rebase origin main"
    words = shlex.split(pull_command("../my store.git", "a;b"))
    assert words == ["git", "pull", "--rebase", "../my store.git", "a;b"]


def test_the_commands_of_a_dry_run_say_the_layout() -> None:
    store = replace(BASE, in_store=True, tag="lamp-1.1.0", named="lamp 1.1.0", image="")
    text = {step.name.value: " ".join(step.commands) for step in steps(store)}
    assert "layout: store" in text["publish"]
    assert "HEAD:refs/heads/main" in text["publish"]
    assert "refs/tags/lamp-1.1.0" in text["publish"]
    assert "commit-tree" not in text["publish"]
    assert "Release lamp 1.1.0" in text["bump"]
    subtree = {step.name.value: " ".join(step.commands) for step in steps(BASE)}
    assert "layout: subtree" in subtree["publish"]
