"""`bb8deploy init` on a real terminal against a real host: wrong answers first, then the right ones."""

from __future__ import annotations

import re
import shutil
import socket
import stat
import uuid
from pathlib import Path

import pytest
from tests.integration.init.conftest import Clone
from tests.integration.init.dialogue import Dialogue, dialogue
from tests.integration.sshlab import keygen
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from bb8deploy.settings.load_settings import load
from ha_sandbox import Sandbox


def settings_of(clone: Clone) -> dict[str, str]:
    """The settings in .env."""
    values = load(clone.root, environ={}).values
    return {name: value.raw for name, value in values.items() if value.origin == ".env"}


def asks(name: str, proposal: str = "") -> str:
    """The pattern of a question, with what it proposes where that counts."""
    return rf"{name} \[{re.escape(proposal)}\]: " if proposal else rf"{name}(?: \[[^\]]*\])?: "


def meet(talk: Dialogue, want: dict[str, str]) -> None:
    """The ssh part as a person meets it: the host's name, its key, our key, the folder."""
    talk.answer(asks("HA_SSH_HOST_ALIAS"), want["HA_SSH_HOST_ALIAS"])
    talk.expect(r"is not known: ssh-ed25519 SHA256:\S+")
    talk.answer(r"Is this the host's fingerprint\? \[y/N\] ", "y")
    talk.expect(r"error SSH_AUTH_REFUSED")
    talk.answer(asks("HA_SSH_KEY"), "/nowhere/key")
    talk.expect(r"error SSH_KEY_MISSING")
    talk.answer(asks("HA_SSH_KEY"), want["HA_SSH_KEY"])
    talk.expect(r"accepts the login")
    talk.answer(r"HA_REMOTE_RUNTIME \[/addons[^\]]*\]: ", want["HA_REMOTE_RUNTIME"])
    talk.expect(r"addons is there")


def test_from_a_fresh_clone_to_a_verified_deploy(clone: Clone, box: Sandbox) -> None:
    want = box.env()
    # What no question is about comes from the environment, and is written down as well.
    environment = clone.environment(HA_REPORTS_DIR=want["HA_REPORTS_DIR"], BB8_SETTLE_SECONDS="1")
    with dialogue(["init", "--search", "0"], cwd=clone.root, env=environment) as talk:
        meet(talk, want)
        talk.answer(asks("HA_URL"), want["HA_URL"])
        talk.answer(r"HA_LLAT \(not shown; Enter for none\): ", "a-wrong-token")
        talk.expect(r"error HA_TOKEN_REFUSED")
        talk.answer(r"Keep these answers all the same\? \[y/N\] ", "n")
        talk.answer(asks("HA_URL"), "")
        talk.answer(r"HA_LLAT \(not shown; Enter keeps the current one\): ", want["HA_LLAT"])
        talk.expect(r"is Home Assistant .*the token is an administrator's")
        talk.answer(asks("MQTT_HOST"), want["MQTT_HOST"])
        talk.answer(asks("MQTT_PORT", "1883"), want["MQTT_PORT"])
        talk.answer(asks("MQTT_USERNAME"), want["MQTT_USERNAME"])
        talk.answer(r"MQTT_PASSWORD \(not shown; .*\): ", want["MQTT_PASSWORD"])
        talk.expect(r"the broker 127\.0\.0\.1:\d+ accepts the login")
        talk.answer(asks("HA_PUBLISH_REMOTE"), "-")
        talk.expect(r"wrote .*\.env \(mode 0600\)")
        assert talk.finish() == 0, talk.seen

    for secret in ("a-wrong-token", want["HA_LLAT"], want["MQTT_PASSWORD"]):
        assert secret not in talk.seen
    asked = {
        k: v for k, v in want.items() if k.startswith(("HA_SSH_H", "HA_SSH_KEY", "HA_URL", "HA_LLAT", "MQTT"))
    }
    found = settings_of(clone)
    assert asked.items() <= found.items()
    assert stat.S_IMODE(clone.env_file.stat().st_mode) == 0o600
    assert ".env" in (clone.root / ".gitignore").read_text().splitlines()
    assert clone.git("status", "--porcelain").split() == ["??", ".gitignore", "??", "bb8deploy.toml"]

    deployed = clone.run("deploy")
    assert deployed.returncode == 0, deployed.stderr
    assert "TOKEN: VERIFY_OK" in deployed.stdout

    told = clone.run("report")
    assert told.returncode == 0, told.stderr
    page = Path(told.stdout.strip()).read_text()
    assert "<title>deploy 1.0.0: passed</title>" in page
    assert "The running app reported exactly the version and files that were sent." in page
    assert want["HA_LLAT"] not in page


