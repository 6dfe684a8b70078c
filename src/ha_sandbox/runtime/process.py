"""Runs images as processes of this machine: in namespaces where they are allowed, else as plain processes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bb8deploy.base.cache import cache_dir
from ha_sandbox.runtime import jail
from ha_sandbox.runtime.base import (
    BuildFailed,
    BuildRequest,
    ContainerSpec,
    StartFailed,
    Usage,
)
from ha_sandbox.runtime.build import BASE_PATH, Build, Image
from ha_sandbox.runtime.relay import Carried, Relay

INIT = Path(__file__).with_name("container_init.py")
SERVICES = {"supervisor": ("supervisor", 80), "mqtt": ("core-mosquitto", 1883)}


class ProcessRuntime:
    """Images under `folder`; `targets` says where `supervisor` and `mqtt` listen on this machine."""

    def __init__(self, folder: Path, targets: Mapping[str, tuple[str, int]], *, isolated: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._targets = dict(targets)
        self._isolated = isolated
        self._layers = cache_dir("layers")
        self._relay = Relay() if isolated else None
        self._running = jail.Running()

    @property
    def way(self) -> str:
        """Which way it is."""
        if self._isolated:
            return "user namespaces (bubblewrap): RUN steps, run.sh and the services.d scripts as they stand"
        return (
            "plain processes: run.sh runs as it stands, s6 scripts and RUN steps are skipped (no namespaces)"
        )

    def address(self, service: str) -> tuple[str, int]:
        """By the real host's names inside a network namespace, else on this machine's loopback."""
        return SERVICES[service] if self._isolated else self._targets[service]

    def aim(self, service: str, address: tuple[str, int]) -> None:
        """Says where `supervisor` or `mqtt` listens on this machine; for containers started from now on."""
        self._targets[service] = address

    def build(self, request: BuildRequest) -> str:
        """Follows the Dockerfile; the image appears whole or not at all."""
        place = self._place(request.slug, request.version)
        fresh = place.with_name(f".{place.name}.building")
        shutil.rmtree(fresh, ignore_errors=True)
        tree = fresh / "tree"
        jail.prepare(tree)
        runner = self._run if self._isolated else _SkippedRun(request.context)
        build = Build(request, tree, self._layers, runner, jail.identity(isolated=self._isolated))
        try:
            image = build.follow()
        except OSError as error:
            raise BuildFailed("\n".join([*build.log, f"ERROR: {error}"])) from error
        jail.prepare(tree)
        image.save(fresh / "image.json")
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
        return "\n".join(build.log)

    def has_image(self, slug: str, version: str) -> bool:
        """Whether the image is there."""
        return (self._place(slug, version) / "image.json").is_file()

    def remove_image(self, slug: str, version: str) -> None:
        """Removes it."""
        shutil.rmtree(self._place(slug, version), ignore_errors=True)

    def start(self, spec: ContainerSpec) -> ProcessContainer:
        """Starts process 1 and hands it its configuration on stdin, where no process list shows it."""
        place = self._place(spec.slug, spec.version)
        image = Image.load(place / "image.json")
        ours, theirs = socket.socketpair()
        config = _config(place / "tree", image, spec, isolated=self._isolated, control=theirs.fileno())
        argv = [sys.executable, "-I", "-S", str(INIT)]
        if self._isolated:
            argv = jail.container(place / "tree", spec.data, INIT)
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"PATH": jail.search_path()},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise StartFailed(str(error)) from error
        finally:
            theirs.close()
        return self._attach(process, ours, spec, config)

    def _run(self, tree: Path, script: str, folder: str, environment: Mapping[str, str]) -> tuple[int, str]:
        return jail.run(tree, script, folder, environment, self._running)

    def abort(self) -> None:
        """Ends the builds under way and those to come; they fail."""
        self._running.end()

    def close(self) -> None:
        """Ends the relay; containers are stopped by their owner."""
        if self._relay is not None:
            self._relay.close()

    def _attach(
        self,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        spec: ContainerSpec,
        config: dict[str, Any],
    ) -> ProcessContainer:
        carried = None
        try:
            pipe: Any = process.stdin
            pipe.write(json.dumps(config).encode())
            pipe.close()
            if self._relay is not None:
                carried = self._carry(self._relay, control)
        except OSError as error:
            process.kill()
            output = process.communicate()[0] or b""
            control.close()
            raise StartFailed(output.decode(errors="replace").strip() or str(error)) from error
        return ProcessContainer(process, control, spec, carried, has_health_check=bool(config["health"]))

    def _carry(self, relay: Relay, control: socket.socket) -> Carried:
        control.settimeout(20.0)
        message, descriptors, _, _ = socket.recv_fds(control, 1, len(SERVICES))
        control.settimeout(None)
        if not message or len(descriptors) != len(SERVICES):
            raise OSError("the container's process 1 ended before it opened its ports")
        listeners = [socket.socket(fileno=descriptor) for descriptor in descriptors]
        return relay.serve([(s, self._targets[name]) for s, name in zip(listeners, SERVICES, strict=True)])

    def _place(self, slug: str, version: str) -> Path:
        return self._folder / slug / version.replace("/", "_")


class ProcessContainer:
    """A container under way: process 1 with everything below it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        spec: ContainerSpec,
        carried: Carried | None,
        *,
        has_health_check: bool,
    ) -> None:
        self.has_health_check = has_health_check
        self._process = process
        self._control = control
        self._spec = spec
        self._carried = carried
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._read_output, name=f"log {spec.slug}"),
            threading.Thread(target=self._read_health, name=f"health {spec.slug}"),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Tells process 1 to stop; what is left after `timeout` seconds is killed."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._control.send(b"s")
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._kill()
        if threading.current_thread() not in self._threads:
            for thread in self._threads:
                thread.join()

    def usage(self) -> Usage:
        """CPU seconds and resident bytes of all its processes, from /proc; zeros where there is none."""
        return jail.usage(self._process.pid)

    def _kill(self) -> None:
        jail.kill(self._process)
        self._process.wait()

    def _read_output(self) -> None:
        output: Any = self._process.stdout
        with output as stream:
            for line in stream:
                self._spec.on_line(line.decode(errors="replace").rstrip("\r\n"))
        code = self._process.wait()
        self._kill()
        if self._carried is not None:
            self._carried.close()
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        if not self._stopping:
            self._spec.on_exit(code if code >= 0 else 128 - code)

    def _read_health(self) -> None:
        with self._control:
            while True:
                try:
                    word = self._control.recv(1)
                except OSError:
                    return
                if not word:
                    return
                self._spec.on_health(word == b"h")


