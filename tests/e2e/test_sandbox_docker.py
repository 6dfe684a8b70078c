"""The sandbox with Docker as its runtime: the real image runs, and nothing is left."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ops.lab import bases
from ops.lab.broker import ear
from ops.lab.engine import Engine
from ops.lab.errors import LabUnavailable
from tests.integration.sandbox.test_sandbox_run import UDP_APP
from tests.integration.waiting import until

from bb8deploy.base.errors import CheckFailed, UsageError
from ha_sandbox import Sandbox
from ha_sandbox.http_server import free_port
from ha_sandbox.run.command import environment_of
from ha_sandbox.runtime.docker_runtime import DockerRuntime
from ha_sandbox.supervisor.images import machine_arch

SLUG = "local_beep_boop_bb8"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def engine(docker: Engine) -> Iterator[Engine]:
    """The lab's engine as the one that `docker` reaches, with the app's base in it under its real name."""
    try:
        archive = bases.alpine_base()
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    found = re.search(r"^ARG BUILD_FROM=(\S+)", (ROOT / "addon" / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    docker.docker("import", "--change", 'ENTRYPOINT ["/init"]', str(archive), found[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{docker.socket}")
        yield docker


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The app's source."""
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
    return Path(shutil.copytree(ROOT / "addon", tmp_path / "addon", ignore=ignored))


def left(engine: Engine) -> str:
    """The containers and images of any sandbox."""
    listed = ("--quiet", "--filter", "label=ha_sandbox")
    by_label = engine.docker("ps", "--all", *listed) + engine.docker("images", *listed)
    return by_label + engine.docker("images", "--quiet", "bb8-sandbox-*/*")


def test_the_add_on_runs_from_its_real_image_and_leaves_nothing(
    engine: Engine, tree: Path, tmp_path: Path
) -> None:
    with Sandbox(tmp_path / "host", open_runtime=DockerRuntime) as box:
        assert box.runtime_way.startswith("Docker ")
        box.install(tree, {"simulate": True})
        info = box.call("GET", f"/addons/{SLUG}/info")
        assert info["state"] == "started"
        settings = box.env()
        with ear(box.broker.port, (settings["MQTT_USERNAME"], settings["MQTT_PASSWORD"])) as heard:
            heard.until(lambda: heard.newest.get("bb8/status") == b"online", "bb8/status online")
            heard.until(lambda: "bb8/status/identity" in heard.newest, "the identity")
            assert heard.json("bb8/status/identity")["version"] == info["version"]
            heard.until(lambda: "bb8/echo/owner" in heard.newest, "the echo responder")
            heard.tell("bb8/echo/cmd", {"value": "hello", "cid": "docker"})
            heard.until(lambda: "bb8/echo/ack" in heard.newest, "the echo")
        assert "RUN_SH_PRESENT" in box.manager.log_of(SLUG).latest(1000)
        assert box.call("GET", f"/addons/{SLUG}/stats")["memory_usage"] > 10_000_000
        (row,) = engine.docker("ps", "--quiet").split()
        assert box.manager.installed[SLUG].container is not None
        environment = json.loads(engine.docker("inspect", "-f", "{{json .Config.Env}}", row))
        assert any(line.startswith("SUPERVISOR_TOKEN=") for line in environment)
        box.call("POST", f"/addons/{SLUG}/stop")
        assert box.call("GET", f"/addons/{SLUG}/info")["state"] == "stopped"
        assert engine.docker("ps", "--all", "--quiet") == ""
        box.call("POST", f"/addons/{SLUG}/start")
    assert left(engine) == ""


def test_a_build_that_fails_and_a_container_that_dies_are_reported_as_ever(
    engine: Engine, tree: Path, tmp_path: Path
) -> None:
    dockerfile = tree / "Dockerfile"
    whole = dockerfile.read_text()
    with Sandbox(tmp_path / "host", open_runtime=DockerRuntime) as box:
        dockerfile.write_text(whole + "RUN echo no such luck && exit 7\n")
        with pytest.raises(CheckFailed) as caught:
            box.install(tree, {})
        assert any("no such luck" in line for line in caught.value.details)
        dockerfile.write_text(
            whole.partition("\nHEALTHCHECK")[0] + '\nENTRYPOINT ["sh", "-c", "echo dying; exit 4"]\n'
        )
        box.install(tree, {})
        until(lambda: box.call("GET", f"/addons/{SLUG}/info")["state"] == "error", 120)
        assert box.manager.log_of(SLUG).latest(10) == "dying\n"
    assert left(engine) == engine.docker("ps", "--all", "--quiet") == ""


