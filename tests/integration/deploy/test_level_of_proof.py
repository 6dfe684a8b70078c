"""Apps that cannot report their content: the lesser token in seconds, and nothing that says more."""

from __future__ import annotations

import json

import pytest
from tests.integration.deploylab import SLUG, Lab, builds_fail, command, config, env_file
from tests.integration.small_addon import SILENT

from bb8deploy.base.errors import Bb8Error, CheckFailed, NotVerified
from bb8deploy.lanes.deploy.deploy import deploy
from bb8deploy.lanes.deploy.rollback import roll_back_host
from ha_sandbox.runtime.process_runtime import ProcessRuntime
from ha_sandbox.runtime.runtime_interface import BuildRequest

PLAIN = 'FROM x\nCOPY run.sh /usr/src/app/\nCMD ["sh", "/usr/src/app/run.sh"]\n'
BROKEN = "FROM x\nRUN echo no such package >&2; false\n"
CRASHING = """#!/bin/sh
trap 'exit 0' TERM
while :; do
  echo 'Traceback (most recent call last):'
  echo "ModuleNotFoundError: No module named 'x'"
  sleep 0.5
done
"""
SENT = ["SSH_HA_OK", "CLEAN_RUNTIME_OK"]
WAIT = "bb8deploy.lanes.verify.proof.wait_for_identity"
NEVER = 3600.0  # seconds, longer than a test may take


@pytest.fixture
def plain(lab: Lab) -> Lab:
    """An app that knows nothing of a stamp."""
    lab.write(run_sh=SILENT, dockerfile=PLAIN)
    return lab


def test_an_app_without_an_identity_ends_at_running_ok(plain: Lab) -> None:
    env_file(plain)
    done = command(plain, "deploy")
    assert done.returncode == 0, done.stderr
    names = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("TOKEN: ")]
    assert names == [*SENT, "DEPLOY_OK", "RUNNING_OK", "RUNTIME_TOPOLOGY_OK"]
    assert "SKIPPED: VERIFY_OK" in done.stdout
    assert "SKIPPED: DEPLOY_SSH_OK" in done.stdout


def test_a_dry_run_does_not_promise_to_wait_for_a_report_that_cannot_come(plain: Lab) -> None:
    preview = deploy(plain.run(dry_run=True)).preview
    assert "would wait until it runs and watch it for 0.2 s" in preview
    assert not [line for line in preview if "identity" in line]


