"""Releases in real repositories: order, refusals, the way on after a failure, and nothing twice."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.integration.desk import Desk

from bb8deploy.base.errors import Bb8Error, CheckFailed, NotVerified, Unreachable, UsageError
from bb8deploy.lanes.publish.outcome import PublishOptions, PublishOutcome
from bb8deploy.lanes.publish.publish import publish
from bb8deploy.lanes.release import run_steps as releasing
from bb8deploy.lanes.release.outcome import Lanes, ReleaseOptions, ReleaseOutcome
from bb8deploy.lanes.release.release import continue_release, release
from bb8deploy.lanes.release.resume_release import find_unfinished, reopen
from bb8deploy.lanes.release.run_steps import NOTHING_TO_BUMP
from bb8deploy.lanes.release.version_bump import BumpOutcome, bump
from bb8deploy.plan.logs.identity_line import Expected
from bb8deploy.plan.release.release_plan import Name
from bb8deploy.runs.contracts.validate import TestsModel
from bb8deploy.runs.evidence.evidence_manifest import verify
from bb8deploy.runs.evidence.manifest_signature import check
from bb8deploy.runs.journal import PUT_BACK, SWAP
from bb8deploy.runs.run import Run
from bb8deploy.runs.tokens import Token
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk

OLD, NEW = "2026.1.2.0", "2026.1.2.1"
HOST = {"HA_SSH_HOST_ALIAS": "ha.example", "MQTT_HOST": "mq.example"}


@dataclass
class Calls:
    """Lanes that note their turn; `fail` maps a lane to what it raises."""

    made: list[str] = field(default_factory=list)
    fail: dict[str, BaseException] = field(default_factory=dict)

    def lanes(self) -> Lanes:
        return Lanes(
            reach=self.at("reach"),
            preview=lambda _run: ["3 files differ on the host"],
            validate=self.at("validate", Token.TESTS_OK),
            deploy=self.at("deploy", Token.VERIFY_OK),
            attest=self.at("attest", Token.TELEMETRY_ATTEST_OK),
        )

    def at(self, name: str, token: Token | None = None) -> Callable[..., None]:
        def call(run: Run, *_: object) -> None:
            self.made.append(name)
            if name in self.fail:
                raise self.fail[name]
            if token:
                run.ledger.emit(token)

        return call


def go(
    desk: Desk,
    calls: Calls,
    how: str = "patch",
    options: ReleaseOptions | None = None,
    *,
    dry_run: bool = False,
    **settings: str,
) -> tuple[Run, ReleaseOutcome]:
    run = desk.run({**HOST, **settings}, dry_run=dry_run)
    return run, release(run, how, options or ReleaseOptions(), calls.lanes())


def go_on(desk: Desk, calls: Calls, options: ReleaseOptions | None = None) -> tuple[Run, ReleaseOutcome]:
    run = desk.run(HOST)
    past = find_unfinished(run.reports)
    again = reopen(run, past)
    return again, continue_release(again, past, calls.lanes(), options)


def states(outcome: ReleaseOutcome) -> dict[str, str]:
    return {step.name.value: step.state for step in outcome.steps}


def broken() -> NotVerified:
    return NotVerified("VERIFY_IDENTITY", "another version answers", "Look at the log.")


def test_a_release_takes_every_step_in_order_and_ends_tagged(desk: Desk) -> None:
    calls = Calls()
    run, outcome = go(desk, calls)
    assert calls.made == ["reach", "validate", "deploy", "attest"]
    assert set(states(outcome).values()) == {"done"}
    assert run.ledger.held() == [
        "TESTS_OK", "BUMP_OK", "VERIFY_OK", "TELEMETRY_ATTEST_OK", "SUBTREE_PUBLISH_OK", "TAG_OK",
    ]  # fmt: skip
    assert desk.git("log", "-1", "--format=%s") == f"Release {NEW}"
    assert desk.git("status", "--porcelain") == ""
    assert desk.git("rev-parse", f"{NEW}^{{commit}}") == desk.git("rev-parse", "HEAD")
    assert desk.at_store("rev-parse", f"{NEW}^{{tree}}") == desk.git("rev-parse", "HEAD:addon")


def test_the_bump_keeps_comments_and_lists_the_commits(desk: Desk) -> None:
    before = (desk.addon / "config.yaml").read_text()
    desk.commit("addon/run.sh", "#!/bin/sh\nexec false\n", "Say no")
    go(desk, Calls())
    assert (desk.addon / "config.yaml").read_text() == before.replace(OLD, NEW)
    assert f"## {NEW}\n\n- Say no\n\n## {OLD}" in (desk.addon / "CHANGELOG.md").read_text()


def test_a_crlf_config_keeps_its_line_endings(desk: Desk) -> None:
    text = (desk.addon / "config.yaml").read_text().replace("\n", "\r\n")
    desk.commit("addon/config.yaml", text, "Write as on Windows")
    go(desk, Calls())
    assert (desk.addon / "config.yaml").read_bytes() == text.replace(OLD, NEW).encode()


def test_a_second_release_without_a_change_does_nothing(desk: Desk) -> None:
    first, _ = go(desk, Calls())
    receipt = (first.reports / "publish_receipt.txt").read_text()
    before = desk.refs() + desk.at_store("for-each-ref")
    calls = Calls()
    _, outcome = go(desk, calls)
    assert outcome.nothing
    assert calls.made == []
    assert desk.refs() + desk.at_store("for-each-ref") == before
    assert (first.reports / "publish_receipt.txt").read_text() == receipt


def test_a_clone_without_tags_asks_the_remote_what_was_released(desk: Desk) -> None:
    go(desk, Calls())
    desk.git("tag", "-d", NEW)
    assert go(desk, Calls())[1].nothing


def test_without_a_remote_the_tag_is_local_and_publish_is_skipped(desk: Desk) -> None:
    run = desk.run(HOST, remote="")
    outcome = release(run, "patch", ReleaseOptions(), Calls().lanes())
    assert states(outcome)["publish"] == "skipped"
    assert desk.git("rev-parse", f"{NEW}^{{commit}}") == desk.git("rev-parse", "HEAD")
    receipt = (run.reports / "publish_receipt.txt").read_text()
    assert "SKIPPED: SUBTREE_PUBLISH_OK" in receipt
    assert "TOKEN: TAG_OK" not in receipt


def test_without_a_broker_the_attestation_is_skipped_unless_required(desk: Desk) -> None:
    calls = Calls()
    run, outcome = go(desk, calls, MQTT_HOST="")
    assert states(outcome)["attest"] == "skipped"
    assert "attest" not in calls.made
    assert "SKIPPED: TELEMETRY_ATTEST_OK" in "\n".join(run.ledger.texts("deploy_receipt.txt"))


def test_a_required_attestation_without_a_broker_stops_before_anything_changes(desk: Desk) -> None:
    before = desk.refs()
    with pytest.raises(CheckFailed) as caught:
        go(desk, Calls(), options=ReleaseOptions(require_attest=True), MQTT_HOST="")
    assert caught.value.code == "ATTEST_REQUIRED"
    assert desk.refs() == before


@pytest.mark.parametrize("lane", ["validate", "deploy", "attest"])
def test_a_failed_lane_publishes_nothing_and_a_resume_repeats_only_what_is_due(desk: Desk, lane: str) -> None:
    calls = Calls(fail={lane: broken()})
    with pytest.raises(NotVerified) as caught:
        go(desk, calls)
    assert desk.at_store("for-each-ref") == ""
    assert desk.git("tag") == ""
    bumped = desk.git("log", "-1", "--format=%s") == f"Release {NEW}"
    assert bumped == (lane != "validate")
    assert any("--resume" in line for line in caught.value.details) == bumped
    calls = Calls()
    run, outcome = go_on(desk, calls)
    order = ["validate", "deploy", "attest"]
    assert calls.made == ["reach", *order[order.index(lane) :]]
    assert desk.git("log", "--format=%s").count("Release") == 1
    assert run.ledger.held().count("TESTS_OK") == 1
    assert set(run.ledger.held()) >= {"BUMP_OK", "VERIFY_OK", "SUBTREE_PUBLISH_OK", "TAG_OK"}
    receipts = (run.reports / "local_receipts.txt").read_text()
    assert f"TOKEN: TESTS_OK run={run.id}" in receipts
    assert set(states(outcome).values()) <= {"done", "kept"}


def test_after_a_fix_a_resume_proves_the_new_commit_from_the_start(desk: Desk) -> None:
    with pytest.raises(NotVerified):
        go(desk, Calls(fail={"deploy": broken()}))
    desk.commit("addon/run.sh", "#!/bin/sh\nexec repaired\n", "Fix it")
    calls = Calls()
    go_on(desk, calls)
    assert calls.made == ["reach", "validate", "deploy", "attest"]
    assert desk.at_store("rev-parse", f"{NEW}^{{tree}}") == desk.git("rev-parse", "HEAD:addon")


def committing(desk: Desk, lane: Callable[..., None]) -> Callable[..., None]:
    """`lane`, while another user commits in the app."""

    def call(run: Run, *_: object) -> None:
        lane(run, *_)
        desk.commit("addon/run.sh", "#!/bin/sh\nexec unproven\n", "Work on meanwhile")

    return call


@pytest.mark.parametrize("during", ["reach", "validate", "deploy", "attest"])
def test_a_commit_made_meanwhile_is_not_published_before_a_resume_has_proven_it(
    desk: Desk, during: str
) -> None:
    lanes = Calls().lanes()
    slow: Any = {during: committing(desk, getattr(lanes, during))}
    with pytest.raises(CheckFailed) as caught:
        release(desk.run(HOST), "patch", ReleaseOptions(), replace(lanes, **slow))
    assert caught.value.code == "HEAD_MOVED"
    assert any("Work on meanwhile" in line for line in caught.value.details)
    assert desk.at_store("for-each-ref") + desk.git("tag") == ""
    calls = Calls()
    again, _ = go_on(desk, calls)
    assert calls.made == ["reach", "validate", "deploy", "attest"]
    assert desk.git("rev-parse", f"{NEW}^{{commit}}") == desk.git("rev-parse", "HEAD")
    held = again.ledger.held()
    assert len(held) == len(set(held))


def test_a_commit_that_slips_in_before_the_bump_is_not_deployed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = committing(desk, lambda *_: None)

    def bumped(run: Run, version: str, *, from_version: str) -> BumpOutcome:
        late(run)
        return bump(run, version, from_version=from_version)

    monkeypatch.setattr(releasing, "bump", bumped)
    calls = Calls()
    with pytest.raises(CheckFailed) as caught:
        go(desk, calls)
    assert caught.value.code == "HEAD_MOVED"
    assert "deploy" not in calls.made


def test_a_commit_while_the_version_is_published_stays_out_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = committing(desk, lambda *_: None)

    def published(run: Run, options: PublishOptions) -> PublishOutcome:
        try:
            return publish(run, options)
        finally:
            late(run)

    monkeypatch.setattr(releasing, "publish", published)
    run, outcome = go(desk, Calls())
    proven = desk.git("rev-parse", "HEAD~1")
    assert set(states(outcome).values()) == {"done"}
    assert outcome.source_commit == desk.git("rev-parse", f"{NEW}^{{commit}}") == proven
    assert desk.at_store("rev-parse", "main^{tree}") == desk.git("rev-parse", "HEAD~1:addon")
    subject = json.loads((run.folder / "provenance.intoto.jsonl").read_text())["subject"][0]
    assert subject["digest"]["gitTree"] == desk.git("rev-parse", "HEAD~1:addon")


def test_files_that_no_commit_has_are_not_deployed(desk: Desk) -> None:
    go(desk, Calls(), options=ReleaseOptions(until=Name.BUMP))
    calls = Calls()

    def edit() -> None:
        (desk.addon / "run.sh").write_text("by hand")

    lanes = replace(calls.lanes(), validate=lambda _run: edit())
    with pytest.raises(CheckFailed) as caught:
        release(desk.run(HOST), "patch", ReleaseOptions(), lanes)
    assert caught.value.code == "GIT_DIRTY"
    assert "deploy" not in calls.made


def test_a_deploy_that_another_try_has_overtaken_is_made_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(releasing, "publish", Calls(fail={"publish": broken()}).at("publish"))
        with pytest.raises(NotVerified):
            go(desk, Calls())
    first = desk.git("rev-parse", "HEAD")
    desk.commit("addon/run.sh", "#!/bin/sh\nexec repaired\n", "Fix it")
    with pytest.raises(NotVerified):
        go_on(desk, Calls(fail={"deploy": broken()}))  # whatever the host has now, it is not the first
    desk.git("reset", "-q", "--hard", first)
    calls = Calls()
    run, _ = go_on(desk, calls)
    assert calls.made == ["reach", "validate", "deploy", "attest"]
    held = run.ledger.held()
    assert len(held) == len(set(held))


@pytest.mark.parametrize("step", [SWAP, PUT_BACK])
def test_a_deploy_that_another_run_has_replaced_on_the_host_is_made_again(desk: Desk, step: str) -> None:
    with pytest.raises(NotVerified):
        go(desk, Calls(fail={"attest": broken()}))
    desk.run(HOST).journal.write(step, "done")
    calls = Calls()
    go_on(desk, calls)
    assert calls.made == ["reach", "deploy", "attest"]


def test_two_tries_of_a_step_leave_the_tokens_of_the_second(desk: Desk) -> None:
    with pytest.raises(NotVerified):
        go(desk, Calls(fail={"attest": broken()}))
    desk.commit("addon/run.sh", "#!/bin/sh\nexec repaired\n", "Fix it")
    with pytest.raises(NotVerified):
        go_on(desk, Calls(fail={"attest": broken()}))
    run = desk.run(HOST)
    again = reopen(run, find_unfinished(run.reports))
    assert again.ledger.held() == ["TESTS_OK", "BUMP_OK", "VERIFY_OK"]


def test_what_a_resume_must_prove_again_leaves_no_token_where_it_fails_before(desk: Desk) -> None:
    with pytest.raises(NotVerified):
        go(desk, Calls(fail={"attest": broken()}))
    desk.commit("addon/run.sh", "#!/bin/sh\nexec repaired\n", "Fix it")
    run = desk.run(HOST)
    past = find_unfinished(run.reports)
    again = reopen(run, past)
    assert "VERIFY_OK" in again.ledger.held()
    with pytest.raises(NotVerified):
        continue_release(again, past, Calls(fail={"validate": broken()}).lanes())
    assert again.ledger.held() == []
    assert "TOKEN: VERIFY_OK" not in (again.reports / "deploy_receipt.txt").read_text()


def test_a_new_release_takes_up_a_version_that_was_bumped_but_never_released(desk: Desk) -> None:
    with pytest.raises(NotVerified):
        go(desk, Calls(fail={"deploy": broken()}))
    _, outcome = go(desk, Calls())
    assert outcome.version == NEW
    assert states(outcome)["bump"] == "skipped"


def test_a_resumed_attestation_still_knows_what_was_deployed(desk: Desk) -> None:
    deployed: list[Expected] = []
    counts = TestsModel(total=3, failures=0, errors=0, skipped=0, coverage=90.0, threshold=80.0, seconds=1.0)
    known: list[object] = []
    failing = Calls(fail={"attest": broken()}).lanes()
    run = desk.run(HOST)
    lanes = replace(failing, validate=lambda _run: counts, deploy=lambda run: deploys(run, deployed))
    with pytest.raises(NotVerified) as caught:
        release(run, "patch", ReleaseOptions(), lanes)
    assert any("bb8deploy rollback" in line for line in caught.value.details)
    past = find_unfinished(run.reports)
    again = reopen(desk.run(HOST), past)
    lanes = replace(Calls().lanes(), attest=lambda _run, *known_: known.extend(known_))
    outcome = continue_release(again, past, lanes)
    assert states(outcome)["deploy"] == "kept"
    assert known == [*deployed, counts]


def deploys(run: Run, seen: list[Expected]) -> Expected:
    """A deploy that proves what is in the folder at this moment."""
    tree = walk(run.addon, Ignore.of_workspace(run.workspace)).digest
    seen.append(Expected(NEW, tree, "r"))
    return seen[-1]


def test_content_that_was_not_verified_is_not_published(desk: Desk) -> None:
    lanes = replace(Calls().lanes(), deploy=lambda _run: Expected(NEW, "sha256:1", "r"))
    run = desk.run(HOST)
    with pytest.raises(CheckFailed) as caught:
        release(run, "patch", ReleaseOptions(), lanes)
    assert caught.value.code == "TREE_UNVERIFIED"
    assert desk.at_store("for-each-ref") + desk.git("tag") == ""
    assert "SUBTREE_PUBLISH_OK" not in run.ledger.held()


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="SKIPPED: ssh-keygen is not installed")
def test_signed_evidence_is_verified_against_the_signers_file(desk: Desk, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (tmp_path / "allowed").write_text(f"zoe {key.with_suffix('.pub').read_text()}")
    run, _ = go(desk, Calls(), BB8_SIGN_KEY=str(key))
    manifest = run.folder / "evidence_manifest.json"
    signed = check(manifest, tmp_path / "allowed")
    assert signed is not None
    assert (signed.signer, signed.flaw) == ("zoe", None)
    assert not verify(run.folder).flaws


def test_a_key_that_cannot_sign_the_evidence_stops_before_the_bump(desk: Desk, tmp_path: Path) -> None:
    before = desk.refs()
    with pytest.raises(CheckFailed) as caught:
        go(desk, Calls(), BB8_SIGN_KEY=str(tmp_path / "none"))
    assert caught.value.code == "EVIDENCE_NOT_SIGNED"
    assert desk.refs() == before


def test_a_resume_may_allow_more_than_the_release_did_and_stop_earlier(desk: Desk) -> None:
    go(desk, Calls())
    tip = desk.at_store("rev-parse", "main")
    desk.commit("addon/run.sh", "#!/bin/sh\nexec more\n", "More")
    with pytest.raises(NotVerified):
        go(desk, Calls(fail={"attest": broken()}))
    edited = desk.at_store("commit-tree", desk.at_store("mktree"), "-p", tip, "-m", "By hand")
    desk.at_store("update-ref", "refs/heads/main", edited)
    with pytest.raises(CheckFailed) as caught:
        go_on(desk, Calls())
    assert caught.value.code == "REMOTE_EDITED"
    _, stopped = go_on(desk, Calls(), ReleaseOptions(overwrite=True, until=Name.ATTEST))
    assert stopped.stopped
    _, outcome = go_on(desk, Calls(), ReleaseOptions(overwrite=True))
    assert outcome.published
    assert outcome.published.overwritten
    assert desk.at_store("rev-parse", "main^") == edited


def test_a_finished_release_cannot_be_resumed(desk: Desk) -> None:
    go(desk, Calls())
    with pytest.raises(UsageError) as caught:
        go_on(desk, Calls())
    assert caught.value.code == "RESUME_NOTHING"


def stopped(desk: Desk, code: str, calls: Calls | None = None, how: str = "patch") -> Bb8Error:
    """A release that preflight stops: nothing has changed, no lane behind it had its turn."""
    calls = calls or Calls()
    before = desk.refs() + desk.at_store("for-each-ref")
    with pytest.raises(Bb8Error) as caught:
        go(desk, calls, how)
    assert caught.value.code == code
    assert desk.refs() + desk.at_store("for-each-ref") == before
    assert set(calls.made) <= {"reach"}
    return caught.value


def test_of_two_releases_within_a_second_the_later_one_counts(tmp_path: Path) -> None:
    facts = {"how": "patch", "version": "1", "from_version": "0", "bump": True, "target": "default",
             "image": False, "require_attest": False, "overwrite": False}  # fmt: skip
    for suffix, moment, state in (("zzz", "100", "started"), ("aaa", "900", "done")):
        rows = [
            {"ts": f"2026-11-23T10:00:00.{moment}Z", "step": "release", "state": "started", "facts": facts}
        ]
        rows += [{**rows[0], "state": "done"}] if state == "done" else []
        folder = tmp_path / "runs" / f"20261123T100000Z-{suffix}"
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with pytest.raises(UsageError) as caught:
        find_unfinished(tmp_path)
    assert caught.value.code == "RESUME_NOTHING"


def test_preflight_stops_on_a_dirty_tree(desk: Desk) -> None:
    (desk.addon / "new.txt").write_text("x")
    stopped(desk, "GIT_DIRTY")


def test_preflight_stops_on_a_detached_head(desk: Desk) -> None:
    desk.git("checkout", "-q", "--detach")
    stopped(desk, "GIT_DETACHED")


def test_preflight_stops_in_the_middle_of_a_merge(desk: Desk) -> None:
    desk.git("checkout", "-q", "-b", "side")
    desk.commit("addon/x", "1", "Side")
    desk.git("checkout", "-q", "main")
    desk.git("merge", "-q", "--no-commit", "--no-ff", "side")
    assert stopped(desk, "GIT_UNFINISHED").details[0].startswith("also GIT_DIRTY")


def test_preflight_stops_where_git_does_not_know_who_commits(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitconfig").write_text("[user]\nuseConfigOnly = true\n")
    monkeypatch.setenv("EMAIL", "")
    stopped(desk, "GIT_IDENTITY_MISSING")


def test_preflight_stops_where_the_upstream_is_ahead(desk: Desk, tmp_path: Path) -> None:
    origin = tmp_path / "origin.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(desk.root), str(origin)], check=True)
    desk.git("remote", "add", "origin", str(origin))
    desk.git("fetch", "-q", "origin")
    desk.git("branch", "-q", "--set-upstream-to=origin/main")
    tree = desk.git("rev-parse", "HEAD^{tree}")
    ahead = subprocess.run(
        ["git", "-C", str(origin), "commit-tree", tree, "-p", "main", "-m", "Ahead"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    subprocess.run(["git", "-C", str(origin), "update-ref", "refs/heads/main", ahead], check=True)
    stopped(desk, "UPSTREAM_AHEAD")


def test_preflight_stops_where_the_host_does_not_answer_and_reports_every_problem(desk: Desk) -> None:
    calls = Calls(fail={"reach": Unreachable("SSH_LOST", "no answer", "Switch it on.")})
    tree = desk.at_store("mktree")
    other = desk.at_store("commit-tree", tree, "-m", "By hand")
    desk.at_store("update-ref", "refs/heads/main", other)
    desk.at_store("update-ref", f"refs/tags/{NEW}", other)
    error = stopped(desk, "TAG_EXISTS", calls)
    assert any("also SSH_LOST" in line for line in error.details)


def test_preflight_stops_where_the_remote_is_missing(desk: Desk, tmp_path: Path) -> None:
    desk.store.rename(tmp_path / "moved.git")
    before = desk.refs()
    with pytest.raises(Unreachable) as caught:
        go(desk, Calls())
    assert caught.value.code == "REMOTE_NOT_FOUND"
    assert desk.refs() == before


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("", "IMAGE_NAME_MISSING"),
        ("Ghcr.io/Me/x", "IMAGE_NAME_INVALID"),
        ("127.0.0.1:9/a/b", "REGISTRY_UNREACHABLE"),
    ],
)
def test_preflight_stops_where_images_could_not_be_published(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, image: str, code: str
) -> None:
    monkeypatch.setattr("bb8deploy.lanes.publish.images.promote_images.find_tool", lambda: "buildah")
    before, calls = desk.refs(), Calls()
    with pytest.raises(Bb8Error) as caught:
        go(desk, calls, options=ReleaseOptions(image=True), HA_IMAGE=image)
    assert caught.value.code == code
    assert desk.refs() == before
    assert set(calls.made) <= {"reach"}


def test_preflight_stops_where_nothing_can_build_images(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which
    hidden = {"docker", "buildah"}
    monkeypatch.setattr(shutil, "which", lambda name, *rest: None if name in hidden else real(name, *rest))
    with pytest.raises(UsageError) as caught:
        go(desk, Calls(), options=ReleaseOptions(image=True), HA_IMAGE="registry.example/a/b")
    assert caught.value.code == "IMAGE_TOOL_MISSING"
    assert desk.git("log", "--format=%s").count("Release") == 0


def test_a_version_that_does_not_fit_is_refused(desk: Desk) -> None:
    stopped(desk, "VERSION_SCHEME_MIXED", how="1.2.3")
    stopped(desk, "VERSION_NOT_NEWER", how="2026.1.1.9")


def test_a_clock_behind_the_newest_version_is_refused(desk: Desk) -> None:
    go(desk, Calls(), how="patch")
    text = (desk.addon / "config.yaml").read_text().replace(NEW, "2999.1.1.0")
    desk.commit("addon/config.yaml", text, "Come from the future")
    stopped(desk, "VERSION_CLOCK_BEHIND", how="date")


def test_a_commit_hook_that_refuses_leaves_the_files_as_they_were(desk: Desk) -> None:
    hook = desk.root / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\necho 'no releases on Monday' >&2\nexit 1\n")
    hook.chmod(0o755)
    before = desk.refs()
    with pytest.raises(CheckFailed) as caught:
        go(desk, Calls())
    assert caught.value.code == "BUMP_REFUSED"
    assert "no releases on Monday" in caught.value.details
    assert desk.refs() == before


def test_a_dry_run_shows_every_step_with_its_commands_and_changes_nothing(desk: Desk) -> None:
    before = desk.refs()
    run, outcome = go(desk, Calls(), dry_run=True)
    assert outcome.version == NEW
    assert [s.name.value for s in outcome.steps] == list(states(outcome))
    assert all(s.commands for s in outcome.steps)
    commands = " ".join(c for s in outcome.steps for c in s.commands)
    assert "edit addon/config.yaml" in commands
    assert "git push --atomic" in commands
    assert "3 files differ on the host" in commands
    assert desk.refs() == before
    assert desk.at_store("for-each-ref") == ""
    assert not run.ledger.held()


def test_a_dry_run_of_a_version_that_is_everywhere_already_names_no_commit(desk: Desk) -> None:
    desk.commit("addon/CHANGELOG.md", f"# Changelog\n\n## {OLD}\n\n- First.\n", "Write the changelog")
    _, outcome = go(desk, Calls(), how=OLD, dry_run=True)
    found = next(step for step in outcome.steps if step.name is Name.BUMP)
    assert (found.state, found.commands) == ("run", (NOTHING_TO_BUMP,))


def test_a_dry_run_of_a_part_leaves_the_rest_out(desk: Desk) -> None:
    calls = Calls()
    _, outcome = go(desk, calls, options=ReleaseOptions(until=Name.BUMP), dry_run=True)
    assert [step for step, state in states(outcome).items() if state == "left out"] == [
        "deploy", "attest", "publish", "tag",
    ]  # fmt: skip
    assert calls.made == []


def test_two_releases_at_once_are_one(desk: Desk) -> None:
    caught: list[Bb8Error] = []

    def second(_run: Run) -> None:
        with pytest.raises(Bb8Error) as problem:
            go(desk, Calls())
        caught.append(problem.value)

    lanes = Calls().lanes()
    run = desk.run(HOST)
    release(run, "patch", ReleaseOptions(), replace(lanes, validate=second))
    assert caught[0].code == "WORKSPACE_LOCKED"
    assert desk.git("log", "--format=%s").count("Release") == 1


def test_the_evidence_of_a_release_checks_and_names_a_changed_byte(desk: Desk) -> None:
    run, _ = go(desk, Calls())
    artifacts, flaws = verify(run.folder)
    names = {artifact.path for artifact in artifacts}
    assert not flaws
    assert names >= {
        "journal.jsonl", "provenance.intoto.jsonl", "publish_contract_v1.json", "release_contract_v1.json",
        "receipts/publish_receipt.txt",
    }  # fmt: skip
    receipt = run.folder / "receipts" / "publish_receipt.txt"
    receipt.write_bytes(receipt.read_bytes().replace(b"TAG_OK", b"TAG_0K"))
    flaw = verify(run.folder)[1][0]
    assert flaw.offset == receipt.read_bytes().index(b"TAG_0K") + 4


def test_the_provenance_names_the_published_tree_and_its_commit(desk: Desk) -> None:
    run, _ = go(desk, Calls())
    statement = json.loads((run.folder / "provenance.intoto.jsonl").read_text())
    assert statement["subject"][0]["digest"]["gitTree"] == desk.git("rev-parse", "HEAD:addon")
    commit = statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"]
    assert commit == desk.git("rev-parse", "HEAD")


def test_a_release_may_stop_after_the_bump_and_go_on_later(desk: Desk) -> None:
    calls = Calls()
    _, outcome = go(desk, calls, options=ReleaseOptions(until=Name.BUMP))
    assert outcome.stopped
    assert calls.made == ["validate"]
    assert desk.git("log", "-1", "--format=%s") == f"Release {NEW}"
    assert desk.at_store("for-each-ref") == ""
    calls = Calls()
    go_on(desk, calls)
    assert calls.made == ["reach", "deploy", "attest"]
    assert desk.at_store("rev-parse", f"{NEW}^{{tree}}") == desk.git("rev-parse", "HEAD:addon")
