"""Process 1 of a sandbox container: runs services as s6 does, checks their health, and stops on request.

It uses only the standard library, because it runs inside the container's tree.
Configuration comes as JSON on stdin; descriptor `control` is a socket to the sandbox: it gets the listening
sockets of the container's loopback, then `h` (healthy) or `u` (unhealthy); any byte or the end of the
socket means stop. https://skarnet.org/software/s6/servicedir.html describes what `run` and `finish` mean.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypedDict


class ServiceSpec(TypedDict):
    """A service as the sandbox describes it; a finish script of [] is none."""

    name: str
    argv: list[str]
    folder: str
    finish: list[str]
    restart: bool


class HealthSpec(TypedDict):
    """The image's health check; times in seconds."""

    command: list[str]
    interval: float
    start_period: float
    timeout: float
    retries: int


RESTART_DELAY = 1.0  # s6 never starts a service more often than once a second
STOP_DEADLINE = 300.0  # seconds; the longest `timeout` that a config may have
CONTROL = Path("/run/s6/sandbox.control")
NOT_FOUND = 127  # exit code of a shell that does not find a command
MISSING = (
    "The sandbox runs the app on this machine's own system, where a program of its base may be missing. "
    "To run it on the real base, add `--docker` to the command that started the sandbox or demo."
)
PERMANENT_FAILURE = 125  # exit code of a finish script that wants its service to stay down


class Supervise:
    """The folder of a service as s6 has it: what it does shows in files, and letters in a FIFO direct it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.show(up="false", wantedup="true", pid="-1")
        with contextlib.suppress(FileExistsError):
            os.mkfifo(folder / "control")

    def show(self, **values: str) -> None:
        """Writes each value to a file of its name, in one step."""
        for name, value in values.items():
            fresh = self.folder / f".{name}"
            fresh.write_text(value, encoding="utf-8")
            fresh.rename(self.folder / name)

    def letters(self) -> Iterator[str]:
        """The letters as they come; the FIFO is kept open, so that none gets lost."""
        control = os.open(self.folder / "control", os.O_RDWR)
        while data := os.read(control, 64):
            yield from data.decode("ascii", "replace")


def say(*lines: str) -> None:
    """Writes lines to the container's log."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


class Service:
    """A long-running service, or the container's one command."""

    def __init__(self, spec: ServiceSpec, environment: dict[str, str], on_end: Callable[[int], None]) -> None:
        self.name = spec["name"]
        self.spec = spec
        self.environment = environment
        self.on_end = on_end
        self.process: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()
        self.guard = threading.Lock()
        self.awake = threading.Event()
        self.down = False
        self.supervise: Supervise | None = None
        self.thread = threading.Thread(target=self.live, name=self.name)

    def directed(self, folder: Path) -> None:
        """Lets `s6-svc` direct the service."""
        self.supervise = Supervise(folder)
        threading.Thread(target=self.obey, name=f"control {self.name}", daemon=True).start()

    def obey(self) -> None:
        """Carries out the letters of s6-svc: up, down, term, kill."""
        supervise = self.supervise
        for letter in supervise.letters() if supervise else ():
            if letter in "ud" and supervise:
                self.down = letter == "d"
                supervise.show(wantedup="true" if letter == "u" else "false")
            with self.guard:
                running = self.process is not None and self.process.poll() is None
                if self.process and running and letter in "dt":
                    self.process.terminate()
                    self.process.send_signal(signal.SIGCONT)
                elif self.process and running and letter == "k":
                    self.process.kill()
            self.awake.set()

    def live(self) -> None:
        """Restarts the service until it is stopped; runs a command once."""
        while not self.stopping.is_set():
            if self.down:
                self.awake.wait()
                self.awake.clear()
                continue
            begin = time.monotonic()
            code = self.once()
            if not self.spec["restart"]:
                self.on_end(code)
                return
            if self.finish(code) == PERMANENT_FAILURE:
                return
            self.awake.clear()
            if not self.down:
                self.awake.wait(max(0.0, RESTART_DELAY - (time.monotonic() - begin)))

    def once(self) -> int:
        """Runs the process once; returns the exit code, negative for a signal."""
        with self.guard:
            if self.stopping.is_set():
                return 0
            try:
                self.process = subprocess.Popen(
                    self.spec["argv"], env=self.environment, cwd=self.spec["folder"], stdin=subprocess.DEVNULL
                )
            except OSError as error:
                say(f"{self.name}: {error}", MISSING)
                return 127
            if self.supervise:
                self.supervise.show(pid=str(self.process.pid), up="true")
        code = self.process.wait()
        if self.supervise:
            self.supervise.show(pid="-1", up="false")
        if code == NOT_FOUND:
            say(MISSING)
        return code

    def finish(self, code: int) -> int:
        """Runs the finish script with exit code and signal; 256 means a signal."""
        argv = self.spec["finish"]
        if not argv:
            return 0
        words = [str(code), "0"] if code >= 0 else ["256", str(-code)]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            return subprocess.run(
                [*argv, *words, self.name],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                timeout=5,
                check=False,
            ).returncode
        return 0

    def stop(self) -> None:
        """Sends SIGTERM; a process that ignores it is killed with the container."""
        self.stopping.set()
        self.awake.set()
        with self.guard:
            if self.process is not None and self.process.poll() is None:
                self.process.terminate()
                self.process.send_signal(signal.SIGCONT)