SEARCH = """
from bb8deploy.lanes.init import find_home_assistant
find_home_assistant.SERVICE = "{service}"
find_home_assistant._DETAILS_DEADLINE = 60_000
"""


def test_a_host_that_announces_itself_is_proposed(clone: Clone, tmp_path: Path) -> None:
    try:
        network = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    except OSError as error:
        pytest.skip(f"SKIPPED: no multicast on loopback here: {error}")
    run = uuid.uuid4().hex[:8]
    service = f"_bb8-{run}._tcp.local."  # what others announce would end the search before ours is heard
    startup = tmp_path / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(SEARCH.format(service=service))
    told = {
        "location_name": f"Cabin {run}",
        "version": "2026.11.2",
        "internal_url": "http://cabin.local:8123",
    }
    info = ServiceInfo(
        service,
        f"bb8 cabin {run}.{service}",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=8123,
        properties=told,
        server=f"bb8-test-{run}.local.",
    )
    try:
        network.register_service(info)
        environment = clone.environment(PYTHONPATH=str(startup))
        with dialogue(["init", "--search", "60"], cwd=clone.root, env=environment) as talk:
            number = talk.expect(rf"\d+  Cabin {run}, 2026\.11\.2, http://cabin\.local:8123")[0]
            talk.answer(r"Which one\?.*: ", number)
            talk.answer(asks("HA_SSH_HOST_ALIAS", "root@cabin.local"), "-")
            talk.answer(asks("HA_MOUNT"), "-")
            talk.answer(r"Go on without a host\? \[y/N\] ", "y")
            talk.expect(asks("HA_URL", "http://cabin.local:8123"))
            talk.interrupt()
            assert talk.finish() == 130
    finally:
        network.close()


def test_ctrl_c_in_the_middle_writes_nothing(clone: Clone, box: Sandbox) -> None:
    with dialogue(["init", "--search", "0"], cwd=clone.root, env=clone.environment()) as talk:
        meet(talk, box.env())
        talk.expect(asks("HA_URL"))
        talk.interrupt()
        assert talk.finish() == 130
    assert "error INTERRUPTED" in talk.seen
    assert not clone.env_file.exists()
    assert not (clone.root / ".gitignore").exists()
    assert sorted(p.name for p in clone.root.iterdir()) == [".git", "addon"]


def test_ctrl_d_counts_as_ctrl_c(clone: Clone) -> None:
    with dialogue(["init", "--search", "0"], cwd=clone.root, env=clone.environment()) as talk:
        talk.answer(asks("HA_SSH_HOST_ALIAS"), "")
        talk.expect(asks("HA_MOUNT"))
        talk.end_input()
        assert talk.finish() == 130
    assert not clone.env_file.exists()