def test_what_has_not_changed_is_not_rebuilt_and_what_has_is(
    plain: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{WAIT}.IDENTITY_DEADLINE", NEVER)  # no identity is waited for
    plain.deploy()
    again = plain.deploy()
    assert (again.verified and again.verified.action, plain.tokens) == (
        "none",
        [*SENT, "RUNNING_OK", "RUNTIME_TOPOLOGY_OK"],
    )
    (plain.addon / "new.txt").write_text("new\n")
    changed = plain.deploy()
    assert changed.verified
    assert (changed.verified.action, changed.verified.running, changed.verified.verified) == (
        "rebuild",
        True,
        False,
    )


def test_files_that_were_sent_but_never_put_in_are_put_in_by_the_next_deploy(plain: Lab) -> None:
    plain.deploy()
    (plain.addon / "new.txt").write_text("new\n")
    env_file(plain)
    assert command(plain, "sync").returncode == 0
    outcome = plain.deploy()
    assert outcome.synced.nothing_to_do
    assert outcome.verified
    assert outcome.verified.action == "rebuild"


def test_the_level_is_named_before_anything_is_done(plain: Lab) -> None:
    lines = deploy(plain.run(dry_run=True)).preview
    assert any(line.startswith("proof: running only; ") for line in lines), lines


def test_a_setting_asks_for_less_and_for_more(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = lab.deploy(BB8_VERIFY="running")
    assert outcome.verified
    assert not outcome.verified.verified
    assert "RUNNING_OK" in lab.tokens
    assert "VERIFY_OK" not in lab.tokens
    monkeypatch.setattr(f"{WAIT}.IDENTITY_DEADLINE", 3.0)
    lab.write(run_sh=SILENT, dockerfile=PLAIN, config=config("1.0.1"))
    with pytest.raises(NotVerified) as caught:
        lab.deploy(BB8_VERIFY="stamp")
    assert caught.value.code in {"IDENTITY_MISSING", "IDENTITY_STALE"}


def test_a_program_that_dies_in_a_container_that_lives_on_is_not_waited_for(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under s6, which starts the program again."""
    monkeypatch.setattr(f"{WAIT}.IDENTITY_DEADLINE", NEVER)
    lab.write(run_sh=CRASHING)
    with pytest.raises(NotVerified) as caught:
        lab.deploy()
    assert caught.value.code == "ADDON_DIED"
    assert "ModuleNotFoundError" in caught.value.cause


def test_a_crash_loop_is_not_running(plain: Lab) -> None:
    plain.write(run_sh=CRASHING)
    with pytest.raises(NotVerified):
        plain.deploy(BB8_SETTLE_SECONDS="2")
    assert "RUNNING_OK" not in plain.tokens


@builds_fail
def test_a_broken_build_is_rolled_back_as_far_as_the_app_allows(plain: Lab) -> None:
    plain.deploy()
    before = plain.state()
    plain.write(dockerfile=BROKEN, config=config("1.0.1"))
    with pytest.raises(Bb8Error) as caught:
        plain.deploy()
    assert "the app was not touched and is started" in caught.value.cause
    assert "ROLLBACK_OK" not in plain.tokens
    assert (plain.state()["version"], plain.state()["state"]) == (before["version"], "started")

    plain.write(dockerfile=BROKEN, config=config("1.0.0"))
    with pytest.raises(Bb8Error) as again:
        plain.deploy()
    assert "1.0.0 runs again, its content is not proven" in again.value.cause
    assert any(line.startswith("SKIPPED: ROLLBACK_OK") for line in plain.lines())
    assert plain.state()["state"] == "started"
    assert SLUG


SEALED = """FROM ghcr.io/home-assistant/base:3.23
COPY run.sh /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""


def levels(lab: Lab) -> dict[str, str]:
    """The level of proof in each token of the newest run that has one."""
    tokens = [(line.name, dict(line.fields)) for line in lab.runs[-1].ledger.lines if line.kind == "TOKEN"]
    return {name: fields["proof"] for name, fields in tokens if "proof" in fields}


def contract(lab: Lab) -> dict[str, object]:
    """The newest run's contract of lane 3."""
    path = lab.folder / "reports/runs" / lab.runs[-1].id / "verify_contract_v1.json"
    found: dict[str, object] = json.loads(path.read_text())
    return found


@pytest.fixture
def sealable(lab: Lab) -> Lab:
    """An app that knows nothing of a stamp, on a base whose entry point is known."""
    lab.write(run_sh=SILENT, dockerfile=SEALED)
    return lab


def test_an_app_that_is_not_changed_is_proven_by_the_builder(sealable: Lab) -> None:
    first = sealable.deploy()
    assert first.verified
    assert (first.verified.action, first.verified.verified) == ("install", True)
    (line,) = [line for line in sealable.lines() if line.startswith("TOKEN: VERIFY_OK")]
    assert "proof=sealed" in line
    assert f"tree={first.synced.digest}" in line
    assert levels(sealable) == {"VERIFY_OK": "sealed", "DEPLOY_SSH_OK": "sealed"}
    assert contract(sealable)["proof"] == "sealed"
    again = sealable.deploy()
    assert again.synced.nothing_to_do
    assert (again.verified and again.verified.action) == "none"
    assert any("proof=sealed" in line for line in sealable.lines())
    less = sealable.deploy(BB8_VERIFY="running")
    assert (less.synced.nothing_to_do, less.verified and less.verified.action) == (True, "none")
    assert {"RUNNING_OK"} == {"RUNNING_OK", "VERIFY_OK"} & set(sealable.tokens)
    assert levels(sealable) == {"RUNNING_OK": "running"}
    assert contract(sealable)["proof"] == "running"
    preview = deploy(sealable.run(dry_run=True)).preview
    assert any(line.startswith("proof: sealed") for line in preview), preview


def test_an_app_that_reports_itself_is_sealed_too_and_keeps_its_tokens(lab: Lab) -> None:
    lab.write(dockerfile=SEALED.replace("run.sh /usr", "run.sh build_stamp.jso[n] /usr"))
    outcome = lab.deploy()
    assert outcome.verified
    assert outcome.verified.observed
    assert outcome.verified.observed.own
    assert outcome.verified.observed.seal
    assert {"VERIFY_OK", "RUN_SH_PRESENT", "PY_OK"} <= set(lab.tokens)


@pytest.mark.parametrize("taken_back", [False, True])
def test_an_edit_between_sync_and_build_is_never_proven(
    sealable: Lab, monkeypatch: pytest.MonkeyPatch, taken_back: bool
) -> None:
    real, folder = ProcessRuntime.build, sealable.box.local_root / "beep_boop_bb8"

    def edited(runtime: ProcessRuntime, request: BuildRequest) -> str:
        sent = (folder / "run.sh").read_bytes()
        (folder / "run.sh").write_bytes(sent + b"# edited\n")
        (folder / "more.sh").write_bytes(b"new\n")
        try:
            return real(runtime, request)
        finally:
            if taken_back:
                (folder / "run.sh").write_bytes(sent)
                (folder / "more.sh").unlink()

    monkeypatch.setattr(ProcessRuntime, "build", edited)
    with pytest.raises(NotVerified) as caught:
        sealable.deploy()
    assert caught.value.code == "SEAL_DIFFERS"
    assert "run.sh: built with other content" in caught.value.details
    assert "more.sh: built, but was not sent" in caught.value.details
    assert "VERIFY_OK" not in sealable.tokens


def test_a_seal_that_the_app_does_not_allow_is_refused_before_anything_is_sent(plain: Lab) -> None:
    with pytest.raises(CheckFailed) as caught:
        plain.deploy(BB8_VERIFY="sealed")
    assert caught.value.code == "VERIFY_IMPOSSIBLE"
    assert not (plain.box.local_root / "beep_boop_bb8" / "config.yaml").exists()


def test_a_rollback_to_a_sealed_tree_is_sealed(sealable: Lab) -> None:
    sealable.deploy()
    sealable.write(run_sh=CRASHING, dockerfile=SEALED, config=config("1.0.1"))
    with pytest.raises(NotVerified) as caught:
        sealable.deploy(BB8_SETTLE_SECONDS="2")
    assert "1.0.0 runs again, verified (proof: sealed)" in caught.value.cause
    assert levels(sealable) == {"ROLLBACK_OK": "sealed"}
    assert contract(sealable)["proof"] == ""


def test_a_rollback_reports_of_an_unproven_app_only_that_it_runs(plain: Lab) -> None:
    """The earlier tree may have been synced alone."""
    plain.deploy()
    plain.write(config=config("1.0.1"))
    plain.deploy()
    outcome = roll_back_host(plain.run())
    assert outcome.in_words == "1.0.0 runs, its content is not proven"
    assert "ROLLBACK_OK" not in plain.tokens
