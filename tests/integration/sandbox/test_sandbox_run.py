"""`sandbox run` waits until the app is up, runs a command with the host's addresses, and stops everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from paho.mqtt.publish import single

from ha_sandbox import Sandbox
from ha_sandbox.run_with_app import Readiness, run_command, wait_until_up

ASK = (
    "import json, os, urllib.request\n"
    "r = urllib.request.Request(os.environ['SUPERVISOR_URL'] + f\"/addons/{os.environ['SANDBOX_APP']}/info\","
    " headers={'Authorization': 'Bearer ' + os.environ['SUPERVISOR_TOKEN']})\n"
    "d = json.load(urllib.request.urlopen(r))['data']\n"
    "print(d['slug'], d['state'], d['options']['word'])\n"
)


def sandbox_run(probe: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bb8deploy", "sandbox", "run", "--addon", str(probe), *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=200)


def test_a_command_meets_the_running_app_and_its_exit_code_is_ours(probe: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    script = tmp_path / "ask.py"
    script.write_text(ASK + "raise SystemExit(7)\n")
    options = ("--option", "word=given", "--wait-log", "^has token$", "--logs", str(logs))
    done = sandbox_run(probe, *options, "--", sys.executable, str(script))
    assert done.stdout.strip().endswith("local_beep_boop_bb8 started given"), done.stderr
    assert done.returncode == 7
    assert "probe runs" in (logs / "local_beep_boop_bb8.log").read_text()
    assert (logs / "supervisor.log").is_file()


def test_an_app_that_ends_is_one_error_with_its_last_lines(probe: Path) -> None:
    (probe / "Dockerfile").write_text('FROM x\nCOPY run.sh /\nCMD ["sh", "-c", "echo no luck; exit 3"]\n')
    done = sandbox_run(probe, "--", "true")
    assert (done.returncode, "SANDBOX_APP_NOT_UP" in done.stderr) == (1, True)
    assert "no luck" in done.stderr


def test_an_app_that_never_reports_the_word_is_given_up_after_the_time(probe: Path) -> None:
    done = sandbox_run(probe, "--wait-log", "never said", "--wait", "1", "--", "true")
    assert done.returncode == 1
    assert "no line of its log matches never said" in done.stderr


def test_bad_input_is_refused_before_anything_starts(probe: Path, tmp_path: Path) -> None:
    assert "SANDBOX_OPTION_INVALID" in sandbox_run(probe, "--option", "word", "--", "true").stderr
    assert "SANDBOX_OPTION_INVALID" in sandbox_run(probe, "--wait-log", "(", "--", "true").stderr
    missing = sandbox_run(probe, "--", "no-such-program-anywhere")
    assert (missing.returncode, "SANDBOX_COMMAND_MISSING" in missing.stderr) == (2, True)


def test_a_message_on_the_topic_makes_the_app_count_as_up(box: Sandbox, probe: Path) -> None:
    def start() -> None:
        box.install(probe, {})
        env = box.env()
        login = {"username": env["MQTT_USERNAME"], "password": env["MQTT_PASSWORD"]}
        single("probe/up", "1", hostname="127.0.0.1", port=box.broker.port, auth=login)

    wait_until_up(box, Readiness(topic="probe/+"), start)
    assert run_command(box, ["sh", "-c", 'test "$HA_REMOTE_SLUG" = "$SANDBOX_APP"']) == 0


def test_a_topic_without_a_message_is_named(probe: Path) -> None:
    done = sandbox_run(probe, "--wait-topic", "nobody/speaks", "--wait", "1", "--", "true")
    assert "no message came on nobody/speaks" in done.stderr
