"""`bb8deploy remove` against an embedded host: what goes, what is refused, what another one continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import SLUG, Lab, command, config, env_file
from tests.integration.waiting import until

from bb8deploy.base.errors import Bb8Error, CheckFailed, Unreachable
from bb8deploy.host.files import removal
from bb8deploy.lanes.host_session import Access
from bb8deploy.lanes.remove.remove import RemoveOptions, remove
from bb8deploy.transport.mqtt import BrokerLink, address_of

pytestmark = pytest.mark.e2e


def run(lab: Lab, *, yes: bool = True, **options: Any) -> Any:
    return remove(lab.run(), RemoveOptions(**options), lambda _found: yes)


def folder(lab: Lab) -> Path:
    return lab.box.local_root / "beep_boop_bb8"


def installed(lab: Lab) -> bool:
    apps = lab.box.call("GET", "/addons")
    assert isinstance(apps, dict)
    return SLUG in {app["slug"] for app in apps["addons"]}


def refused(lab: Lab, code: str, **options: Any) -> Bb8Error:
    """The error; nothing was removed."""
    with pytest.raises(CheckFailed) as caught:
        run(lab, **options)
    assert caught.value.code == code
    assert folder(lab).is_dir()
    assert installed(lab)
    assert "REMOVE_OK" not in lab.tokens
    return caught.value


def test_the_command_shows_what_goes_and_leaves_nothing(lab: Lab) -> None:
    lab.write(config=config("1.0.1"))
    lab.deploy()
    other = lab.box.local_root / "other"
    other.mkdir()
    (other / "config.yaml").write_text("slug: other\n")

    seen = command(lab, "remove", "--dry-run", "--json")
    assert seen.returncode == 0, seen.stderr
    goes = json.loads(seen.stdout)["result"]["goes"]
    assert any(f"the app {SLUG} 1.0.1 (started)" in line for line in goes)
    assert any("`previous`, version 1.0.0" in line for line in goes)
    assert folder(lab).is_dir()

    asked = command(lab, "remove")
    assert asked.returncode == 2
    assert "REMOVE_UNCONFIRMED" in asked.stderr
    assert folder(lab).is_dir()

    done = command(lab, "remove", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"TOKEN: REMOVE_OK slug={SLUG}" in done.stdout
    assert not folder(lab).exists()
    assert not installed(lab)
    assert sorted(path.name for path in lab.box.local_root.iterdir()) == ["other"]
    assert "REMOVE_OK" in (lab.folder / "reports" / "deploy_receipt.txt").read_text()

    again = command(lab, "remove", "--yes")
    assert again.returncode == 0, again.stderr
    assert "there is nothing" in again.stderr


def test_an_app_can_be_deployed_again_after_its_removal(lab: Lab) -> None:
    run(lab)
    outcome = lab.deploy()
    assert outcome.verified
    assert outcome.verified.action == "install"
    assert "VERIFY_OK" in lab.tokens


def test_hand_edits_are_not_removed_without_a_word(lab: Lab) -> None:
    (folder(lab) / "run.sh").write_text("#!/bin/sh\nexec sleep 9\n")
    error = refused(lab, "HAND_EDITED")
    assert "--discard-edits" in error.remedy
    run(lab, discard_edits=True)
    assert not folder(lab).exists()


def test_an_edited_earlier_tree_is_not_removed_without_a_word(lab: Lab) -> None:
    lab.write(config=config("1.0.1"))
    lab.deploy()
    (lab.box.local_root / ".bb8deploy" / "beep_boop_bb8" / "previous" / "notes.txt").write_text("mine")
    assert "earlier tree `previous`" in refused(lab, "HAND_EDITED").details[0]


def test_an_ignored_file_of_the_host_is_not_removed_without_a_word(lab: Lab) -> None:
    (folder(lab) / "secrets.yaml").write_text("a: b\n")
    assert "secrets.yaml" in refused(lab, "HAND_EDITED").details[0]


def test_another_apps_folder_is_refused(lab: Lab) -> None:
    (folder(lab) / "config.yaml").write_text("slug: other\n")
    refused(lab, "RUNTIME_NOT_OURS")


def test_another_folder_with_the_slug_is_refused(lab: Lab) -> None:
    other = lab.box.local_root / "copy"
    other.mkdir()
    (other / "config.yaml").write_text("slug: beep_boop_bb8\n")
    assert "Correct HA_REMOTE_RUNTIME" in refused(lab, "TOPOLOGY_WRONG").remedy


def test_a_dev_loop_that_is_on_is_refused(lab: Lab) -> None:
    (folder(lab) / ".bb8dev").mkdir()
    (folder(lab) / ".bb8dev" / "stamp").write_text("x")
    refused(lab, "DEV_ON")


def test_the_lock_of_another_run_is_respected(lab: Lab) -> None:
    lock = lab.box.local_root / ".bb8deploy" / "beep_boop_bb8.lock"
    lock.mkdir()
    owner = {"user": "x", "host": "elsewhere", "pid": 1, "run": "r", "command": "dev", "since": "t"}
    (lock / "owner").write_text(json.dumps(owner) + "\n")
    (lock / "expires").write_text("99999999999\n")
    with pytest.raises(Bb8Error) as caught:
        run(lab)
    assert caught.value.code == "HOST_LOCKED"
    assert installed(lab)


def test_a_change_after_the_look_stops_the_removal(lab: Lab) -> None:
    def change(_found: object) -> bool:
        (folder(lab) / "new.txt").write_text("mine")
        return True

    with pytest.raises(CheckFailed) as caught:
        remove(lab.run(), RemoveOptions(), change)
    assert caught.value.code == "HOST_EDITED_LIVE"
    assert (folder(lab) / "new.txt").read_text() == "mine"


def test_a_removal_that_was_cut_off_is_continued(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(_removal: object) -> None:
        raise Unreachable("SSH_LOST", "the connection was lost", "Run again.")

    with monkeypatch.context() as patch:
        patch.setattr(removal.SshRemoval, "carry_out", lost)
        with pytest.raises(Unreachable) as caught:
            run(lab)
    assert any(f"done: {SLUG} is uninstalled" in line for line in caught.value.details)
    assert folder(lab).is_dir()
    run(lab)
    assert not folder(lab).exists()
    assert "REMOVE_OK" in lab.tokens


def test_the_configuration_folder_goes_only_if_asked(lab: Lab) -> None:
    lab.write(config=config("1.0.1") + "map:\n  - type: addon_config\n    read_only: false\n")
    lab.deploy()
    own = lab.box.root / "addon_configs" / SLUG
    assert own.is_dir()
    run(lab)
    assert own.is_dir()
    lab.deploy()
    run(lab, with_config=True)
    assert not own.exists()


def test_a_mounted_share_with_a_way_to_the_supervisor(lab: Lab) -> None:
    lab.environ["HA_MOUNT"] = str(folder(lab))
    env_file(lab)
    done = remove(lab.run(), RemoveOptions(access=Access("mount")), lambda _found: True)
    assert done.files.tree.present
    assert not folder(lab).exists()
    assert not (lab.box.local_root / ".bb8deploy").exists()
    assert "REMOVE_OK" in lab.tokens


def test_an_instance_goes_and_the_app_stays(lab: Lab) -> None:
    assert command(lab, "deploy", "--as", "beta").returncode == 0
    done = command(lab, "remove", "--as", "beta", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"slug={SLUG}_beta" in done.stdout
    assert not (lab.box.local_root / "beep_boop_bb8_beta").exists()
    assert folder(lab).is_dir()
    assert installed(lab)


def test_the_apps_retained_messages_go_and_others_stay(lab: Lab) -> None:
    lab.environ["MQTT_BASE_TOPIC"] = "beep"
    address = address_of(lab.run().settings)
    own, others = ["beep/status", "homeassistant/device/beep/config"], ["hub/status", "beeper/status"]
    discovery = json.dumps({"state_topic": "beep/state"})
    got: dict[str, bytes] = {}
    with BrokerLink(address, lambda *_: None) as link:
        for topic in (*own, *others):
            link._client.publish(topic, discovery, qos=1, retain=True).wait_for_publish(60)
    found = remove(lab.run(), RemoveOptions(), lambda _found: True)
    assert list(found.retained.topics) == own
    with BrokerLink(address, lambda topic, payload, _retained: got.update({topic: payload})) as link:
        link.subscribe("#")
        link.publish("end", b"x")
        until(lambda: "end" in got)
    assert sorted(got) == ["beeper/status", "end", "hub/status"]


def test_a_broker_that_does_not_answer_stops_nothing(lab: Lab) -> None:
    lab.environ.update(MQTT_BASE_TOPIC="beep", MQTT_HOST="127.0.0.1", MQTT_PORT="1")
    found = remove(lab.run(), RemoveOptions(), lambda _found: True)
    assert "does not answer" in found.retained.skipped
    assert "REMOVE_OK" in lab.tokens
