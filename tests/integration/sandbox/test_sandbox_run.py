"""`sandbox run` waits until the app is up, runs a command with the host's addresses, and stops everything."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from paho.mqtt.publish import single
from tests.integration.waiting import until

from ha_sandbox import Sandbox
from ha_sandbox.http_server import free_port
from ha_sandbox.run.command import run_command
from ha_sandbox.run.conditions import RUNNING, Condition, Kind
from ha_sandbox.run.probe import Probe
from ha_sandbox.run.wait_until_up import wait_until_up
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.supervisor.images import machine_arch

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

    wait_until_up(box, (RUNNING, Condition(Kind.TOPIC, "probe/+")), 60, start, lambda _: nullcontext())
    assert run_command(box, ["sh", "-c", 'test "$HA_REMOTE_SLUG" = "$SANDBOX_APP"']) == 0


def test_a_topic_without_a_message_is_named(probe: Path) -> None:
    done = sandbox_run(probe, "--wait-topic", "nobody/speaks", "--wait", "1", "--", "true")
    assert "no message came on nobody/speaks" in done.stderr


SERVES = """
import http.server, sys
print("IDENTITY version=0.9")
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 503)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Page).serve_forever()
"""


@pytest.fixture
def web(tmp_path: Path) -> tuple[Path, int]:
    """An app with a page and a port, and the number of both."""
    port, tree = free_port(), tmp_path / "web"
    tree.mkdir()
    (tree / "config.yaml").write_text(
        f'name: Web\nversion: "1"\nslug: web\ndescription: x\narch: [{machine_arch()}]\n'
        f"ingress: true\ningress_port: {port}\nports: {{{port}/tcp: {port}}}\n"
    )
    (tree / "web.py").write_text(SERVES)
    (tree / "Dockerfile").write_text(
        f'FROM x\nCOPY web.py /\nENTRYPOINT ["python3", "-u", "/web.py", "{port}"]\n'
    )
    return tree, port


ASK_PAGE = """
import os, urllib.request
page = urllib.request.Request(os.environ["SANDBOX_INGRESS_URL"] + "health")
page.add_header("Cookie", os.environ["SANDBOX_INGRESS_COOKIE"])
print("page", urllib.request.urlopen(page).status)
port = os.environ["SANDBOX_PORT_%s_TCP"]
print("port", urllib.request.urlopen("http://" + port + "/health").status)
"""


def test_without_a_wish_the_page_and_the_port_answer_when_the_command_starts(web: tuple[Path, int]) -> None:
    tree, port = web
    done = sandbox_run(tree, "--", sys.executable, "-c", ASK_PAGE % port)
    assert done.stdout.split() == ["page", "200", "port", "200"], done.stderr
    assert f"wait for port {port}" in done.stderr


def test_a_health_check_by_port_and_through_ingress(web: tuple[Path, int]) -> None:
    tree, port = web
    good = ("--wait-http", f"{port}/health", "--wait-http", "/health", "--wait-port", str(port))
    done = sandbox_run(tree, *good, "--", "true")
    assert done.returncode == 0, done.stderr


def test_what_an_app_does_not_do_is_named(web: tuple[Path, int], tmp_path: Path) -> None:
    tree, port = web
    with Sandbox(tmp_path / "host") as box:
        up = (RUNNING, Condition(Kind.HTTP, "/health"), Condition(Kind.LOG, "IDENTITY"))
        wait_until_up(box, up, 60, lambda: box.install(tree, {}), lambda _: nullcontext())
        probe = Probe(box, set())
        missing = {
            Condition(Kind.HTTP, "/other"): "GET ingress /other answers with status 503",
            Condition(Kind.HTTP, "/other", port): f"GET {port}/other answers with status 503",
            Condition(Kind.IDENTITY): "it reports version 0.9 instead of 1",
            Condition(Kind.PORT, port=9): "nothing listens on port 9",
            Condition(Kind.TOPIC, "a/b"): "no message came on a/b",
        }
        assert {one: probe.problem(one) for one in missing} == missing


def test_a_port_where_nobody_listens_is_one_error(probe: Path) -> None:
    config, port = probe / "config.yaml", free_port()
    config.write_text(config.read_text() + f"ports: {{53/udp: 53, 81/tcp: null, {port}/tcp: {port}}}\n")
    done = sandbox_run(probe, "--wait", "1", "--", "true")
    assert (done.returncode, done.stderr.count("SANDBOX_APP_NOT_UP")) == (1, 1), done.stderr
    assert f"nothing listens on port {port}" in done.stderr


UDP_APP = """import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", PORT))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(100)
    s.sendto(data + b" from " + peer[0].encode(), peer)