def test_a_here_document_is_built_or_the_message_names_the_docker_that_can(
    engine: Engine, tmp_path: Path
) -> None:
    app = tmp_path / "app"
    app.mkdir()
    base = re.search(r"^ARG BUILD_FROM=(\S+)", (ROOT / "addon" / "Dockerfile").read_text(), re.MULTILINE)
    assert base
    config = "name: A\nversion: '1'\nslug: heredoc\ndescription: x\narch: [amd64, aarch64]\ninit: false\n"
    (app / "config.yaml").write_text(config)
    (app / "Dockerfile").write_text(f"FROM {base[1]}\nCOPY <<END /hello\nhi\nEND\n")
    old = engine.docker("version", "--format", "{{.Server.Version}}").startswith("20.")
    with Sandbox(tmp_path / "host", open_runtime=DockerRuntime) as box:
        if not old:
            box.install(app, {})
            return
        with pytest.raises(CheckFailed) as caught:
            box.install(app, {})
    said = "\n".join([caught.value.cause, *caught.value.details])
    assert "Line 2 of the Dockerfile has a here-document" in said


def test_a_pull_that_fails_and_a_port_in_use_are_one_error_each(engine: Engine, tmp_path: Path) -> None:
    assert engine.socket.exists()
    tree = tmp_path / "small"
    tree.mkdir()
    config = f'name: Small\nversion: "1"\nslug: small\ndescription: x\narch: [{machine_arch()}]\n'
    with socket.create_server(("", 0)) as other, Sandbox(tmp_path / "a", open_runtime=DockerRuntime) as box:
        port = other.getsockname()[1]
        (tree / "config.yaml").write_text(f"{config}image: 127.0.0.1:9/nobody\n")
        with pytest.raises(CheckFailed) as caught:
            box.install(tree, {})
        assert any("docker pull 127.0.0.1:9/nobody:1 failed: " in line for line in caught.value.details)
        assert "registry" in caught.value.remedy
        (tree / "config.yaml").write_text(f"{config}ports: {{{port}/tcp: {port}}}\n")
        (tree / "Dockerfile").write_text('FROM scratch\nCOPY config.yaml /\nCMD ["/none"]\n')
        with pytest.raises(CheckFailed, match=f"port {port} is already in use") as caught:
            box.install(tree, {})
        assert caught.value.code == "SANDBOX_PORT_IN_USE"
        other.close()
        box.call("POST", "/addons/local_small/start")
        until(lambda: box.call("GET", "/addons/local_small/info")["state"] == "error", 120)
        assert any("/none" in line for line in _log(box))


def test_a_udp_port_is_reached_where_the_command_is_told(engine: Engine, tmp_path: Path) -> None:
    assert engine.socket.exists()
    base = re.search(r"^ARG BUILD_FROM=(\S+)", (ROOT / "addon" / "Dockerfile").read_text(), re.MULTILINE)
    assert base
    tree, port = tmp_path / "small", free_port()
    tree.mkdir()
    config = f'name: Small\nversion: "1"\nslug: small\ndescription: x\narch: [{machine_arch()}]\n'
    (tree / "config.yaml").write_text(f"{config}ports: {{{port}/udp: {port}}}\n")
    (tree / "main.py").write_text(UDP_APP.replace("PORT", str(port)))
    (tree / "Dockerfile").write_text(
        f'FROM {base[1]}\nCOPY main.py /\nENTRYPOINT []\nCMD ["python3", "/main.py"]\n'
    )
    with Sandbox(tmp_path / "a", open_runtime=DockerRuntime) as box:
        box.install(tree, {})
        until(lambda: "ready" in _log(box), 120)
        host, number = environment_of(box)[f"SANDBOX_PORT_{port}_UDP"].split(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.settimeout(60)
            asker.sendto(b"hello", (host, int(number)))
            assert asker.recv(100) == b"hello from 127.0.0.1"


def test_a_pulled_image_stays_and_the_sandboxs_name_for_it_goes(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY Dockerfile /\nCMD ["/none"]\n')
    engine.docker("build", "--tag", "127.0.0.1:9/kept:1", str(tmp_path))
    runtime = DockerRuntime(tmp_path / "images", {})
    runtime.pull("local_x", "1", "127.0.0.1:9/kept:1")
    assert runtime.has_image("local_x", "1")
    runtime.close()
    assert left(engine) == ""
    assert engine.docker("images", "--quiet", "127.0.0.1:9/kept") != ""


def _log(box: Sandbox) -> list[str]:
    return box.manager.log_of("local_small").latest(20).splitlines()


HOST = """
import sys, time
from pathlib import Path
from ha_sandbox import Sandbox
from ha_sandbox.runtime.docker_runtime import DockerRuntime
with Sandbox(Path(sys.argv[1]), open_runtime=DockerRuntime) as box:
    box.install(Path(sys.argv[2]), {"simulate": True})
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_killed_sandbox_takes_its_containers_with_it_and_the_next_one_its_images(
    engine: Engine, tree: Path, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", HOST, str(tmp_path / "host"), str(tree)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    until(lambda: engine.docker("ps", "--all", "--quiet") == "", 120)
    with Sandbox(tmp_path / "host", open_runtime=DockerRuntime):
        assert left(engine) == ""


def test_without_an_engine_the_message_reports_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(UsageError) as caught:
        Sandbox(tmp_path / "host", open_runtime=DockerRuntime).start()
    assert (caught.value.code, caught.value.exit_code) == ("SANDBOX_NO_DOCKER", 2)
