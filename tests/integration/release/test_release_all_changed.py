"""`release --all-changed`: every changed app of a store in one commit, a tag for each, nothing half-way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.release.test_release_of_a_workspace import HOST, Calls, broken
from tests.integration.shop import Shop, make_shop

from bb8deploy.base.errors import Bb8Error, NotVerified
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions
from bb8deploy.lanes.release.resume_release import find_unfinished, reopen
from bb8deploy.lanes.release.several.release_several import SeveralOutcome, continue_changed, release_changed
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.runs.journal import SWAP
from bb8deploy.runs.run import Run

LANES = ["reach", "validate", "deploy", "attest"]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return make_shop(tmp_path)


class PerApp(Calls):
    """Lanes that note the app too: `deploy lamp`; `fail` has the same names."""

    def at(self, name: str, token: Any = None) -> Callable[..., None]:
        def call(run: Run, *_: object) -> None:
            named = f"{name} {run.addon.name}"
            self.made.append(named)
            if named in self.fail:
                raise self.fail[named]
            if token:
                run.ledger.emit(token)

        return call


def go(
    shop: Shop, how: str = "auto", *, lanes: Lanes | None = None, dry_run: bool = False, **options: Any
) -> tuple[Run, SeveralOutcome]:
    run = shop.run_in_store(dry_run=dry_run, **HOST)
    return run, release_changed(run, how, ReleaseOptions(**options), lanes or PerApp().lanes())


def go_on(shop: Shop, calls: Calls | None = None) -> tuple[Run, SeveralOutcome]:
    run = shop.run_in_store(**HOST)
    past = find_unfinished(run.reports)
    again = reopen(run, past)
    return again, continue_changed(again, past, (calls or PerApp()).lanes())


def first_release(shop: Shop) -> None:
    """Both apps at 1.0.0, then a feature of the lamp and a fix of the fan."""
    go(shop)
    shop.change("lamp", "brighter", "feat: brighter")
    shop.change("fan", "faster", "fix: faster")


def tags(shop: Shop) -> set[str]:
    return set(shop.at_store("tag").splitlines())


def assert_published(shop: Shop, *names: str) -> None:
    """The remote has the commit of HEAD and each tag on it; the workspace has the same tags."""
    head = shop.git("rev-parse", "HEAD")
    assert shop.at_store("rev-parse", "main") == head
    assert tags(shop) >= set(names)
    for name in names:
        assert shop.at_store("rev-parse", f"{name}^{{commit}}") == head
        assert shop.at_store("rev-parse", name) == shop.git("rev-parse", name)
    assert shop.git("status", "--porcelain") == ""


def test_every_changed_app_is_released_in_one_commit_with_a_tag_each(shop: Shop) -> None:
    run, outcome = go(shop)
    assert outcome.versions == "fan 1.0.0, lamp 1.0.0"
    assert_published(shop, "fan-1.0.0", "lamp-1.0.0")
    shop.change("lamp", "brighter", "feat: brighter")
    shop.change("fan", "faster", "fix: faster")
    before, calls = int(shop.git("rev-list", "--count", "HEAD")), PerApp()
    run, outcome = go(shop, lanes=calls.lanes())
    assert outcome.versions == "fan 1.0.1, lamp 1.1.0"
    assert_published(shop, "fan-1.0.1", "lamp-1.1.0")
    assert int(shop.git("rev-list", "--count", "HEAD")) == before + 1
    assert shop.git("log", "-1", "--format=%s") == "Release fan 1.0.1, lamp 1.1.0"
    assert "- feat: brighter" in (shop.root / "lamp" / "CHANGELOG.md").read_text()
    assert "brighter" not in (shop.root / "fan" / "CHANGELOG.md").read_text()
    assert calls.made[:2] == ["reach fan", "reach lamp"]
    assert calls.made[-4:] == ["deploy fan", "deploy lamp", "attest fan", "attest lamp"]
    assert_receipts(shop, run)
    assert go(shop)[1].nothing


def assert_receipts(shop: Shop, run: Run) -> None:
    """Each app has its own receipts, contract and evidence; those of the workspace have the lines of all."""
    whole = (run.reports / "publish_receipt.txt").read_text().splitlines()
    for app in ("fan", "lamp"):
        folder = run.reports / "apps" / app
        own = (folder / "publish_receipt.txt").read_text().splitlines()
        assert [line.split()[1] for line in own] == ["BUMP_OK", "SUBTREE_PUBLISH_OK", "TAG_OK"]
        assert all(f"run={run.id}-{app}" in line for line in own)
        assert set(own) <= set(whole)
        evidence = folder / "runs" / f"{run.id}-{app}" / "evidence_manifest.json"
        assert evidence.is_file()
    contract = json.loads((run.folder / "release_contract_v1.json").read_text())
    assert (contract["verdict"], contract["version"]) == ("PASS", "fan 1.0.1, lamp 1.1.0")
    assert {step["state"] for step in contract["steps"]} == {"done"}


@pytest.mark.e2e
def test_an_app_that_did_not_change_is_left_alone(shop: Shop) -> None:
    go(shop)
    shop.change("lamp", "brighter", "Brighter")
    assert go(shop, "minor")[1].versions == "lamp 1.1.0"
    assert tags(shop) == {"fan-1.0.0", "lamp-1.0.0", "lamp-1.1.0"}


@pytest.mark.e2e
@pytest.mark.parametrize("failing", ["validate lamp", "deploy fan", "deploy lamp", "attest lamp"])
def test_nothing_is_published_unless_every_app_is_verified(shop: Shop, failing: str) -> None:
    first_release(shop)
    before = shop.at_store("for-each-ref")
    calls = PerApp(fail={failing: broken()})
    with pytest.raises(NotVerified) as caught:
        go(shop, lanes=calls.lanes())
    assert shop.at_store("for-each-ref") == before
    assert caught.value.cause == f"{failing.split()[1]}: another version answers"
    bumped = shop.git("log", "-1", "--format=%s").startswith("Release")
    assert bumped is not failing.startswith("validate")
    assert any("--resume" in line for line in caught.value.details) is bumped
    again = PerApp()
    _, outcome = go_on(shop, again)
    assert_published(shop, "fan-1.0.1", "lamp-1.1.0")
    every = [f"{lane} {app}" for lane in LANES for app in ("fan", "lamp")]
    due = {name for name in every if name.startswith("reach")} | set(every[every.index(failing) :])
    repeated = set(again.made)
    assert due - {name for name in calls.made if name != failing} <= repeated
    assert "deploy fan" not in repeated or failing in {"validate lamp", "deploy fan"}
    assert shop.git("log", "--format=%s").splitlines().count("Release fan 1.0.1, lamp 1.1.0") == 1
    assert outcome.versions == "fan 1.0.1, lamp 1.1.0"


@pytest.mark.e2e
def test_a_new_commit_after_a_failure_is_proven_for_every_app(shop: Shop) -> None:
    first_release(shop)
    with pytest.raises(NotVerified):
        go(shop, lanes=PerApp(fail={"deploy lamp": broken()}).lanes())
    shop.change("lamp", "fixed", "fix: correct it")
    calls = PerApp()
    go_on(shop, calls)
    assert sorted(calls.made) == sorted(f"{lane} {app}" for lane in LANES for app in ("fan", "lamp"))
    assert_published(shop, "fan-1.0.1", "lamp-1.1.0")


@pytest.mark.e2e
def test_a_deploy_of_another_run_in_between_is_seen_by_the_resume(shop: Shop) -> None:
    first_release(shop)
    with pytest.raises(NotVerified):
        go(shop, lanes=PerApp(fail={"attest lamp": broken()}).lanes())
    other = shop.run_in_store(**HOST)
    other.journal.write(SWAP, "done")
    calls = PerApp()
    go_on(shop, calls)
    assert {"deploy fan", "deploy lamp"} <= set(calls.made)


@pytest.mark.e2e
def test_a_push_of_another_person_stops_before_a_tag_is_made(shop: Shop, tmp_path: Path) -> None:
    first_release(shop)
    other = shop.person(tmp_path / "other")
    other.commit("README.md", "# Other\n", "Meanwhile")
    calls = PerApp()
    real = calls.lanes()

    def slow(run: Run) -> None:
        other.git("push", "-q", "origin", "main")
        real.deploy(run)

    shop.git("push", "-q", "origin", "main")
    other.git("pull", "-q", "--rebase")
    with pytest.raises(Bb8Error) as caught:
        go(shop, lanes=replace(real, deploy=slow))
    assert caught.value.code == "REMOTE_AHEAD"
    assert tags(shop) == {"fan-1.0.0", "lamp-1.0.0"}
    shop.git("pull", "-q", "--rebase")
    go_on(shop)
    assert_published(shop, "fan-1.0.1", "lamp-1.1.0")


@pytest.mark.e2e
def test_a_hook_that_refuses_one_tag_leaves_everything_as_it_was(shop: Shop) -> None:
    first_release(shop)
    before = shop.at_store("for-each-ref")
    hook = shop.store / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in *lamp-1.1.0) echo "hook declined" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    with pytest.raises(Bb8Error) as caught:
        go(shop)
    assert caught.value.code == "REMOTE_PROTECTED"
    assert shop.at_store("for-each-ref") == before
    assert "SUBTREE_PUBLISH_OK" not in (shop.root / "reports" / "publish_receipt.txt").read_text()
    hook.unlink()
    calls = PerApp()
    go_on(shop, calls)
    assert calls.made == ["reach fan", "reach lamp"]
    assert_published(shop, "fan-1.0.1", "lamp-1.1.0")


@pytest.mark.e2e
def test_it_may_stop_after_a_step_and_go_on_later(shop: Shop) -> None:
    first_release(shop)
    before = shop.at_store("for-each-ref")
    _, outcome = go(shop, until=Name.BUMP)
    assert outcome.stopped
    assert shop.at_store("for-each-ref") == before
    calls = PerApp()
    go_on(shop, calls)
    assert "validate fan" not in calls.made
    assert_published(shop, "fan-1.0.1", "lamp-1.1.0")


@pytest.mark.e2e
def test_a_dry_run_shows_every_app_and_changes_nothing(shop: Shop) -> None:
    first_release(shop)
    before = shop.refs() + shop.at_store("for-each-ref")
    run, outcome = go(shop, dry_run=True)
    commands = [c for m in outcome.members for step in m.outcome.steps for c in step.commands]
    assert any("refs/tags/fan-1.0.1" in command for command in commands)
    assert any("edit lamp/config.yaml" in command for command in commands)
    assert shop.refs() + shop.at_store("for-each-ref") == before
    assert not run.ledger.held()


def stopped(shop: Shop, code: str, how: str = "auto", **flags: str) -> None:
    """A release that is refused before anything changes."""
    run = shop.run_in_store(**{**HOST, **flags})
    before = shop.refs() + shop.at_store("for-each-ref")
    with pytest.raises(Bb8Error) as caught:
        release_changed(run, how, ReleaseOptions(), PerApp().lanes())
    assert caught.value.code == code, caught.value
    assert shop.refs() + shop.at_store("for-each-ref") == before


@pytest.mark.e2e
def test_what_cannot_be_is_refused_before_anything_changes(shop: Shop, tmp_path: Path) -> None:
    stopped(shop, "RELEASE_ONE_APP", how="1.2.3")
    stopped(shop, "ALL_CHANGED_NOT_STORE", BB8_LAYOUT="subtree")
    stopped(shop, "SETTING_PER_APP", HA_REMOTE_RUNTIME="/addons/lamp")
    stopped(shop, "SETTING_PER_APP", HA_MOUNT=str(tmp_path))
    shop.commit(
        "fan/config.yaml", (shop.root / "fan/config.yaml").read_text().replace("1.0.0", "edge"), "Odd"
    )
    shop.git("push", "-q", "origin", "main")
    shop.git("tag", "fan-0.9.0", "HEAD~1")
    stopped(shop, "VERSION_INVALID")


def test_an_excluded_app_is_not_released(shop: Shop) -> None:
    (shop.root / "bb8deploy.toml").write_text('exclude = ["fan"]\n')
    shop.git("add", "-A")
    shop.git("commit", "-qm", "Exclude the fan")
    run, outcome = go(shop)
    assert [member.slug for member in outcome.members] == ["lamp"]
    assert tags(shop) == {"lamp-1.0.0"}
    assert run


@pytest.mark.parametrize("text", ['"fan"', "[1]", '["fann"]'])
def test_a_wrong_exclusion_releases_nothing(shop: Shop, text: str) -> None:
    (shop.root / "bb8deploy.toml").write_text(f"exclude = {text}\n")
    shop.git("add", "-A")
    shop.git("commit", "-qm", "Exclude something")
    with pytest.raises(Bb8Error) as caught:
        go(shop)
    assert caught.value.code == "SETTING_INVALID"
    assert tags(shop) == set()
