"""`logs` and `status` as people use them: by every way to the Supervisor, cut off and back again."""

from __future__ import annotations

import json
import os
import pty
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.integration.deploylab import SLUG, Lab, begun, command, config, env_file, environment
from tests.integration.relay import Relay
from tests.integration.small_addon import RUN_SH

pytestmark = pytest.mark.e2e

TALKS = RUN_SH.replace("while :", "n=0; echo 'a WARNING: low battery'\nwhile :").replace(
    "do sleep 0.2", "do n=$((n+1)); echo tick $n; sleep 0.2"
)


def over_ssh(lab: Lab) -> None:
    lab.environ = {k: v for k, v in lab.environ.items() if k not in {"HA_URL", "HA_LLAT"}}


def through_core(lab: Lab) -> None:
    lab.environ = {k: v for k, v in lab.environ.items() if not k.startswith("HA_SSH")}


def inside(lab: Lab) -> None:
    through_core(lab)
    lab.environ = {k: v for k, v in lab.environ.items() if k not in {"HA_URL", "HA_LLAT"}}
    lab.environ |= {"SUPERVISOR_URL": lab.box.supervisor_url, "SUPERVISOR_TOKEN": lab.box.supervisor_token}


WAYS = {"ha": over_ssh, "websocket": through_core, "rest": inside}


@pytest.mark.parametrize("route", WAYS)
def test_logs_and_status_by_every_way(lab: Lab, route: str) -> None:
    lab.write(run_sh=TALKS)
    lab.deploy()
    WAYS[route](lab)
    env_file(lab)
    assert "IDENTITY version=1.0.0" in command(lab, "logs", "-n", "1000").stdout
    assert "successfully installed" in command(lab, "logs", "--supervisor").stdout
    lines = json.loads(command(lab, "logs", "--json", "-n", "1000").stdout)["result"]["lines"]
    assert any("IDENTITY version=1.0.0" in line for line in lines)
    status = json.loads(command(lab, "status", "--json").stdout)["result"]
    running = next(row for row in status["places"] if row["name"] == "running")
    assert (running["version"], running["detail"]) == ("1.0.0", f"started, proof sealed, seen by {route}")
    assert running["proof"] == "sealed"
    with following(lab) as line:
        numbers = [int(text.split()[1]) for text in (line() for _ in range(200)) if text.startswith("tick ")]
    assert len(numbers) > 20
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_followed_log_goes_on_after_the_connection_was_cut(lab: Lab) -> None:
    lab.write(run_sh=TALKS)
    lab.deploy()
    known = Path(lab.environ["HA_SSH_KNOWN_HOSTS"])
    with Relay(("127.0.0.1", lab.box.ssh.port)) as relay:
        known.write_text(known.read_text().replace(f":{lab.box.ssh.port} ", f":{relay.port} "))
        env_file(lab, HA_SSH_HOST_ALIAS=f"root@127.0.0.1:{relay.port}", HA_URL="")
        numbers: list[int] = []
        with following(lab, "-n", "5") as line:
            while len(numbers) < 40:
                text = line()
                if text.startswith("tick "):
                    numbers.append(int(text.split()[1]))
                if len(numbers) == 12:
                    relay.drop()
        assert relay.counts.connections == 2
    assert numbers == list(range(numbers[0], numbers[0] + 40))


@contextmanager
def following(lab: Lab, *words: str) -> Iterator[Callable[[], str]]:
    """`logs -f` at work: each call gives the next line, which comes within a minute."""
    process = begun(lab, "logs", "--follow", *words)
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout
    assert process.stderr
    out, err = process.stdout, process.stderr
    readers = [
        threading.Thread(target=lambda: [lines.put(text.rstrip("\n")) for text in out]),
        threading.Thread(target=err.read),
    ]
    for reader in readers:
        reader.start()
    try:
        yield lambda: lines.get(timeout=60)
    finally:
        process.terminate()
        process.wait(60)
        for reader in readers:
            reader.join(60)
        out.close()
        err.close()


def test_an_add_on_that_is_not_there_has_no_log_and_reports_it(lab: Lab) -> None:
    env_file(lab)
    for words in (["logs"], ["logs", "-f"]):
        done = command(lab, *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "error ADDON_NOT_INSTALLED: " in done.stderr
    assert json.loads(command(lab, "logs", "--json").stdout)["error"]["code"] == "ADDON_NOT_INSTALLED"
    assert command(lab, "logs", "-f", "--json").returncode == 2
    gone = command(lab, "logs", "-f", HA_SSH_HOST_ALIAS="root@127.0.0.1:1")
    assert gone.returncode == 3


def test_status_reports_every_place_and_how_they_differ(lab: Lab) -> None:
    store = lab.folder / "reports" / "store.git"
    subprocess.run(["git", "init", "-q", "--bare", str(store)], check=True)
    env_file(lab, HA_PUBLISH_REMOTE=str(store))
    lab.deploy()
    lab.write(config=config("1.0.1"))
    (lab.box.local_root / "beep_boop_bb8/run.sh").write_text("edited\n")
    lab.box.call("POST", f"/addons/{SLUG}/stop")
    said = command(lab, "status").stdout.splitlines()
    starts = [line.split()[0] for line in said]
    assert starts == ["target", "here", "host", "running", "published", "last", *["!"] * 4]
    # config.yaml and run.sh; the two generated Dockerfiles are no files of the workspace.
    assert "2 file(s) differ from here; edited by hand since the last sync" in said[2]
    assert said[3].split()[1] == "1.0.0"
    assert "stopped, proof sealed, seen by ha" in said[3]
    assert "sync PASS, verify PASS" in said[5]


def test_colours_come_on_a_terminal_alone(lab: Lab) -> None:
    lab.write(run_sh=TALKS)
    lab.deploy()
    env_file(lab)
    for words in (["logs", "-n", "1000"], ["status"]):
        assert "\x1b[" in on_terminal(lab, words, columns=50)
        assert "\x1b[" not in on_terminal(lab, words, columns=50, NO_COLOR="1")
        assert "\x1b[" not in command(lab, *words).stdout
    assert "\x1b[33ma WARNING: low battery\x1b[0m" in on_terminal(lab, ["logs", "-n", "1000"], columns=50)
    narrow = on_terminal(lab, ["status"], columns=50, NO_COLOR="1").splitlines()
    assert max(map(len, narrow)) <= 50


def on_terminal(lab: Lab, words: list[str], *, columns: int, **environ: str) -> str:
    """What the command writes to a terminal of so many columns."""
    mine, its = pty.openpty()
    own = {k: v for k, v in environment().items() if k not in {"NO_COLOR", "CI"}}
    own |= {"COLUMNS": str(columns), "TERM": "xterm", **environ}
    process = subprocess.Popen(
        [sys.executable, "-m", "bb8deploy", *words], cwd=lab.folder, stdout=its, stderr=its, env=own
    )
    os.close(its)
    told = b""
    try:
        while data := os.read(mine, 65536):
            told += data
    except OSError:  # how a terminal says that its last writer is gone
        pass
    os.close(mine)
    assert process.wait(60) == 0, told.decode()
    return told.decode().replace("\r\n", "\n")
