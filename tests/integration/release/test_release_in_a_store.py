"""Releases in the store layout: one app, its own tag and subject, and pushes of another person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.release.test_release_of_a_workspace import HOST, Calls, broken, states
from tests.integration.shop import FIRST, Shop, make_shop

from bb8deploy.base.errors import Bb8Error, NotVerified
from bb8deploy.lanes.release.outcome import ReleaseOptions, ReleaseOutcome
from bb8deploy.lanes.release.release import continue_release, release
from bb8deploy.lanes.release.resume_release import find_unfinished, reopen
from bb8deploy.runs.run import Run
from bb8deploy.workspace.versions.version_numbers import Pre


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return make_shop(tmp_path)


def go(
    shop: Shop,
    how: str = "patch",
    *,
    options: ReleaseOptions | None = None,
    calls: Calls | None = None,
    dry_run: bool = False,
) -> tuple[Run, ReleaseOutcome]:
    run = shop.run_in_store(dry_run=dry_run, **HOST)
    return run, release(run, how, options or ReleaseOptions(), (calls or Calls()).lanes())


def go_on(shop: Shop, calls: Calls | None = None) -> ReleaseOutcome:
    run = shop.run_in_store(**HOST)
    past = find_unfinished(run.reports)
    return continue_release(reopen(run, past), past, (calls or Calls()).lanes())


def stopped(shop: Shop, code: str, how: str = "patch") -> Bb8Error:
    """A release that preflight stops: nothing has changed, here or on the remote."""
    before = shop.refs() + shop.at_store("for-each-ref")
    with pytest.raises(Bb8Error) as caught:
        go(shop, how)
    assert caught.value.code == code, caught.value
    assert shop.refs() + shop.at_store("for-each-ref") == before
    return caught.value


def test_a_release_bumps_one_app_and_publishes_the_commit_with_its_tag(shop: Shop) -> None:
    go(shop.of("fan"))
    shop.change("lamp", "brighter", "feat: brighter")
    run, outcome = go(shop, "auto")
    assert outcome.version == "1.0.0"  # it was never released
    shop.change("lamp", "brighter still", "feat: brighter still")
    run, outcome = go(shop, "auto")
    assert outcome.version == "1.1.0"
    assert set(states(outcome).values()) == {"done"}
    assert shop.git("log", "-1", "--format=%s") == "Release lamp 1.1.0"
    assert shop.at_store("rev-parse", "main") == shop.git("rev-parse", "HEAD")
    assert shop.at_store("rev-parse", "lamp-1.1.0") == shop.git("rev-parse", "lamp-1.1.0")
    assert "## 1.1.0\n\n- feat: brighter still\n" in (shop.addon / "CHANGELOG.md").read_text()
    assert run.ledger.held()[-2:] == ["SUBTREE_PUBLISH_OK", "TAG_OK"]
    fan = shop.of("fan").addon / "CHANGELOG.md"
    assert "brighter" not in fan.read_text()


@pytest.mark.e2e
def test_a_pre_release_goes_on_to_its_version(shop: Shop) -> None:
    beta = ReleaseOptions(pre=Pre.BETA)
    versions = []
    for options in (beta, beta, ReleaseOptions()):
        shop.change("lamp", f"change {len(versions)}", "Change")
        versions.append(go(shop, "minor", options=options)[1].version)
    assert versions == ["1.1.0-beta.1", "1.1.0-beta.2", "1.1.0"]
    assert shop.at_store("tag").splitlines() == [f"lamp-{version}" for version in ["1.1.0", *versions[:2]]]


def test_a_dry_run_reports_the_layout_and_changes_nothing(shop: Shop) -> None:
    before = shop.refs() + shop.at_store("for-each-ref")
    _, outcome = go(shop, "minor", dry_run=True)
    commands = " ".join(command for step in outcome.steps for command in step.commands)
    assert "layout: store" in commands
    assert "refs/tags/lamp-1.1.0" in commands
    assert "Release lamp 1.1.0" in commands
    assert shop.refs() + shop.at_store("for-each-ref") == before


def test_preflight_stops_before_the_bump_if_another_person_pushed(shop: Shop, tmp_path: Path) -> None:
    other = shop.person(tmp_path / "other")
    other.commit("fan/run.sh", "#!/bin/sh\nexec false\n", "Work of another person")
    other.git("push", "-q", "origin", "main")
    error = stopped(shop, "UPSTREAM_AHEAD")
    assert "`git pull --rebase origin main`" in error.remedy
    assert any("REMOTE_AHEAD" in line for line in error.details)
    shop.git("branch", "-q", "--unset-upstream")
    stopped(shop, "REMOTE_AHEAD")


@pytest.mark.e2e
def test_preflight_stops_on_another_branch(shop: Shop) -> None:
    shop.git("switch", "-q", "-c", "idea")
    stopped(shop, "BRANCH_OTHER")


@pytest.mark.e2e
def test_a_push_of_another_person_during_the_deploy_is_joined_by_a_resume(shop: Shop, tmp_path: Path) -> None:
    shop.change("lamp", "brighter", "Brighter")
    other = shop.person(tmp_path / "other")
    other.commit("fan/run.sh", "#!/bin/sh\nexec false\n", "Meanwhile")
    calls = Calls()
    real = calls.lanes()

    def slow(run: Run) -> None:
        other.git("push", "-q", "origin", "main")
        real.deploy(run)

    run = shop.run_in_store(**HOST)
    with pytest.raises(Bb8Error) as caught:
        release(run, "patch", ReleaseOptions(), replace(real, deploy=slow))
    assert caught.value.code == "REMOTE_AHEAD"
    assert any("Meanwhile" in line for line in caught.value.details)
    assert shop.at_store("tag") == ""
    assert run.ledger.held()[-1] == "TELEMETRY_ATTEST_OK"
    shop.git("pull", "-q", "--rebase")
    calls = Calls()
    go_on(shop, calls)
    assert calls.made == ["reach", "validate", "deploy", "attest"]  # the new commit is proven from the start
    assert shop.at_store("rev-parse", "main") == shop.git("rev-parse", "HEAD")
    assert shop.git("log", "--format=%s").splitlines().count("Release lamp 1.0.1") == 1
    assert shop.at_store("rev-parse", "lamp-1.0.1^{commit}") == shop.git("rev-parse", "HEAD")


@pytest.mark.e2e
def test_a_failed_deploy_publishes_nothing_and_a_resume_goes_on(shop: Shop) -> None:
    before = shop.at_store("for-each-ref")
    with pytest.raises(NotVerified) as caught:
        go(shop, calls=Calls(fail={"deploy": broken()}))
    assert shop.at_store("for-each-ref") == before
    assert any("--resume" in line for line in caught.value.details)
    go_on(shop)
    assert shop.at_store("tag") == "lamp-1.0.1"


@pytest.mark.e2e
def test_a_second_release_without_a_change_does_nothing(shop: Shop) -> None:
    go(shop)
    shop.change("fan", "faster", "Only the other app")
    for how in ("patch", "minor", "auto"):
        assert go(shop, how)[1].nothing
    assert go(shop.of("fan"), "auto")[1].version == FIRST
