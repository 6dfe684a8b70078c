"""Deploys, as users make them, to the embedded host over ssh, mount, WebSocket and REST."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.integration.deploylab import SLUG, Lab, builds_fail, config
from tests.integration.relay import Relay
from tests.integration.small_addon import DIES, RUN_SH, SILENT
from tests.integration.witness import runtime

from bb8deploy.base.errors import CheckFailed, NotVerified, Refused, UsageError
from bb8deploy.host.open_host import open_host
from bb8deploy.lanes.deploy.deploy import DeployOptions, deploy
from bb8deploy.lanes.deploy.rollback import roll_back, roll_back_to
from bb8deploy.lanes.release.lane_calls import real_lanes
from bb8deploy.lanes.sync.plan_from_workspace import read_wanted
from bb8deploy.lanes.sync.sync import sync_host
from bb8deploy.lanes.verify.verify import delivered_on, verify
from bb8deploy.plan.install_action import Action

ALL = [
    "SSH_HA_OK",
    "CLEAN_RUNTIME_OK",
    "DEPLOY_OK",
    "RUN_SH_PRESENT",
    "PY_OK",
    "VERIFY_OK",
    "RUNTIME_TOPOLOGY_OK",
    "DEPLOY_SSH_OK",
]
NOT_PUT_IN = [name for name in ALL if name != "DEPLOY_OK"]


def contract(lab: Lab) -> dict[str, object]:
    data = json.loads((lab.runs[-1].folder / "verify_contract_v1.json").read_text())
    assert isinstance(data, dict)
    return data


@builds_fail
def test_an_update_that_does_not_build_leaves_the_earlier_version_running_and_reports_it(lab: Lab) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"), dockerfile="FROM x\nRUN echo no such package >&2; false\n")
    with pytest.raises(NotVerified) as caught:
        lab.deploy()
    error = caught.value
    assert (error.code, error.exit_code) == ("BUILD_FAILED", 4)
    assert "rolled back: 1.0.0 runs again, verified" in error.cause
    assert any("no such package" in line or "RUN" in line for line in error.details)
    assert lab.tokens == ["SSH_HA_OK", "CLEAN_RUNTIME_OK", "ROLLBACK_OK"]
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")
    assert "1.0.0" in (lab.box.local_root / "beep_boop_bb8/config.yaml").read_text()
    assert contract(lab)["verdict"] == "FAIL"


def test_an_add_on_without_an_identity_ends_at_deploy_ok(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bb8deploy.lanes.verify.proof.wait_for_identity.IDENTITY_DEADLINE", 3.0)
    lab.write(run_sh=SILENT)
    with pytest.raises(NotVerified) as caught:
        lab.deploy()
    assert (caught.value.code, caught.value.exit_code) == ("IDENTITY_MISSING", 4)
    assert lab.tokens == ["SSH_HA_OK", "CLEAN_RUNTIME_OK", "DEPLOY_OK"]
    assert any(line.startswith("SKIPPED: VERIFY_OK") for line in lab.lines())


def test_an_image_without_the_stamp_is_never_verified(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bb8deploy.lanes.verify.proof.wait_for_identity.IDENTITY_DEADLINE", 3.0)
    lab.write(dockerfile='FROM x\nCOPY run.sh /usr/src/app/\nCMD ["sh", "/usr/src/app/run.sh"]\n')
    with pytest.raises(NotVerified):
        lab.deploy()
    assert "VERIFY_OK" not in lab.tokens


def test_a_changed_profile_at_the_same_version_is_refused_each_time(lab: Lab) -> None:
    (lab.addon / "apparmor.txt").write_text("profile beep_boop_bb8 {}\n")
    lab.deploy()
    (lab.addon / "apparmor.txt").write_text("profile beep_boop_bb8 { file, }\n")
    planned = deploy(lab.run(dry_run=True))
    assert any(line.startswith("would refuse (PROFILE_SAME_VERSION): ") for line in planned.preview), planned
    assert planned.refusal
    assert planned.refusal.code == "PROFILE_SAME_VERSION"
    for _ in range(2):
        with pytest.raises(CheckFailed) as caught:
            lab.deploy()
        assert (caught.value.code, caught.value.exit_code) == ("PROFILE_SAME_VERSION", 1)
        assert lab.tokens == ["SSH_HA_OK", "CLEAN_RUNTIME_OK", "ROLLBACK_OK"]
        on_host = lab.box.local_root / "beep_boop_bb8/apparmor.txt"
        assert on_host.read_text() == "profile beep_boop_bb8 {}\n"


def test_the_same_profile_in_a_new_folder_is_not_a_changed_profile(lab: Lab) -> None:
    (lab.addon / "apparmor.txt").write_text("profile beep_boop_bb8 {}\n")
    lab.deploy()
    shutil.move(runtime(lab), lab.folder / "old")
    moved = lab.deploy(HA_REMOTE_RUNTIME=f"{lab.environ['HA_REMOTE_RUNTIME']}_2")
    assert moved.synced.plan.present is False
    assert "VERIFY_OK" in lab.tokens


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", config("1.0.0")),
        ("config.json", '{"name": "old", "version": "1.0.0", "slug": "beep_boop_bb8"}'),
    ],
)
def test_a_second_folder_with_the_slug_costs_the_topology_token(lab: Lab, name: str, text: str) -> None:
    lab.deploy()
    twin = lab.box.local_root / "twin"
    twin.mkdir()
    (twin / name).write_text(text)
    with pytest.raises(CheckFailed, match="twin claims the slug"):
        lab.deploy()
    assert "RUNTIME_TOPOLOGY_OK" not in lab.tokens


def test_an_app_in_another_folder_with_the_slug_is_found_before_anything_is_sent(lab: Lab) -> None:
    lab.deploy()
    twin = lab.box.local_root / "twin"
    twin.mkdir()
    (twin / "config.yaml").write_text(config("1.0.1"))
    lab.write(config=config("1.0.1"))
    with pytest.raises(CheckFailed, match="twin claims the slug"):
        lab.deploy()
    assert lab.tokens == ["SSH_HA_OK"]
    assert "1.0.0" in (lab.box.local_root / "beep_boop_bb8/config.yaml").read_text()
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")


def test_verify_alone_proves_what_is_on_the_host_and_refuses_another_tree(lab: Lab) -> None:
    lab.deploy()
    run = lab.run()
    with open_host(run.settings, run.progress) as host, host.lock(run):
        outcome = verify(run, host, delivered_on(run, host, read_wanted(run, run.addon)))
    assert outcome.verified
    assert lab.tokens == ["RUN_SH_PRESENT", "PY_OK", "VERIFY_OK", "RUNTIME_TOPOLOGY_OK"]

    (lab.box.local_root / "beep_boop_bb8/run.sh").write_text("edited by hand\n")
    run = lab.run()
    with (
        open_host(run.settings, run.progress) as host,
        host.lock(run),
        pytest.raises(CheckFailed, match="does not hold the workspace's app"),
    ):
        delivered_on(run, host, read_wanted(run, run.addon))
    assert lab.tokens == []


def test_a_failed_deploy_brings_back_what_ran_not_what_was_only_synced(lab: Lab) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    sync_host(lab.run())
    lab.write(config=config("1.0.2"), run_sh=DIES)
    with pytest.raises(NotVerified, match=r"rolled back: 1\.0\.0 runs again, verified"):
        lab.deploy()
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")
    assert lab.tokens == ["SSH_HA_OK", "CLEAN_RUNTIME_OK", "DEPLOY_OK", "ROLLBACK_OK"]


def test_rollback_by_hand_goes_to_the_earlier_tree_or_to_any_tag(lab: Lab) -> None:
    lab.deploy()
    lab.git("tag", "-a", "-m", "First", "1.0.0")
    commit = lab.git("rev-parse", "1.0.0^{commit}")
    for version in ("1.0.1", "1.0.2"):
        lab.write(config=config(version))
        lab.deploy()
    run = lab.run()
    with open_host(run.settings, run.progress) as host, host.lock(run):
        back = roll_back(run, host)
    assert (back.version, back.action, lab.tokens) == ("1.0.1", "update", ["ROLLBACK_OK"])
    assert lab.state()["version"] == "1.0.1"

    run = lab.run()
    with open_host(run.settings, run.progress) as host, host.lock(run):
        tagged = roll_back_to(run, host, "1.0.0")
        stamp = host.files.read(f"{host.files.runtime}/build_stamp.json")
    assert (tagged.version, lab.state()["version"]) == ("1.0.0", "1.0.0")
    assert json.loads(stamp or b"")["commit"] == commit
    assert lab.tokens[-1] == "ROLLBACK_OK"
    assert "VERIFY_OK" in lab.tokens

    run = lab.run()
    with open_host(run.settings, run.progress) as host, pytest.raises(UsageError, match=r"no tag 9\.9\.9"):
        roll_back_to(run, host, "9.9.9")


def test_a_tag_that_never_ran_on_this_host_runs_but_earns_no_rollback_token(lab: Lab) -> None:
    lab.git("tag", "-a", "-m", "First", "1.0.0")
    lab.write(config=config("1.0.1"))
    lab.deploy()
    run = lab.run()
    with open_host(run.settings, run.progress) as host, host.lock(run):
        tagged = roll_back_to(run, host, "1.0.0")
    assert (tagged.version, lab.state()["version"]) == ("1.0.0", "1.0.0")
    assert tagged.in_words == "1.0.0 runs, verified (proof: sealed); nothing shows that it ran before"
    assert ("VERIFY_OK" in lab.tokens, "ROLLBACK_OK" in lab.tokens) == (True, False)
    (skipped,) = [line for line in lab.lines() if line.startswith("SKIPPED: ROLLBACK_OK")]
    assert "nothing shows that this tree ran before" in skipped


def test_a_dry_run_shows_the_plan_and_changes_nothing(lab: Lab) -> None:
    outcome = deploy(lab.run(dry_run=True))
    assert outcome.preview[1:] == (
        f"{SLUG} by ha: not installed",
        "proof: sealed; the builder compares every file that it is given with what was sent",
        "would reload the store",
        f"would install {SLUG}: it is not installed",
        f"would start {SLUG} unless it runs",
        "would wait for its identity and watch it for 0.2 s",
        "cannot be foreseen: whether it builds, how long that takes, what the app reports when it runs",
    )
    assert lab.tokens == []
    assert not (lab.box.local_root / "beep_boop_bb8").exists()


def test_a_dry_run_sets_no_option_of_an_app_that_it_leaves_as_it_is(lab: Lab) -> None:
    options = "options:\n  level: info\nschema:\n  level: list(info|debug)\n"
    lab.write(config=config("1.0.0").replace("options: {}\nschema: {}\n", options))
    lab.deploy()
    given = DeployOptions(app_options={"level": "debug"})
    planned = deploy(lab.run(dry_run=True), given)
    assert planned.foreseen
    assert (planned.foreseen.decision.action, planned.foreseen.settings) == (Action.NONE, ())
    assert not [line for line in planned.preview if line.startswith("would set ")]
    deploy(lab.run(), given)
    assert lab.state()["options"] == {"level": "info"}


def test_a_refused_token_over_a_mount_is_seen_before_anything_is_sent(lab: Lab) -> None:
    lab.leave_ssh_for_the_mount()
    lab.environ["HA_LLAT"] = "wrong"
    (lab.box.local_root / "beep_boop_bb8").mkdir()
    with pytest.raises(Refused) as caught:
        lab.deploy()
    assert caught.value.code == "HA_TOKEN_REFUSED"
    assert caught.value.details == ()
    assert not (lab.box.local_root / "beep_boop_bb8/config.yaml").exists()
    assert "DEPLOY_OK" not in lab.tokens


def test_the_preflight_of_a_release_runs_two_commands_over_one_connection(lab: Lab) -> None:
    lab.deploy()
    before = len(lab.commands)
    real_lanes().reach(lab.run())
    assert len(lab.commands) - before == 2
    (lab.box.local_root / "beep_boop_bb8/.bb8dev").mkdir()
    (lab.box.local_root / "beep_boop_bb8/.bb8dev/stamp").write_text("{}")
    with pytest.raises(CheckFailed) as caught:
        real_lanes().reach(lab.run())
    assert caught.value.code == "DEV_ON"


def test_what_a_deploy_costs_in_commands(lab: Lab) -> None:
    """Each is a round trip. Looks at the app's log are left out: a slow start takes more of them."""
    lab.deploy()
    known = Path(lab.environ["HA_SSH_KNOWN_HOSTS"])
    lab.commands.clear()
    with Relay(("127.0.0.1", lab.box.ssh.port)) as relay:
        known.write_text(known.read_text().replace(f":{lab.box.ssh.port} ", f":{relay.port} "))
        alias = f"root@127.0.0.1:{relay.port}"
        outcome = lab.deploy(HA_SSH_HOST_ALIAS=alias)
        nothing = [text for text in lab.commands if " apps logs " not in text]
        assert (outcome.synced.nothing_to_do, "VERIFY_OK" in lab.tokens) == (True, True)
        lab.write(config=config("1.0.1"))
        lab.commands.clear()
        outcome = lab.deploy(HA_SSH_HOST_ALIAS=alias)
        update = [text for text in lab.commands if " apps logs " not in text]
        assert (outcome.synced.nothing_to_do, "VERIFY_OK" in lab.tokens) == (False, True)
    assert relay.counts.connections == 2
    assert len(nothing) == 2
    assert len(update) == 4, "the question whether the host can build has a command of its own"


def test_a_talkative_add_on_is_not_rebuilt_for_nothing(lab: Lab) -> None:
    lab.write(
        run_sh=RUN_SH.replace("trap", "i=0; while [ $i -lt 900 ]; do echo line $i; i=$((i+1)); done\ntrap")
    )
    lab.deploy()
    again = lab.deploy()
    assert (again.verified and again.verified.action, lab.tokens) == ("none", NOT_PUT_IN)


def test_paths_of_the_machine_do_not_leak_into_the_contract(lab: Lab) -> None:
    lab.deploy()
    text = json.dumps(contract(lab))
    assert lab.environ["HA_LLAT"] not in text
    assert Path(lab.environ["HA_SSH_KEY"]).name not in text
