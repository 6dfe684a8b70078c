"""A diagnosis of an embedded host: everything fine, nothing there, and each side gone or refusing."""

from __future__ import annotations

import hashlib
import shutil
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.deploylab import SLUG, Lab
from tests.integration.diagnose.conftest import Seen, look, runtime
from tests.integration.relay import Relay
from tests.integration.small_addon import RUN_SH
from tests.integration.sshlab import keygen

from bb8deploy.lanes.diagnose.check_result import CheckLevel
from bb8deploy.lanes.diagnose.diagnose import diagnose
from bb8deploy.lanes.diagnose.parallel import Pending, spawn
from bb8deploy.transport.mqtt import BrokerLink, address_of

SUBJECTS = [
    "settings",
    "workspace",
    "ssh",
    "core",
    "supervisor",
    "app",
    "runtime folder",
    "broker",
    "robot",
    "clock",
]
RUN = "20260101T000000Z-abc"


def state_of(lab: Lab) -> dict[str, str]:
    """Every file of the host that a diagnosis could have changed, hashed."""
    folders = [lab.box.root / name for name in ("addons", "config", "data")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def retained(lab: Lab) -> dict[str, bytes]:
    """What the broker keeps."""
    found: dict[str, bytes] = {}
    told = threading.Event()

    def hear(topic: str, payload: bytes, kept: bool) -> None:
        if topic == "the/end":
            told.set()
        elif kept:
            found[topic] = payload

    with BrokerLink(address_of(lab.run(dry_run=True).settings), hear) as link:
        link.subscribe("#")
        link.publish("the/end", "x")
        assert told.wait(60)
    return found


def test_a_deployed_host_has_nothing_that_fails_and_is_left_as_it_was(lab: Lab) -> None:
    lab.deploy()
    before, kept = state_of(lab), retained(lab)
    seen = look(lab)
    assert seen.failed() == {}
    assert seen.exit_code == 0
    assert seen.warned() == {}
    assert seen.level("robot", "bridge") is CheckLevel.SKIPPED  # this small app speaks no MQTT
    assert seen.subjects() == SUBJECTS
    assert seen.troubles == set()
    assert seen.named("app", "versions").seen == "1.0.0 here, on the host, in the store, installed"
    assert "equal to the host's stamp" in seen.named("app", "identity").seen
    assert seen.named("runtime folder", "edits").seen.startswith("none since 1.0.0 was sent")
    assert (state_of(lab), retained(lab)) == (before, kept)


def test_a_host_that_has_never_seen_the_add_on_reports_it(lab: Lab) -> None:
    seen = look(lab)
    assert seen.failed() == {"app/installed": "ADDON_NOT_IN_STORE"}
    assert seen.warned() == {"runtime folder/files": "RUNTIME_FOLDER_MISSING"}
    assert (seen.exit_code, seen.troubles) == (1, {"ADDON_NOT_IN_STORE"})


def test_everything_goes_over_one_ssh_connection(lab: Lab) -> None:
    with Relay(("127.0.0.1", lab.box.ssh.port)) as relay:
        known = lab.folder / "known_hosts"
        text = Path(lab.environ["HA_SSH_KNOWN_HOSTS"]).read_text()
        known.write_text(text.replace(str(lab.box.ssh.port), str(relay.port)))
        seen = look(
            lab, HA_SSH_HOST_ALIAS=f"root@127.0.0.1:{relay.port}", HA_SSH_KNOWN_HOSTS=str(known), HA_URL=""
        )
        assert seen.level("supervisor", "health") is CheckLevel.OK
        assert relay.counts.connections == 1


def test_no_settings_at_all_is_a_result_and_no_crash(lab: Lab) -> None:
    lab.environ = {}
    lab_run = lab.run(dry_run=True, BB8_SETTLE_SECONDS="", BB8_BUILD_DEADLINE="")
    seen = Seen(diagnose(lab_run))
    assert seen.failed() == {"settings/origins": "SETTINGS_EMPTY"}
    assert "bb8deploy init" in seen.named("settings", "origins").remedy
    assert seen.subjects() == SUBJECTS
    skipped = {c.subject for c in seen.diagnosis.checks if c.level is CheckLevel.SKIPPED}
    assert {"ssh", "core", "supervisor", "app", "runtime folder", "broker", "robot", "clock"} <= skipped
    assert seen.exit_code == 1


def test_a_wrong_key_fails_the_login_and_core_shows_the_rest(lab: Lab) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("SKIPPED: ssh-keygen is not installed")
    lab.deploy()
    seen = look(lab, HA_SSH_KEY=str(keygen(lab.folder / "another")))
    assert seen.failed() == {"ssh/login": "SSH_AUTH_REFUSED"}
    assert [seen.level("ssh", name) for name in ("resolve", "reach", "host key")] == [CheckLevel.OK] * 3
    assert seen.named("supervisor", "ways").seen == "answers by websocket"
    assert seen.level("app", "state") is CheckLevel.OK
    assert seen.level("runtime folder", "files") is CheckLevel.SKIPPED
    assert seen.level("clock", "skew") is CheckLevel.OK
    assert seen.exit_code == 1


def test_an_unknown_host_key_is_distinguished_from_a_login(lab: Lab) -> None:
    empty = lab.folder / "empty_known_hosts"
    empty.write_text("")
    seen = look(lab, HA_SSH_KNOWN_HOSTS=str(empty))
    assert seen.failed()["ssh/host key"] == "HOST_KEY_UNKNOWN"
    assert seen.level("ssh", "login") is CheckLevel.SKIPPED
    assert not empty.read_text()


def test_a_name_that_does_not_resolve_is_distinguished_from_a_dead_host(lab: Lab) -> None:
    seen = look(lab, HA_SSH_HOST_ALIAS="root@no-such-host.invalid")
    assert seen.failed()["ssh/resolve"] == "SSH_NAME_UNKNOWN"
    assert seen.level("ssh", "reach") is CheckLevel.SKIPPED


def test_a_wrong_token_fails_at_core_and_costs_ssh_nothing(lab: Lab) -> None:
    seen = look(lab, HA_LLAT="not-the-token-at-all")
    assert seen.named("core", "token").code == "HA_TOKEN_REFUSED"
    assert seen.level("core", "address") is CheckLevel.OK
    assert seen.named("supervisor", "ways").seen == "answers by ha"
    assert seen.exit_code == 1


def test_a_host_that_is_down_is_silence_and_exits_3(lab: Lab) -> None:
    seen = look(
        lab,
        HA_SSH_HOST_ALIAS="root@127.0.0.1:1",
        HA_URL="http://127.0.0.1:1",
        MQTT_HOST="127.0.0.1",
        MQTT_PORT="1",
    )
    assert seen.failed() == {
        "ssh/reach": "SSH_NO_CONNECTION",
        "core/address": "HA_UNREACHABLE",
        "broker/reach": "BROKER_UNREACHABLE",
    }
    assert seen.exit_code == 3
    assert seen.level("workspace", "app") is CheckLevel.OK


def test_a_host_that_swallows_connections_costs_one_deadline(
    lab: Lab, black_hole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []

    def watched(subject: str, work: Callable[[], object], *, deadline: float) -> Pending[object]:
        def run() -> object:
            events.append(f"{subject} begins")
            try:
                return work()
            finally:
                events.append(f"{subject} ends")

        return spawn(subject, run, deadline=deadline)

    monkeypatch.setattr("bb8deploy.lanes.diagnose.diagnose.spawn", watched)
    seen = look(
        lab,
        HA_SSH_HOST_ALIAS=f"root@127.0.0.1:{black_hole}",
        HA_URL=f"http://127.0.0.1:{black_hole}",
        MQTT_PORT=str(black_hole),
        HA_SSH_CONNECT_TIMEOUT="5",
    )
    looks = ("ssh", "core", "broker")
    last_begins = max(events.index(f"{look} begins") for look in looks)
    assert last_begins < min(events.index(f"{look} ends") for look in looks), events
    assert set(seen.failed()) == {"ssh/reach", "core/address", "broker/reach"}
    assert seen.subjects() == SUBJECTS
    assert seen.exit_code == 3


def test_a_wrong_broker_password_fails_the_login_there(lab: Lab) -> None:
    lab.deploy()
    seen = look(lab, MQTT_PASSWORD="wrong-password")
    assert seen.failed() == {"broker/login": "BROKER_DENIED"}
    assert seen.level("broker", "reach") is CheckLevel.OK
    assert seen.exit_code == 1


def test_the_mounted_folder_and_core_are_enough(lab: Lab) -> None:
    lab.deploy()
    seen = look(lab, **lab.box.mount_env(), HA_SSH_HOST_ALIAS="")
    assert seen.failed() == {}
    assert seen.level("runtime folder", "files") is CheckLevel.OK
    assert seen.level("runtime folder", "claims") is CheckLevel.OK
    assert seen.named("supervisor", "ways").seen == "answers by websocket"
    assert seen.level("clock", "skew") is CheckLevel.OK


def test_a_lock_and_the_traces_of_a_killed_run_are_shown(lab: Lab) -> None:
    from bb8deploy.host.lock.lock_owner import Owner

    state = runtime(lab).parent / ".bb8deploy"
    (state / "beep_boop_bb8.lock").mkdir(parents=True)
    (state / "beep_boop_bb8.lock/owner").write_text(
        Owner.of_run("20260101T000000Z-abc", "deploy").line() + "\n"
    )
    (state / "beep_boop_bb8.lock/expires").write_text("1\n")
    (state / "beep_boop_bb8/next.20260101T000000Z-abc").mkdir(parents=True)
    seen = look(lab)
    lines = [c for c in seen.diagnosis.checks if (c.subject, c.name) == ("ssh", "lock")]
    assert [line.code for line in lines] == ["HOST_LOCKED", "HOST_HALF_DONE"]
    assert "run 20260101T000000Z-abc" in lines[0].seen
    assert "expired" in lines[0].seen
    assert "next.20260101T000000Z-abc" in lines[1].seen


def test_options_that_the_schema_refuses_are_found_before_the_next_start(lab: Lab) -> None:
    text = (
        (lab.addon / "config.yaml").read_text().replace("options: {}", "options: {cap: 5, word: secret-word}")
    )
    lab.write(config=text.replace("schema: {}", 'schema: {cap: "int(1,9)", word: password}'))
    lab.deploy()
    assert look(lab).level("app", "options") is CheckLevel.OK
    lab.write(config=(lab.addon / "config.yaml").read_text().replace("int(1,9)", "int(1,4)"))
    seen = look(lab)
    assert seen.named("app", "options").code == "OPTIONS_INVALID"
    assert "cap" in seen.named("app", "options").seen
    assert [secret.reveal() for secret in seen.diagnosis.secrets].count("secret-word") == 1
    assert "secret-word" not in str(seen.diagnosis.checks)


def test_a_died_add_on_is_shown_with_its_cause(lab: Lab) -> None:
    lab.deploy()
    dying = RUN_SH.replace(
        "trap ", "echo 'Traceback (most recent call last):'; echo 'ValueError: no hat'; exit 3; trap "
    )
    runtime(lab).joinpath("run.sh").write_text(dying)
    lab.box.call("POST", f"/addons/{SLUG}/rebuild")
    deadline = time.monotonic() + 60
    while lab.state()["state"] == "started" and time.monotonic() < deadline:
        time.sleep(0.1)
    seen = look(lab)
    assert seen.named("app", "state").code == "ADDON_DIED"
    assert "ValueError: no hat" in seen.named("app", "state").seen
    assert seen.warned()["runtime folder/edits"] == "HAND_EDITED"


@pytest.mark.parametrize("place", ["here", "on the host"])
def test_the_token_may_be_in_a_secrets_file(lab: Lab, place: str) -> None:
    token = lab.environ.pop("HA_LLAT")
    file = lab.addon / "secrets.yaml" if place == "here" else Path(lab.environ["HA_SECRETS_PATH"])
    file.write_text(f"HA_LLAT_KEY: {token}\n")
    seen = look(lab)
    assert seen.level("core", "token") is CheckLevel.OK
    assert [secret.reveal() for secret in seen.diagnosis.secrets] == [token]


def test_several_addresses_of_a_dead_host_cost_no_more_than_one(
    lab: Lab, black_hole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = socket.getaddrinfo

    def three(host: str, port: int, *rest: object, **more: object) -> list[object]:
        found = ask(host, port, *rest, **more)  # type: ignore[call-overload]
        return [*found, *found, *found] if port == black_hole else [*found]

    given: list[float] = []

    class Timed(socket.socket):
        """Notes the time that each connection of the look gets."""

        def settimeout(self, value: float | None) -> None:
            if value and threading.current_thread().name.startswith("diagnose"):
                given.append(value)
            super().settimeout(value)

    monkeypatch.setattr(socket, "getaddrinfo", three)
    monkeypatch.setattr(socket, "socket", Timed)
    seen = look(
        lab,
        HA_SSH_HOST_ALIAS=f"root@127.0.0.1:{black_hole}",
        HA_SSH_CONNECT_TIMEOUT="5",
        HA_URL="",
        MQTT_HOST="",
    )
    assert seen.failed() == {"ssh/reach": "SSH_NO_CONNECTION"}
    assert len(given) == 3
    assert sum(given) <= 5
