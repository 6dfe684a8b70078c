"""The dev loop on an embedded host: each way, errors, bursts, and what is left of it at the end."""

from __future__ import annotations

import json
import time

import pytest
from tests.integration.deploylab import Lab, command, env_file
from tests.integration.dev.conftest import SPEAKS, Loop, running
from tests.integration.relay import Relay

from bb8deploy.plan.logs.identity_line import identities

LOG = "local_beep_boop_bb8"


def reported(lab: Lab) -> list[str]:
    """The digests that processes of the app reported, in order."""
    return [one.tree for one in identities(lab.box.manager.log_of(LOG).latest(1000).splitlines())]


def receipt(lab: Lab) -> str:
    return (lab.folder / "reports" / "dev_receipt.txt").read_text()


def test_a_save_is_live_proven_and_gone_after_the_end(lab: Lab) -> None:
    with running(lab) as loop:
        first = loop.wait_for("live")
        assert first["way"] == "build"
        loop.save(word="two", new="new", run_sh=SPEAKS.replace("says", "tells"))
        second = loop.wait_for("live", way="live")
        assert reported(lab)[-1] == second["tree"] != first["tree"]
        assert loop.wait_for("log", line="tells two") if not _said(loop, "tells two") else True
        loop.save(new=None)
        third = loop.wait_for("live", way="live")
        assert reported(lab)[-1] == third["tree"]
        assert loop.stop() == 0
    assert "VERIFY_OK" not in receipt(lab)
    assert receipt(lab).count("TOKEN: LIVE_OK") == 3
    status = json.loads(command(lab, "status", "--json").stdout)
    assert "the dev loop is on" in str(status["result"]["places"])
    ended = command(lab, "dev", "--end")
    assert (ended.returncode, "TOKEN: VERIFY_OK" in ended.stdout) == (0, True), ended.stderr
    place = lab.box.local_root / "beep_boop_bb8"
    assert not (place / ".bb8dev").exists()
    assert "bb8live" not in (place / "config.yaml").read_text()
    assert (place / "config.yaml").read_bytes() == (lab.addon / "config.yaml").read_bytes()


def _said(loop: Loop, text: str) -> bool:
    return any(one["event"] == "log" and text in one["line"] for one in loop.events)