class Health:
    """Runs the image's health check, at short intervals until it first succeeds."""

    QUICK = 0.5

    def __init__(
        self, spec: HealthSpec, environment: dict[str, str], folder: str, tell: Callable[[bytes], object]
    ) -> None:
        self.spec = spec
        self.environment = environment
        self.folder = folder
        self.tell = tell
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.live, name="health")

    def live(self) -> None:
        """Runs the check until `done` is set."""
        begin = time.monotonic()
        healthy: bool | None = None
        failed = 0
        while not self.done.wait(self.spec["interval"] if healthy else self.QUICK):
            good = self.ask()
            failed = 0 if good else failed + 1
            starting = healthy is None and time.monotonic() - begin < self.spec["start_period"]
            verdict = True if good else healthy
            if not good and not starting and failed >= self.spec["retries"]:
                verdict = False
            if verdict is not None and verdict != healthy:
                self.tell(b"h" if verdict else b"u")
                healthy = verdict

    def ask(self) -> bool:
        """Runs the check once; True if it succeeds."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                self.spec["command"],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=self.spec["timeout"],
                check=False,
            )
            return done.returncode == 0
        return False


def listen(control: socket.socket, ports: list[int]) -> None:
    """Opens the container's loopback ports and sends the sockets to the sandbox."""
    sockets = [socket.create_server(("127.0.0.1", port), backlog=64) for port in ports]
    socket.send_fds(control, [b"l"], [opened.fileno() for opened in sockets])
    for opened in sockets:
        opened.close()


def halt_command(wake: socket.socket) -> Path:
    """`/run/s6/basedir/bin/halt`, which finish scripts call to end the whole container."""
    signal.signal(signal.SIGTERM, lambda *_: wake.send(b"s"))
    folder = Path("/run/s6/basedir/bin")
    results = Path("/run/s6-linux-init-container-results")
    with contextlib.suppress(OSError):
        results.mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "halt"
        path.write_text(f"#!/bin/sh\nexec kill -TERM {os.getpid()}\n", encoding="utf-8")
        path.chmod(0o755)
    return results / "exitcode"


def install_tools(tools: dict[str, str], wait_for: Path) -> None:
    """Writes s6's commands to /command, and the FIFO on which /init asks for the services."""
    for name, text in tools.items():
        path = Path("/command") / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    wait_for.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(wait_for)


def make_directable(services: list[Service], tools: dict[str, str]) -> None:
    """Lets the tools of s6 direct every service."""
    install_tools(tools, CONTROL)
    for service in services:
        if service.spec["restart"]:
            service.directed(Path("/run/service") / service.name / "supervise")


def start(services: list[Service]) -> None:
    """Starts the services: those that wait for /init as soon as it asks, as it does if there is none."""
    waiting = [service for service in services if service.spec.get("waits")]
    if CONTROL.exists():
        threading.Thread(target=start_when_asked, args=(waiting,), daemon=True).start()
    for service in services:
        if service not in waiting:
            service.thread.start()


def start_when_asked(services: list[Service]) -> None:
    """Starts the services once /init has written to the FIFO."""
    CONTROL.read_text(encoding="utf-8")
    for service in services:
        service.thread.start()


def stop(services: list[Service]) -> None:
    """Stops every service and waits for those that were started."""
    for service in services:
        service.stop()
    for service in services:
        if service.thread.ident is not None:
            service.thread.join(STOP_DEADLINE)


def kill_the_rest() -> None:
    """Kills what the app left in the background, as a container's end does.

    Only for a PID namespace of its own. bwrap is process 1 there and waits for every process, so one that
    stays would keep the container and its output open.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def exit_code(results: Path | None, ended: list[int]) -> int:
    """The container's exit code: what a finish script wrote, or what its command returned."""
    with contextlib.suppress(OSError, ValueError):
        if results is not None:
            return int(results.read_text(encoding="utf-8"))
    code = ended[0] if ended else 0
    return 128 - code if code < 0 else code


def main() -> None:
    """Runs until it is stopped, or until the one command ends."""
    config = json.load(sys.stdin)
    control = socket.socket(fileno=config["control"])
    awake, wake = socket.socketpair()
    results = halt_command(wake) if config["isolated"] else None
    if config["listen"]:
        listen(control, config["listen"])
    if config["doors"]:
        runpy.run_path("/.sandbox-doors.py")["Doors"](config["doors"])
    ended: list[int] = []

    def on_end(code: int) -> None:
        ended.append(code)
        wake.send(b"e")

    environment, bare = config["environment"], {"PATH": config["environment"]["PATH"]}
    services = [Service(s, environment if s["contenv"] else bare, on_end) for s in config["services"]]
    if config["isolated"]:
        make_directable(services, config["tools"])
    start(services)
    health = None
    if config["health"]:
        health = Health(config["health"], environment, config["folder"], control.send)
        health.thread.start()
    select.select([control, awake], [], [])
    if health:
        health.done.set()
    stop(services)
    sys.stdout.flush()
    if config["isolated"]:
        kill_the_rest()
    os._exit(exit_code(results, ended) & 0xFF)


if __name__ == "__main__":
    main()