def test_a_host_that_does_not_answer_can_be_corrected_or_kept(clone: Clone) -> None:
    environment = clone.environment(HA_SSH_CONNECT_TIMEOUT="2")
    with dialogue(["init", "--search", "0"], cwd=clone.root, env=environment) as talk:
        talk.answer(asks("HA_SSH_HOST_ALIAS"), "root@127.0.0.1:1")
        talk.expect(r"error SSH_NO_CONNECTION")
        talk.answer(r"Keep these answers all the same\? \[y/N\] ", "n")
        talk.answer(asks("HA_SSH_HOST_ALIAS", "root@127.0.0.1:1"), "")
        talk.expect(r"error SSH_NO_CONNECTION")
        talk.answer(r"Keep these answers all the same\? \[y/N\] ", "y")
        talk.answer(asks("HA_REMOTE_RUNTIME"), "/addons/beep_boop_bb8")
        for name in ("HA_URL", "MQTT_HOST", "HA_PUBLISH_REMOTE"):
            talk.answer(asks(name), "")
        assert talk.finish() == 0, talk.seen
    assert settings_of(clone)["HA_SSH_HOST_ALIAS"] == "root@127.0.0.1:1"


def test_a_fingerprint_that_is_not_the_host_s_own_is_not_kept(clone: Clone, box: Sandbox) -> None:
    with dialogue(["init", "--search", "0"], cwd=clone.root, env=clone.environment()) as talk:
        talk.answer(asks("HA_SSH_HOST_ALIAS"), box.env()["HA_SSH_HOST_ALIAS"])
        talk.answer(r"Is this the host's fingerprint\? \[y/N\] ", "n")
        talk.expect(r"error HOST_KEY_UNKNOWN")
        talk.expect(r"Keep these answers")
        talk.interrupt()
        assert talk.finish() == 130
    assert not clone.known_hosts.exists()


def test_an_existing_file_is_left_alone_on_no_and_keeps_its_own_lines_on_yes(
    clone: Clone, box: Sandbox
) -> None:
    mounts = box.mount_env()
    before = "# my notes\nMY_OWN=1\nHA_IMAGE=x/y\n"
    clone.env_file.write_text(before)
    with dialogue(["init", "--search", "0"], cwd=clone.root, env=clone.environment()) as talk:
        talk.answer(r"\.env exists\. Change it\?.*\[y/N\] ", "n")
        assert talk.finish() == 2
    assert clone.env_file.read_text() == before

    with dialogue(["init", "--search", "0"], cwd=clone.root, env=clone.environment()) as talk:
        talk.answer(r"\.env exists\. Change it\?.*\[y/N\] ", "y")
        talk.answer(asks("HA_SSH_HOST_ALIAS"), "")
        talk.answer(asks("HA_MOUNT"), "/nowhere/at/all")
        talk.answer(asks("HA_CONFIG_MOUNT"), "")
        talk.expect(r"error MOUNT_MISSING")
        talk.answer(r"Keep these answers", "n")
        talk.answer(asks("HA_MOUNT"), mounts["HA_MOUNT"])
        talk.answer(asks("HA_CONFIG_MOUNT"), mounts["HA_CONFIG_MOUNT"])
        talk.expect(r"is mounted")
        for name in ("HA_URL", "MQTT_HOST", "HA_PUBLISH_REMOTE"):
            talk.answer(asks(name), "")
        assert talk.finish() == 0, talk.seen
    text = clone.env_file.read_text()
    assert text.startswith(before)
    found = settings_of(clone)
    assert found.pop("HA_SSH_KNOWN_HOSTS") == str(clone.known_hosts)
    assert found == {**mounts, "HA_IMAGE": "x/y"}


def test_without_interaction_not_even_a_passphrase_is_asked_for(clone: Clone, box: Sandbox) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("SKIPPED: ssh-keygen is not installed")
    locked = keygen(clone.home / "locked", phrase="open sesame")
    settings = {**box.env(), "HA_SSH_KEY": str(locked)}
    names = ("HA_SSH_HOST_ALIAS", "HA_SSH_KNOWN_HOSTS", "HA_SSH_KEY", "HA_REMOTE_RUNTIME")
    words = [word for name in names for word in ("--set", f"{name}={settings[name]}")]
    with dialogue(["init", "--non-interactive", *words], cwd=clone.root, env=clone.environment()) as talk:
        assert talk.finish() == 3
    assert "error SSH_AUTH_REFUSED" in talk.seen
    assert not clone.env_file.exists()