@pytest.mark.e2e
def test_a_syntax_error_is_shown_and_what_runs_stays(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        before = reported(lab)
        loop.save(bad_py="def (:\n")
        told = loop.wait_for("refused")["findings"][0]
        assert (told["path"], told["line"], told["code"]) == ("src/bad.py", 1, "SYNTAX_INVALID")
        loop.save(word="two")
        assert loop.wait_for("refused")
        assert reported(lab) == before
        loop.save(bad_py="x = 1\n")
        assert loop.wait_for("live")["way"] == "live"
        assert _said(loop, "says two")


@pytest.mark.e2e
def test_what_feeds_a_build_step_is_built_and_the_way_is_named(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        (lab.addon / "requirements.txt").write_text("x==2\n")
        built = loop.wait_for("live")
        assert built["way"] == "build"
        assert "RUN test -s /requirements.txt" in built["reason"]
        loop.save(word="three")
        assert loop.wait_for("live")["way"] == "live"


@pytest.mark.e2e
def test_of_many_saves_only_what_is_newest_is_reported(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        for number in range(20):
            loop.save(word=f"burst {number}")
            time.sleep(0.05)
        trees = []
        while not _said(loop, "says burst 19"):
            trees.append(loop.wait_for("live")["tree"])
        assert reported(lab)[-1] == (trees or [loop.wait_for("live")["tree"]])[-1]


@pytest.mark.e2e
def test_an_app_that_ends_is_not_reported_and_the_next_save_brings_it_back(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        loop.save(run_sh="#!/bin/sh\nexit 3\n")
        loop.wait_for("failed")
        loop.save(run_sh=SPEAKS.replace("says", "again"))
        assert loop.wait_for("live")
        assert _said(loop, "again one")


@pytest.mark.e2e
def test_a_second_person_is_told_and_a_release_is_refused(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        second = command(lab, "dev", "--once", "--plain")
        assert (second.returncode, "HOST_LOCKED" in second.stderr) == (5, True)
        assert "`dev`" in second.stderr
        loop.stop()
    lab.git("add", "-A")
    lab.git("commit", "-q", "-m", "Go on")
    refused = command(lab, "release", "patch")
    assert "DEV_ON" in refused.stderr
    found = command(lab, "diagnose")
    assert "dev loop" in found.stdout


@pytest.mark.e2e
def test_once_goes_on_from_the_container_of_an_earlier_session(lab: Lab) -> None:
    first = command(lab, "dev", "--once", "--plain")
    assert (first.returncode, "way=build" in first.stdout) == (0, True), first.stderr
    (lab.addon / "src" / "word").write_text("two")
    again = command(lab, "dev", "--once", "--plain")
    assert (again.returncode, "way=live" in again.stdout) == (0, True), again.stderr


@pytest.mark.e2e
def test_an_app_without_the_agent_is_built_and_proven_at_each_save(lab: Lab) -> None:
    """The folder of the local apps can be mounted only once, and this app mounts it itself."""
    with (lab.addon / "config.yaml").open("a") as config:
        config.write("map: [addons]\n")
    with running(lab) as loop:
        first = loop.wait_for("live", way="build")
        assert "maps the local apps itself" in first["reason"]
        loop.save(word="two")
        second = loop.wait_for("live", way="build")
        assert (reported(lab)[-1], _said(loop, "says two")) == (second["tree"], True)


@pytest.mark.e2e
def test_a_lost_connection_comes_back_with_the_newest_save(lab: Lab) -> None:
    with Relay(("127.0.0.1", lab.box.ssh.port)) as line:
        env_file(lab, HA_SSH_HOST_ALIAS=f"root@127.0.0.1:{line.port}")
        _through(lab, line)


def _through(lab: Lab, line: Relay) -> None:
    with running(lab, "--accept-new") as loop:
        loop.wait_for("live")
        line.drop()
        loop.save(word="after the gap")
        assert loop.wait_for("live")
        assert _said(loop, "says after the gap")


@pytest.mark.e2e
def test_a_mounted_folder_will_do(lab: Lab) -> None:
    root = lab.box.local_root / "beep_boop_bb8"
    env_file(lab, HA_SSH_HOST_ALIAS="", HA_MOUNT=str(root))
    with running(lab, "--via", "mount") as loop:
        loop.wait_for("live")
        loop.save(word="two")
        assert loop.wait_for("live")["way"] == "live"
        assert _said(loop, "says two")


@pytest.mark.e2e
def test_a_restart_of_the_app_is_noticed_and_it_runs_what_was_delivered(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        loop.save(word="two")
        tree = loop.wait_for("live")["tree"]
        lab.box.call("POST", f"/addons/{LOG}/restart")
        assert "the files of push 2" in loop.wait_for("note")["text"]
        while not reported(lab):
            loop.wait_for("log")
        assert reported(lab)[-1] == tree
        if not any(one["event"] == "restarted" for one in loop.events):
            loop.wait_for("restarted")
        told = [(one["tree"], one["number"]) for one in loop.events if one["event"] == "restarted"]
        assert told == [(tree, 2)]


@pytest.mark.e2e
def test_a_save_starts_an_app_that_was_stopped(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        lab.box.call("POST", f"/addons/{LOG}/stop")
        loop.save(word="two")
        live = loop.wait_for("live")
        assert (live["way"], live["reason"]) == ("restart", "the app does not run")
        assert reported(lab)[-1] == live["tree"]
        assert not [one for one in loop.events if one["event"] == "failed"]


@pytest.mark.e2e
def test_an_edit_on_the_host_is_kept_as_an_earlier_tree(lab: Lab) -> None:
    with running(lab) as loop:
        loop.wait_for("live")
        place = lab.box.local_root / "beep_boop_bb8"
        (place / "mine.txt").write_text("by hand")
        loop.save(word="two")
        assert loop.wait_for("live")
        kept = place.parent / ".bb8deploy" / "beep_boop_bb8"
        assert [path.read_text() for path in kept.glob("*/mine.txt")] == ["by hand"]


@pytest.mark.e2e
def test_an_edit_of_what_the_loop_delivered_is_named_at_the_end_and_kept(lab: Lab) -> None:
    assert command(lab, "dev", "--once").returncode == 0
    place = lab.box.local_root / "beep_boop_bb8"
    (place / "mine.txt").write_text("by hand")
    ended = command(lab, "dev", "--end")
    assert (ended.returncode, "HAND_EDITED" in ended.stderr, "mine.txt" in ended.stderr) == (1, True, True)
    assert (place / "mine.txt").read_text() == "by hand"
    assert command(lab, "deploy", "--yes").returncode == 0
    kept = place.parent / ".bb8deploy" / "beep_boop_bb8"
    assert [path.read_text() for path in kept.glob("*/mine.txt")] == ["by hand"]


@pytest.mark.e2e
def test_a_smoke_check_that_fails_is_reported_after_the_push(lab: Lab) -> None:
    (lab.folder / "bb8deploy.toml").write_text('[checks]\nsays = { log = "says two", within = 1 }\n')
    bad = command(lab, "dev", "--once", "--plain")
    assert (bad.returncode, "CHECK_FAILED" in bad.stderr, "CHECKS_OK" in bad.stdout) == (4, True, False)
    (lab.addon / "src" / "word").write_text("two")
    fine = command(lab, "dev", "--once", "--plain")
    assert (fine.returncode, "TOKEN: CHECKS_OK passed=1" in fine.stdout) == (0, True), fine.stderr


@pytest.mark.e2e
def test_verify_refuses_while_the_dev_loop_is_on(lab: Lab) -> None:
    """What runs may not be what is built, so VERIFY_OK would prove too much."""
    assert command(lab, "dev", "--once", "--plain").returncode == 0
    (lab.addon / "src" / "word").write_text("two")
    assert command(lab, "dev", "--once", "--plain").returncode == 0
    done = command(lab, "verify")
    assert "VERIFY_OK" not in done.stdout
    assert (done.returncode, "HOST_DIFFERS" in done.stderr) == (1, True), done.stderr
