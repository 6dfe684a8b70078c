"""The SSH server and the `ha` command, called by the system's ssh client."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.integration.waiting import until

from ha_sandbox import Sandbox, Situation


def test_exit_codes_both_streams_and_stdin_pass_through(ssh: Any) -> None:
    done = ssh("cat; echo err >&2; exit 7", b"\x00\xffdata")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"\x00\xffdata", b"err\n")


def test_megabytes_pass_both_ways_without_a_deadlock(ssh: Any) -> None:
    data = bytes(range(256)) * 16384
    done = ssh("tee /dev/stderr", data)
    assert (len(done.stdout), len(done.stderr)) == (len(data), len(data))


def test_commands_start_in_the_hosts_folder(ssh: Any, box: Sandbox) -> None:
    assert ssh("pwd").stdout.decode().strip() == str(box.root)


def left(ssh: Any, command: str, mark: Path) -> int:
    """Starts `command`, kills the client once the command's number stands in `mark`; returns the number."""
    client = subprocess.Popen([*ssh.argv, f"echo $$ > {mark}; {command}"], stdin=subprocess.PIPE)
    until(lambda: mark.is_file() and mark.read_text().strip())
    client.kill()
    client.communicate()
    return int(mark.read_text())


def test_the_input_of_a_command_ends_when_its_client_leaves_and_it_ends_by_itself(
    ssh: Any, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    number = left(ssh, f"cat >/dev/null; sleep 1; touch {done}", tmp_path / "pid")
    until(lambda: not Path(f"/proc/{number}").exists())
    assert done.exists()


def test_the_output_of_a_command_is_closed_when_its_client_leaves(ssh: Any, tmp_path: Path) -> None:
    done = tmp_path / "done"
    program = f"trap '' PIPE; while echo word; do sleep 0.1; done 2>/dev/null; touch {done}"
    left(ssh, program, tmp_path / "pid")
    until(done.exists)


def test_a_command_without_a_client_runs_until_the_server_stops(ssh: Any, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "host") as box:
        number = left(type(ssh)(box), "sleep 600 <&- >&- 2>&-; true", tmp_path / "pid")
        assert Path(f"/proc/{number}").exists()
    assert not Path(f"/proc/{number}").exists()


def test_a_wrong_key_is_refused(ssh: Any, tmp_path: Path) -> None:
    import shutil

    key = tmp_path / "other"
    if shutil.which("ssh-keygen") is None:
        from paramiko import RSAKey

        RSAKey.generate(2048).write_private_key_file(str(key))
    else:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    argv = [str(key) if word.endswith("id_ed25519") else word for word in ssh.argv]
    done = subprocess.run([*argv, "true"], capture_output=True, timeout=60)
    assert done.returncode == 255
    assert b"Permission denied" in done.stderr


def test_ha_addons_reload_prints_the_list_and_reloads_nothing(ssh: Any, box: Sandbox) -> None:
    done = ssh("ha addons reload")
    assert done.returncode == 0
    assert done.stdout.startswith(b"addons:")
    assert b"deprecated" in done.stderr
    assert b"deprecated" not in ssh("ha apps").stderr


def test_raw_json_exits_0_on_an_error_and_plain_output_1(ssh: Any) -> None:
    raw = ssh("ha apps info local_nope --raw-json --no-progress")
    assert (raw.returncode, json.loads(raw.stdout)["result"]) == (0, "error")
    plain = ssh("ha apps info local_nope")
    assert (plain.returncode, plain.stdout, plain.stderr) == (
        1,
        b"",
        b"Error: App local_nope does not exist\n",
    )


def test_logs_print_an_http_error_on_stdout_and_exit_0(ssh: Any, box: Sandbox) -> None:
    with box.faults.during(Situation.ROLE_DEFAULT):
        denied = ssh("ha supervisor logs")
    assert (denied.returncode, denied.stdout, denied.stderr) == (0, b"403: Forbidden", b"")
    with box.faults.during(Situation.NOT_READY, 60):
        starting = ssh("ha apps logs local_x")
    assert starting.returncode == 0
    assert json.loads(starting.stdout)["message"] == "System is not ready with state: setup"


def test_a_stopped_supervisor_has_no_route(ssh: Any, box: Sandbox) -> None:
    box.faults.no_route_seconds = 0.1
    with box.faults.during(Situation.SUPERVISOR_STOPPED):
        done = ssh("ha apps --raw-json")
    assert done.returncode == 1
    assert b"dial tcp 172.30.32.2:80: connect: no route to host" in done.stderr


def test_without_a_token_ha_is_unauthorized(ssh: Any, tmp_path: Path) -> None:
    with Sandbox(tmp_path / "host", user="babylon", token=False, banner="| Welcome |") as box:
        other = type(ssh)(box)
        done = other("ha info --raw-json")
        assert done.returncode == 1
        assert b"unauthorized" in done.stderr
        assert b"| Welcome |" in other("bash -lc 'echo {}'").stdout


def test_a_full_disk_reports_no_space_left(ssh: Any, box: Sandbox) -> None:
    from ha_sandbox.runtime import bubblewrap

    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    with box.faults.during(Situation.DISK_FULL):
        done = ssh("head -c 100000 /dev/zero > addons/big")
    assert done.returncode != 0
    assert b"No space left" in done.stderr


def test_stopping_leaves_no_thread_and_no_command(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    box = Sandbox(tmp_path / "host")
    box.start()
    box.stop()
    box.stop()
    assert set(threading.enumerate()) <= before
