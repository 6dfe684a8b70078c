"""A sandbox stops on request, also in the middle of a build, and so does the command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bb8deploy.base.errors import CheckFailed, Locked
from ha_sandbox import Sandbox
from ha_sandbox.runtime import bubblewrap


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "bb8deploy", "sandbox", *words, "--root", str(root)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120)


def test_up_detach_and_down_start_and_stop_a_host(tmp_path: Path) -> None:
    root = tmp_path / "host"
    up = command(root, "up", "--detach")
    assert up.returncode == 0, up.stderr
    settings = dict(line.split("=", 1) for line in up.stdout.splitlines() if "=" in line)
    assert settings["HA_SSH_HOST_ALIAS"].startswith("root@127.0.0.1:")
    port = int(settings["HA_SSH_HOST_ALIAS"].rpartition(":")[2])
    again = command(root, "up")
    assert (again.returncode, "SANDBOX_RUNNING" in again.stderr) == (5, True)
    assert command(root, "down").returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    late = command(root, "down")
    assert (late.returncode, "SANDBOX_NOT_RUNNING" in late.stderr) == (2, True)


def test_ctrl_c_ends_the_foreground_host_with_exit_code_0(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "bb8deploy", "sandbox", "up", "--root", str(tmp_path / "host")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 0


def test_stopping_in_the_middle_of_a_build_does_not_wait_for_it(tmp_path: Path, probe: Path) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    (probe / "Dockerfile").write_text("FROM x\nRUN sleep 600\n")
    box = Sandbox(tmp_path / "host")
    box.start()
    problems: list[Exception] = []

    def install() -> None:
        try:
            box.install(probe, {})
        except (CheckFailed, OSError) as error:
            problems.append(error)

    worker = threading.Thread(target=install)
    worker.start()
    deadline = time.monotonic() + 60
    while not box.manager.jobs.listed() or not list((box.root / "images").glob("*/.*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    box.stop()
    worker.join()
    assert problems


APP = """name: Other
version: "0.3.0"
slug: other_app
description: an app that is not this repository's
arch: [amd64, aarch64]
"""


def test_the_settings_are_those_of_the_app_at_hand_and_git_ignores_them(tmp_path: Path) -> None:
    workspace, root = tmp_path / "work", tmp_path / "host"
    app = workspace / "addon"
    app.mkdir(parents=True)
    (app / "config.yaml").write_text(APP)
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    argv = [sys.executable, "-m", "bb8deploy", "sandbox", "up", "--root", str(root), "--detach", "--write"]
    up = subprocess.run(argv, cwd=workspace, capture_output=True, text=True, timeout=120)
    try:
        assert up.returncode == 0, up.stderr
        written = (workspace / ".env.sandbox").read_text()
        assert f"HA_REMOTE_RUNTIME={root}/addons/other_app" in written.replace('"', "").replace("'", "")
        assert "local_other_app" in written
        ignored = subprocess.run(["git", "-C", str(workspace), "check-ignore", "-q", ".env.sandbox"])
        assert ignored.returncode == 0
    finally:
        assert command(root, "down").returncode == 0


def test_a_store_gets_settings_for_every_app_and_is_reached_from_any_folder(tmp_path: Path) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    app = store / "other"
    app.mkdir(parents=True)
    elsewhere.mkdir()
    (app / "config.yaml").write_text(APP)
    (store / "repository.yaml").write_text("name: Store\n")
    subprocess.run(["git", "init", "-q", str(store)], check=True)
    environment = {**os.environ, "BB8DEPLOY_CACHE": str(tmp_path / "cache")}

    def sandbox(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "bb8deploy", "sandbox", *words, "--addon", str(app)]
        return subprocess.run(
            argv, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=120
        )

    up = sandbox("up", "--detach", "--write")
    try:
        assert up.returncode == 0, up.stderr
        assert f"# stop the host with `bb8deploy sandbox down --addon {app}`" in up.stdout
        assert "/addons/{slug}" in (store / ".env.sandbox").read_text()
        assert "local_other_app" not in (store / ".env.sandbox").read_text()
    finally:
        down = sandbox("down")
    assert (down.returncode, down.stdout) == (0, "the sandbox is down\n")


def test_each_repository_has_a_sandbox_of_its_own(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "bb8deploy", "sandbox"]
    environment = {**os.environ, "BB8DEPLOY_CACHE": str(tmp_path / "cache")}
    homes = [tmp_path / "one", tmp_path / "two"]

    def sandbox(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*argv, *words], cwd=home, env=environment, capture_output=True, text=True, timeout=120
        )

    for home in homes:
        home.mkdir()
        subprocess.run(["git", "init", "-q", str(home)], check=True)
    try:
        first = sandbox(homes[0], "up", "--detach")
        assert first.returncode == 0, first.stderr
        elsewhere = sandbox(homes[1], "down")
        assert (elsewhere.returncode, "SANDBOX_NOT_RUNNING" in elsewhere.stderr) == (2, True)
        assert "sandbox down --root" in elsewhere.stderr
    finally:
        assert sandbox(homes[0], "down").returncode == 0


def test_a_situation_is_in_force_from_the_start_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "host"
    up = command(root, "up", "--detach", "--situation", "core-stopped")
    try:
        assert up.returncode == 0, up.stderr
        settings = dict(line.split("=", 1) for line in up.stdout.splitlines() if "=" in line)
        port = int(settings["HA_URL"].rpartition(":")[2])
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    finally:
        command(root, "down")
    wrong = command(root, "up", "--situation", "on-fire")
    assert (wrong.returncode, "SANDBOX_SITUATION_UNKNOWN" in wrong.stderr) == (2, True)


def test_two_sandboxes_in_one_folder_are_refused_and_in_two_folders_are_not(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "one") as one, Sandbox(tmp_path / "two") as two:
        assert len({one.supervisor_url, two.supervisor_url, one.core_url, two.core_url}) == 4
        assert one.broker.port != two.broker.port
        with pytest.raises(Locked) as caught:
            Sandbox(tmp_path / "one").start()
    assert caught.value.code == "SANDBOX_RUNNING"
    with Sandbox(tmp_path / "one"):
        pass