class _SkippedRun:
    """RUN without namespaces: nothing is run; the requirements that the context names get their venv."""

    def __init__(self, context: Path) -> None:
        self._context = context

    def __call__(
        self, tree: Path, script: str, _folder: str, _environment: Mapping[str, str]
    ) -> tuple[int, str]:
        """Makes <tree>/opt/venv for a step that installs requirements; skips any other."""
        requirements = self._context / "requirements.txt"
        if "pip" not in script or not requirements.is_file():
            return 0, "SKIPPED: this machine allows no user namespaces"
        venv = tree / "opt" / "venv"
        python = str(venv / "bin" / "python")
        install = [
            python,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--quiet",
        ]
        output = ""
        for argv in ([sys.executable, "-m", "venv", str(venv)], [*install, "-r", str(requirements)]):
            done = subprocess.run(
                argv, capture_output=True, text=True, timeout=jail.RUN_DEADLINE, check=False
            )
            output += done.stdout + done.stderr
            if done.returncode:
                return done.returncode, output
        return 0, output


def _config(tree: Path, image: Image, spec: ContainerSpec, *, isolated: bool, control: int) -> dict[str, Any]:
    environment = {"PATH": jail.search_path(), "HOME": "/root", **image.environment, **spec.environment}
    if not isolated:
        environment |= _plain_paths(tree, spec.data)
    return {
        "control": control,
        "isolated": isolated,
        "listen": [port for _, port in SERVICES.values()] if isolated else [],
        "environment": environment,
        "folder": image.workdir if isolated else str(tree),
        "services": _services(tree, image, isolated=isolated),
        "health": image.health if isolated else {},
    }


def _plain_paths(tree: Path, data: Path) -> dict[str, str]:
    app = tree / "usr" / "src" / "app"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return {
        "PATH": os.environ.get("PATH", BASE_PATH),
        "VIRTUAL_ENV": str(tree / "opt" / "venv"),
        "BB8_APP": str(app),
        "BB8_OPTIONS": str(data / "options.json"),
        "BB8_DATA": str(data),
        "BB8_STAMP": str(app / "build_stamp.json"),
        "BB8_RUN_SH": str(app / "run.sh"),
        "BB8_PAGE_PORT": str(port),
    }


def _services(tree: Path, image: Image, *, isolated: bool) -> list[dict[str, Any]]:
    """What process 1 runs: services.d and CMD under the base's own /init, or the image's entry point."""
    folder = image.workdir if isolated else str(tree)
    words = [*image.entrypoint, *image.command]
    main = words if isolated else [_in_tree(word, tree) for word in words]
    found: list[dict[str, Any]] = []
    if not image.entrypoint:
        runs = sorted((tree / "etc" / "services.d").glob("*/run"))
        found = [_service(run, tree, isolated=isolated) for run in runs]
    if main:
        spec = {"name": "main", "argv": main, "finish": [], "contenv": True, "restart": False}
        found.append({**spec, "folder": folder})
    return found


def _in_tree(word: str, tree: Path) -> str:
    """A word of a plain process's command line: a file of the image lies in its tree, not at the root."""
    inside = tree / word.lstrip("/")
    return str(inside) if word.startswith("/") and inside.is_file() else word


def _service(run: Path, tree: Path, *, isolated: bool) -> dict[str, Any]:
    finish = run.with_name("finish")
    argv, contenv = _interpreter(run, tree, isolated=isolated)
    plain_run_sh = tree / "usr" / "src" / "app" / "run.sh"
    if not isolated and "/usr/src/app/run.sh" in run.read_text(encoding="utf-8"):
        argv = [str(plain_run_sh)]
    return {
        "name": run.parent.name,
        "argv": argv,
        "finish": _interpreter(finish, tree, isolated=isolated)[0] if finish.is_file() else [],
        "contenv": contenv or not isolated,
        "restart": True,
        "folder": f"/{run.parent.relative_to(tree)}" if isolated else str(run.parent),
    }


def _interpreter(script: Path, tree: Path, *, isolated: bool) -> tuple[list[str], bool]:
    """How to run a script: `#!/usr/bin/with-contenv bash` becomes bash, with the container's environment."""
    path = f"/{script.relative_to(tree)}" if isolated else str(script)
    first = script.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    words = first.removeprefix("#!").split()
    if words and Path(words[0]).name == "with-contenv":
        return [*words[1:], path], True
    return [path], False


def runtime_for(folder: Path, targets: Mapping[str, tuple[str, int]]) -> ProcessRuntime:
    """The best way that this machine allows without Docker."""
    return ProcessRuntime(folder, targets, isolated=jail.allowed())
