"""What a failed or disturbed deploy leaves: no false token, the earlier files, a container left alone."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.deploylab import SLUG, Lab, builds_fail, command, config, env_file
from tests.integration.small_addon import DOCKERFILE, RUN_SH
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.catalogue.errors.tool import REPORTS_UNWRITABLE
from bb8deploy.host.supervisor.ha_cli_route import HaCli
from bb8deploy.host.supervisor.route_interface import RefusalKind, SupervisorError
from bb8deploy.lanes.deploy.deploy import DeployOptions, deploy
from bb8deploy.lanes.sync.sync import sync_host
from ha_sandbox.supervisor.app_lifecycle import Manager

pytestmark = pytest.mark.e2e

PROVEN = {"VERIFY_OK", "RUNTIME_TOPOLOGY_OK", "DEPLOY_SSH_OK", "ROLLBACK_OK"}


def edit_before(monkeypatch: pytest.MonkeyPatch, lab: Lab, name: str) -> None:
    """Another process edits a file of the app folder right before a call to the Supervisor."""
    real: Callable[..., Any] = getattr(HaCli, name)

    def call(self: HaCli, *words: Any, **more: Any) -> Any:
        with (runtime(lab) / "run.sh").open("a") as file:
            file.write("# edited\n")
        return real(self, *words, **more)

    monkeypatch.setattr(HaCli, name, call)


@pytest.mark.parametrize("call", ["reload_store", "act"])
@pytest.mark.parametrize("version", ["1.0.0", "1.0.1"], ids=["rebuild", "update"])
def test_an_edit_between_the_last_hash_and_the_build_is_never_verified(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, call: str, version: str
) -> None:
    lab.deploy()
    lab.write(config=config(version), run_sh=f"{RUN_SH}# new\n")
    edit_before(monkeypatch, lab, call)
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert caught.value.code == "SEAL_DIFFERS"
    assert "run.sh: built with other content" in caught.value.details
    assert not PROVEN & set(lab.tokens)


def test_reports_that_take_no_files_after_the_swap_bring_the_earlier_files_back(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))

    def full(*_: object) -> str:
        raise REPORTS_UNWRITABLE("reports cannot be written: No space left on device")

    monkeypatch.setattr("bb8deploy.lanes.deploy.deploy.replaced_as_sent", full)
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert caught.value.code == "REPORTS_UNWRITABLE"
    assert "version: 1.0.0" in (runtime(lab) / "config.yaml").read_text().replace('"', "").replace("'", "")
    assert lab.state()["version"] == "1.0.0"


def test_a_tree_that_another_put_in_meanwhile_is_not_swapped_away(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    real, folder = HaCli.reload_store, runtime(lab)
    others = "name: Other\nslug: other\nversion: '1'\n"

    def reload_store(self: HaCli) -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / "config.yaml").write_text(others)
        real(self)

    monkeypatch.setattr(HaCli, "reload_store", reload_store)
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert "holds another tree than this deploy put in" in caught.value.cause
    assert [path.name for path in folder.iterdir()] == ["config.yaml"]
    assert (folder / "config.yaml").read_text() == others
    assert not PROVEN & set(lab.tokens)


def test_a_failed_deploy_of_what_ran_brings_that_back_not_what_was_only_synced(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deploy(BB8_VERIFY="stamp")
    lab.write(config=config("1.0.1"))
    sync_host(lab.run(BB8_VERIFY="stamp"))
    lab.write(config=config("1.0.0"))
    edit_before(monkeypatch, lab, "act")
    with pytest.raises(Bb8Error, match=r"rolled back: |the rollback failed too") as caught:
        lab.deploy(BB8_VERIFY="stamp")
    assert caught.value.code == "HOST_CHANGED"
    assert '"version": "1.0.0"' in (runtime(lab) / "build_stamp.json").read_text()


def test_a_second_writer_that_never_stops_gives_no_proof(lab: Lab) -> None:
    lab.deploy()
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(0.02):
            number += 1
            try:
                (runtime(lab) / "written.txt").write_text(f"{number}\n")
            except OSError:  # the folder is being swapped
                continue

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for version in ("1.0.1", "1.0.2"):
            lab.write(config=config(version))
            with pytest.raises(Bb8Error):
                lab.deploy()
            assert not PROVEN & set(lab.tokens)
    finally:
        stop.set()
        writer.join()


def test_an_edit_after_the_deploy_is_seen_by_a_verify_that_has_nothing_to_do(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deploy()
    edit_before(monkeypatch, lab, "look")
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert caught.value.code == "HOST_CHANGED"
    assert not PROVEN & set(lab.tokens)


def test_a_reload_that_crashes_puts_the_earlier_files_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.deploy()
    earlier = (runtime(lab) / "config.yaml").read_text()
    lab.write(config=config("1.0.1"))
    monkeypatch.setattr(Manager, "update", lambda *_: pytest.fail("nothing may be put in"))
    lab.box.call("POST", "/store/reload")
    real, broken = HaCli.reload_store, iter([True])

    def reload(self: HaCli) -> None:
        if next(broken, False):
            raise SupervisorError(RefusalKind.OTHER, "reload the store", "'NoneType' object is not iterable")
        real(self)

    monkeypatch.setattr(HaCli, "reload_store", reload)
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert caught.value.code == "SUPERVISOR_SAID_NO"
    assert (runtime(lab) / "config.yaml").read_text() == earlier
    assert lab.state()["state"] == "started"


BROKEN = "FROM x\nRUN false\n"


def leftovers(lab: Lab) -> list[str]:
    """What a withdrawn delivery left in the state folder; the host removes it after its answer."""
    state, end = runtime(lab).parent / ".bb8deploy" / runtime(lab).name, time.monotonic() + 60
    while (found := sorted(path.name for path in state.glob("*.*"))) and time.monotonic() < end:
        time.sleep(0.05)
    return found


@builds_fail
@pytest.mark.parametrize("empty", [False, True], ids=["absent", "empty"])
@pytest.mark.parametrize("mount", [False, True], ids=["ssh", "mount"])
def test_a_first_deploy_that_does_not_build_leaves_no_files(lab: Lab, mount: bool, empty: bool) -> None:
    if mount:
        lab.leave_ssh_for_the_mount()
    if empty:
        runtime(lab).mkdir()
    lab.write(dockerfile=BROKEN)
    with pytest.raises(Bb8Error, match="the new files were removed again") as caught:
        lab.deploy()
    assert (caught.value.code, caught.value.exit_code) == ("BUILD_FAILED", 4)
    assert not runtime(lab).exists()
    assert leftovers(lab) == []
    assert SLUG not in {app["slug"] for app in lab.box.call("GET", "/store/addons")["addons"]}
    lab.write(dockerfile=DOCKERFILE)
    lab.deploy()
    assert "VERIFY_OK" in lab.tokens


@builds_fail
def test_a_first_deploy_that_fails_leaves_files_of_others(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.write(dockerfile=BROKEN)
    edit_before(monkeypatch, lab, "act")
    with pytest.raises(Bb8Error, match="because the app folder was changed after they were sent"):
        lab.deploy()
    assert (runtime(lab) / "run.sh").read_text().endswith("# edited\n")


def test_a_first_deploy_that_was_installed_keeps_its_files(lab: Lab) -> None:
    lab.write(run_sh="#!/bin/sh\nexit 1\n")
    with pytest.raises(Bb8Error, match="the host has no earlier tree, and the app is installed"):
        lab.deploy()
    assert lab.state()["detached"] is False
    assert (runtime(lab) / "run.sh").exists()


def test_a_config_that_the_supervisor_refuses_leaves_the_container_alone(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.deploy()
    verbs: list[str] = []
    real = HaCli.act

    def act(self: HaCli, verb: Any, *words: Any, **more: Any) -> None:
        verbs.append(verb)
        real(self, verb, *words, **more)

    monkeypatch.setattr(HaCli, "act", act)
    lab.write(config=config("1.0.0") + "ports: [no mapping]\n")
    with pytest.raises(Bb8Error) as caught:
        lab.deploy(DeployOptions(validate=False))
    assert caught.value.code in {"NOT_LISTED", "LISTED_OTHER"}
    assert verbs == []
    assert (lab.state()["state"], lab.state()["detached"]) == ("started", False)
    assert lab.tokens[-1] == "ROLLBACK_OK"


def test_an_app_that_the_static_rules_reject_is_not_sent(lab: Lab) -> None:
    lab.deploy()
    earlier = (runtime(lab) / "config.yaml").read_text()
    lab.write(config=config("1.0.1") + "map:\n")
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert caught.value.code == "VALIDATE_FAILED"
    assert (runtime(lab) / "config.yaml").read_text() == earlier
    assert lab.tokens == []


def test_a_target_of_an_earlier_deploy_to_several_keeps_no_old_token(lab: Lab) -> None:
    stale = lab.folder / "reports/targets/kitchen/deploy_receipt.txt"
    stale.parent.mkdir(parents=True)
    stale.write_text("TOKEN: VERIFY_OK version=1.0.0 run=yesterday\n")
    (lab.folder / ".env.kitchen").write_text("")
    deploy(lab.run(target="kitchen"))
    assert "yesterday" not in stale.read_text()


def test_rollback_goes_back_more_than_once_and_lists_what_is_kept(lab: Lab) -> None:
    env_file(lab)
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        lab.write(config=config(version))
        time.sleep(1.1)  # run ids name the second
        lab.deploy()
    listed = json.loads(command(lab, "rollback", "--list", "--json").stdout)["result"]["earlier"]
    assert [tree["version"] for tree in listed] == ["1.0.1", "1.0.0"]
    for version in ("1.0.1", "1.0.0"):
        done = command(lab, "rollback")
        assert (done.returncode, lab.state()["version"]) == (0, version), done.stderr
        assert "TOKEN: ROLLBACK_OK" in done.stdout
    done = command(lab, "rollback")
    assert done.returncode == 1
    assert "PREVIOUS_MISSING" in done.stderr
    assert lab.state()["version"] == "1.0.0"


def test_a_rollback_by_hand_warns_of_hand_edits_and_keeps_them(lab: Lab) -> None:
    env_file(lab)
    for version in ("1.0.0", "1.0.1"):
        lab.write(config=config(version))
        time.sleep(1.1)  # run ids name the second
        lab.deploy()
    (runtime(lab) / "run.sh").write_text(f"{RUN_SH}# mine\n")
    done = command(lab, "rollback")
    assert done.returncode == 0, done.stderr
    assert "were edited by hand since run" in done.stderr
    assert "TOKEN: ROLLBACK_OK version=1.0.0" in done.stdout
    kept = runtime(lab).parent / ".bb8deploy" / runtime(lab).name / "previous/run.sh"
    assert kept.read_text().endswith("# mine\n")


def test_a_rollback_by_hand_never_replaces_the_folder_of_another_app(lab: Lab) -> None:
    env_file(lab)
    for version in ("1.0.0", "1.0.1"):
        lab.write(config=config(version))
        lab.deploy()
    shutil.rmtree(runtime(lab))
    runtime(lab).mkdir()
    (runtime(lab) / "config.yaml").write_text("name: Other\nslug: other\nversion: '1'\n")
    done = command(lab, "rollback")
    assert done.returncode == 1
    assert "RUNTIME_NOT_OURS" in done.stderr
    assert [path.name for path in runtime(lab).iterdir()] == ["config.yaml"]


def test_a_rollback_prefers_what_ran_to_what_was_only_synced(lab: Lab) -> None:
    env_file(lab)
    lab.deploy()
    lab.write(config=config("1.0.1"))
    sync_host(lab.run())
    time.sleep(1.1)  # run ids name the second
    lab.write(config=config("1.0.2"))
    lab.deploy()
    done = command(lab, "rollback")
    assert "TOKEN: ROLLBACK_OK version=1.0.0" in done.stdout, done.stderr
    assert lab.state()["version"] == "1.0.0"
    drift = json.loads(command(lab, "status", "--json").stdout)["result"]["drift"]
    assert [line for line in drift if "the last run restored 1.0.0;" in line], drift


def test_a_tree_that_never_ran_runs_after_a_failed_deploy_but_earns_no_token(lab: Lab) -> None:
    lab.deploy(BB8_KEEP_TREES="1")
    for version in ("1.0.1", "1.0.2"):
        lab.write(config=config(version))
        sync_host(lab.run(BB8_KEEP_TREES="1"))
    lab.write(config=config("1.0.3"), run_sh="#!/bin/sh\nexit 1\n")
    told = r"1\.0\.2 runs, verified \(proof: sealed\); nothing shows that it ran before"
    with pytest.raises(Bb8Error, match=told):
        lab.deploy(BB8_KEEP_TREES="1")
    assert "ROLLBACK_OK" not in lab.tokens
    assert lab.state()["version"] == "1.0.2"


NEEDS = 'options: {}\nschema: {robot: str, "port": "port?"}\n'


def test_a_new_required_option_is_named_before_the_build_and_set_after_it(lab: Lab) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1").replace("options: {}\nschema: {}\n", NEEDS))
    with pytest.raises(Bb8Error) as caught:
        lab.deploy(DeployOptions(validate=False))
    assert (caught.value.code, caught.value.exit_code) == ("OPTIONS_INVALID", 1)
    assert "needs the option robot" in caught.value.cause
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")

    with pytest.raises(Bb8Error, match="refuses the option port"):
        lab.deploy(DeployOptions(validate=False, app_options={"robot": "BB-1", "port": "many"}))

    outcome = lab.deploy(DeployOptions(validate=False, app_options={"robot": "BB-1", "port": 1883}))
    assert outcome.verified
    assert outcome.verified.verified
    assert lab.state()["options"] == {"robot": "BB-1", "port": 1883}
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.1", "started")
    assert "VERIFY_OK" in lab.tokens