"""
UDP_ASK = """import os, socket
host, port = os.environ["SANDBOX_PORT_PORT_UDP"].split(":")
askers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(70)]
for number, asker in enumerate(askers):
    asker.settimeout(60)
    asker.connect((host, int(port)))
    asker.send(str(number).encode())
    answer = asker.recv(100).decode()
    assert answer.startswith(f"{number} from "), answer
askers[0].send(b"again")
print(port, askers[0].recv(100).decode())
"""


def test_a_udp_port_answers_each_of_its_clients(tmp_path: Path) -> None:
    tree, port = tmp_path / "udp", free_port()
    tree.mkdir()
    ports = f"ports: {{{port}/udp: {port}, {port}/tcp: null}}"
    (tree / "config.yaml").write_text(
        f'name: x\nversion: "1"\nslug: udp\ndescription: x\narch: [{machine_arch()}]\n{ports}\n'
    )
    (tree / "main.py").write_text(UDP_APP.replace("PORT", str(port)))
    (tree / "Dockerfile").write_text('FROM x\nCOPY main.py /\nENTRYPOINT []\nCMD ["python3", "/main.py"]\n')
    ask = UDP_ASK.replace("PORT_UDP", f"{port}_UDP")
    done = sandbox_run(tree, "--wait-log", "ready", "--", sys.executable, "-c", ask)
    assert done.returncode == 0, done.stderr
    peer = "172.30.32.1" if bubblewrap.allowed() else "127.0.0.1"
    assert done.stdout.splitlines()[-1] == f"{port} again from {peer}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_the_command_and_leaves_nothing(probe: Path, tmp_path: Path, number: int) -> None:
    logs, place = tmp_path / "logs", tmp_path / "place"
    argv = [sys.executable, "-m", "bb8deploy", "sandbox", "run", "--addon", str(probe), "--logs", str(logs)]
    tell = 'echo "$$" >"$0.new"; echo "$SANDBOX_DATA" >>"$0.new"; mv "$0.new" "$0"; exec sleep 600'
    with subprocess.Popen([*argv, "--", "sh", "-c", tell, str(place)], stderr=subprocess.PIPE) as run:
        until(lambda: place.exists() or run.poll() is not None, 120)
        pid, data = place.read_text().split()
        run.send_signal(number)
        run.communicate(timeout=120)
    assert run.returncode == 130
    assert not Path(data).exists()
    assert (logs / "local_beep_boop_bb8.log").is_file()
    until(lambda: not running(int(pid)), 120)


def test_a_command_that_a_signal_ended_has_the_code_of_a_shell(probe: Path) -> None:
    assert sandbox_run(probe, "--", "sh", "-c", "kill -9 $$").returncode == 137


def test_two_sandboxes_of_one_app_do_not_meet(web: tuple[Path, int]) -> None:
    tree, port = web
    outer = [sys.executable, "-m", "bb8deploy", "sandbox", "run", "--addon", str(tree), "--"]
    done = sandbox_run(tree, "--", *outer, sys.executable, "-c", ASK_PAGE % port)
    if "SANDBOX_PORT_IN_USE" in done.stderr:
        assert f"port {port} is already in use" in done.stderr
        assert done.returncode == 1
        return
    assert done.stdout.split() == ["page", "200", "port", "200"], done.stderr


def test_more_bad_input_is_refused_before_anything_starts(probe: Path, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    for words in (
        ("--option", "wrod=1", "--", "true"),
        ("--wait-port", "8080", "--", "true"),
        ("--wait-http", "/", "--", "true"),
        ("--logs", str(taken), "--", "true"),
    ):
        done = sandbox_run(probe, *words)
        assert (done.returncode, "SANDBOX_OPTION_INVALID" in done.stderr) == (2, True), done.stderr
        assert "build" not in done.stderr
    (probe / "config.yaml").write_text("slug: x\n")
    assert "the Supervisor refuses" in sandbox_run(probe, "--", "true").stderr


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
