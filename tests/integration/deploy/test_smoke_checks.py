"""Smoke checks of the running app: after a deploy, alone, and what a failing one does to a deploy."""

from __future__ import annotations

import pytest
from tests.integration.deploylab import VERSION, Lab, command, config, env_file
from tests.integration.small_addon import RUN_SH

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.smoke.smoke_checks import smoke_host
from ha_sandbox.http_server import free_port

GREETS = RUN_SH.replace("trap 'exit 0'", "echo ready to roll\ntrap 'exit 0'")


def checks(lab: Lab, text: str) -> None:
    (lab.folder / "bb8deploy.toml").write_text(f"[checks]\n{text}\n")


def test_a_deploy_runs_the_checks_and_one_that_fails_brings_the_earlier_version_back(lab: Lab) -> None:
    lab.write(run_sh=GREETS)
    checks(lab, 'ready = { log = "ready to roll", within = 10 }\nown = { command = ["true"] }')
    lab.deploy()
    assert lab.tokens[-2:] == ["CHECKS_OK", "DEPLOY_SSH_OK"]
    assert "names=ready,own" in lab.lines()[-2]
    lab.write(config=config("1.1.0"), run_sh=RUN_SH)
    checks(lab, 'ready = { log = "ready to roll", within = 1 }')
    with pytest.raises(Bb8Error) as caught:
        lab.deploy()
    assert (caught.value.code, caught.value.exit_code) == ("CHECK_FAILED", 4)
    assert "ready (log ready to roll)" in caught.value.cause
    assert f"rolled back: {VERSION}" in caught.value.cause
    assert lab.state()["version"] == VERSION
    assert "CHECKS_OK" not in lab.tokens


@pytest.mark.e2e
def test_the_command_runs_them_against_what_runs_now(lab: Lab) -> None:
    lab.write(run_sh=GREETS)
    lab.deploy()
    env_file(lab)
    none = command(lab, "test", "--on-host")
    assert (none.returncode, "CHECKS_NONE" in none.stderr) == (2, True), none.stderr
    checks(lab, 'ready = { log = "ready to roll" }\nown = { command = ["sh", "-c", "test $APP_SLUG"] }')
    fine = command(lab, "test", "--on-host")
    assert (fine.returncode, "TOKEN: CHECKS_OK passed=2" in fine.stdout) == (0, True), fine.stderr
    checks(lab, 'own = { command = ["sh", "-c", "echo broken wheel; exit 3"], within = 5 }')
    bad = command(lab, "test", "--on-host")
    assert bad.returncode == 4
    assert "exit code 3: broken wheel" in bad.stderr
    assert "CHECKS_OK" not in bad.stdout


SERVES = """
import http.server, os, sys, threading

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"all is well" if self.path == "/health?x=1" else b"what?"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args): ...

for port in ({page}, int(os.environ.get("BB8_PAGE_PORT", "8099"))):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.e2e
def test_a_page_is_asked_for_through_ingress_and_by_its_port(lab: Lab) -> None:
    page = free_port()
    served = f"python3 - <<'EOF' &\n{SERVES.replace('{page}', str(page))}EOF\ntrap 'kill $!; exit 0'"
    lab.write(
        config=f"{config(VERSION)}ingress: true\nports: {{{page}/tcp: {page}}}\n",
        run_sh=RUN_SH.replace("trap 'exit 0'", served),
    )
    lab.deploy()
    checks(
        lab,
        f'a = {{ http = "/health?x=1", expect = "all is well" }}\n'
        f'b = {{ http = "/health?x=1", port = {page}, expect = "all is well" }}',
    )
    assert smoke_host(lab.run()).passed == ("a", "b")
    checks(lab, 'a = { http = "/other", expect = "all is well", within = 1 }')
    with pytest.raises(Bb8Error, match="`all is well` is not in the answer"):
        smoke_host(lab.run())


@pytest.mark.e2e
def test_a_message_is_waited_for_on_the_broker(lab: Lab) -> None:
    import paho.mqtt.publish as publish

    lab.deploy()
    login = {"username": lab.environ["MQTT_USERNAME"], "password": lab.environ["MQTT_PASSWORD"]}
    port = int(lab.environ["MQTT_PORT"])
    publish.single("beep/status", "online", retain=True, hostname="127.0.0.1", port=port, auth=login)
    checks(lab, 'a = { topic = "beep/status", expect = "online", within = 5 }')
    assert smoke_host(lab.run()).passed == ("a",)
    checks(lab, 'a = { topic = "beep/status", expect = "offline", within = 0.5 }')
    with pytest.raises(Bb8Error, match="the newest message was `online`"):
        smoke_host(lab.run())
