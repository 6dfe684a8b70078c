"""Runs apps in Docker, with the images and the s6 of their real base, on this machine's own network."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from bb8deploy.catalogue.errors.tool import SANDBOX_NO_DOCKER
from bb8deploy.checks.reading.dockerfile_evaluation import platform_args
from bb8deploy.checks.reading.dockerfile_parser import parse_dockerfile
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.runtime.published_ports import Reached, on_shared_network
from ha_sandbox.runtime.runtime_interface import (
    BuildFailed,
    BuildRequest,
    ContainerSpec,
    Mount,
    PullFailed,
    StartFailed,
    Usage,
)

LEASH = Path(__file__).parents[1] / "end_with_parent.py"
_CALL_DEADLINE = 60.0  # seconds for a question to the engine
_BUILD_DEADLINE = 1800.0
FIRST_WITH_HEREDOCS = 23
"""The first Docker that builds here-documents without a `# syntax=` line."""
_BUILDING = ("build", "--network", "host", "--force-rm")


class DockerRuntime:
    """Images and containers of one sandbox, labelled by its folder; removed when it closes.

    Containers share the host's network, because the sandbox listens on loopback alone. Raises UsageError
    if no engine answers.
    """

    def __init__(self, folder: Path, targets: Mapping[str, tuple[str, int]]) -> None:
        self._docker = Docker.find()
        self._label = f"ha_sandbox={hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        self._targets = dict(targets)
        self._running = bubblewrap.Running()
        self._clear()  # what a killed sandbox in this folder has left

    @property
    def way(self) -> str:
        """How apps run, in words."""
        return f"Docker {self._docker.version}: the Dockerfile, its base and its services, unchanged"

    def address(self, service: str) -> tuple[str, int]:
        """On this machine's loopback, which containers share."""
        return self._targets[service]

    def aim(self, service: str, address: tuple[str, int]) -> None:
        """Sets the address of `supervisor` or `mqtt` for containers that start from now on."""
        self._targets[service] = address

    def build(self, request: BuildRequest) -> str:
        """`docker build`, without pulling a base that the engine has; returns its output."""
        args = {**self._platform_args(request.arch), **request.args}
        arguments = [word for k, v in args.items() for word in ("--build-arg", f"{k}={v}")]
        name = self._image(request.slug, request.version)
        words = [*_BUILDING, "--label", self._label, "--tag", name, "--file", str(request.dockerfile)]
        code, output = self._finished(self._docker.begin(*words, *arguments, str(request.context)))
        if code:
            text = request.dockerfile.read_text(encoding="utf-8", errors="replace")
            hint = old_builder(text, self._docker.version, buildkit=self._docker.has_buildkit)
            raise BuildFailed(f"{output.rstrip()}\n{hint}" if hint else output)
        return output

    def pull(self, slug: str, version: str, image: str) -> None:
        """`docker pull`; an image of this name in the engine is used if the registry cannot be reached."""
        code, output = self._finished(self._docker.begin("pull", "--quiet", image))
        if code and self._docker.ask("image", "inspect", image) is None:
            raise PullFailed(f"docker pull {image} failed: {_last_line(output)}")
        if self._docker.ask("tag", image, self._image(slug, version)) is None:
            raise PullFailed(f"docker tag {image} failed")

    def has_image(self, slug: str, version: str) -> bool:
        """True if the image exists."""
        return self._docker.ask("image", "inspect", self._image(slug, version)) is not None

    def remove_image(self, slug: str, version: str) -> None:
        """Removes the image; its layers stay in the engine's build cache."""
        self._docker.ask("image", "rm", "--force", self._image(slug, version))

    def start(self, spec: ContainerSpec) -> DockerContainer:
        """Starts a container on a leash: Docker removes it when this process ends."""
        reached, page_port = on_shared_network(spec)
        image = self._image(spec.slug, spec.version)
        name = f"{spec.slug}-{uuid.uuid4().hex[:12]}"
        with _variables({**spec.environment, "BB8_PAGE_PORT": str(page_port)}) as file:
            process = self._docker.begin(
                *("create", "--rm", "--network", "host", "--label", self._label, "--name", name),
                *("--env-file", str(file), "--volume", f"{spec.data}:/data"),
                *(word for mount in spec.mounts for word in ("--volume", _volume(mount))),
                image,
            )
            code, output = self._finished(process)
        if code:
            raise StartFailed(f"docker create failed: {_last_line(output)}")
        checked = json.loads(
            self._docker.ask("inspect", "-f", "{{json .Config.Healthcheck}}", name) or "null"
        )
        return DockerContainer(self._docker, name, spec, reached, has_health_check=bool(checked))

    def abort(self) -> None:
        """Makes running and later builds fail."""
        self._running.end()

    def close(self) -> None:
        """Removes what is left of this sandbox's containers and images."""
        self._clear()

    def _finished(self, process: subprocess.Popen[bytes]) -> tuple[int, str]:
        """Exit code and output of a long command, which `abort` can end."""
        self._running.add(process)
        try:
            output = process.communicate(timeout=_BUILD_DEADLINE)[0].decode(errors="replace")
        except BaseException:
            bubblewrap.kill(process)
            process.communicate()
            raise
        finally:
            self._running.discard(process)
        return process.returncode, output

    def _platform_args(self, arch: str) -> dict[str, str]:
        """TARGETARCH and the like, which the engine's old builder does not set by itself."""
        return {} if self._docker.has_buildkit else platform_args(arch)

    def _clear(self) -> None:
        for what, listing in (("container", "ps --all"), ("image", "images")):
            found = self._docker.ask(*listing.split(), "--quiet", "--filter", f"label={self._label}") or ""
            if ids := sorted(set(found.split())):
                self._docker.ask(what, "rm", "--force", *ids)
        # A pulled image has no label of ours; by its name it loses this name only.
        ours = ("images", "--filter", f"reference={self._names}/*", "--format", "{{.Repository}}:{{.Tag}}")
        if names := (self._docker.ask(*ours) or "").split():
            self._docker.ask("image", "rm", *names)

    @property
    def _names(self) -> str:
        """What the names of this sandbox's images begin with."""
        return f"bb8-sandbox-{self._label.rpartition('=')[2]}"

    def _image(self, slug: str, version: str) -> str:
        tag = re.sub(r"[^A-Za-z0-9_.-]", "_", version)
        return f"{self._names}/{slug.lower()}:{tag}"


def old_builder(dockerfile: str, version: str, *, buildkit: bool) -> str:
    """What a Dockerfile needs that the engine lacks and the Supervisor's builder has; empty for nothing.

    Docker 20.10 has BuildKit, but a Dockerfile frontend without here-documents.
    """
    instructions = parse_dockerfile(dockerfile).instructions
    heredoc = next((one.line for one in instructions if one.heredocs), 0)
    major = version.partition(".")[0]
    if heredoc and not (buildkit and major.isdigit() and int(major) >= FIRST_WITH_HEREDOCS):
        return (
            f"Line {heredoc} of the Dockerfile has a here-document. The Supervisor builds it, but Docker "
            f"{version} cannot: use Docker {FIRST_WITH_HEREDOCS} or newer with its buildx plugin."
        )
    if not buildkit and any("--mount" in one.value for one in instructions if one.word == "RUN"):
        return (
            "This Docker has no BuildKit, which `RUN --mount` needs: install its buildx plugin. "
            "`bb8deploy deploy --verify running` adds no step of its own to the Dockerfile."
        )
    return ""


class DockerContainer:
    """A running container; threads follow its output and its health."""

    def __init__(
        self, docker: Docker, name: str, spec: ContainerSpec, reached: Reached, *, has_health_check: bool
    ) -> None:
        self.has_health_check = has_health_check
        self.ports, self.udp_ports, self.page = reached.ports, reached.udp_ports, reached.page
        self._docker, self._name, self._spec = docker, name, spec
        self._stopping = False
        self._process = docker.begin("start", "--attach", name, end=("rm", "--force", name))
        self._events = docker.begin(
            *("events", "--since", "10m", "--filter", f"container={name}"),
            *("--filter", "event=health_status", "--format", "{{.Action}}"),
            end=(),
        )
        self._threads = [
            threading.Thread(target=self._read_output, name=f"log {spec.slug}"),
            threading.Thread(target=self._read_health, name=f"health {spec.slug}"),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """`docker stop`: SIGTERM, after `timeout` seconds SIGKILL."""
        self._stopping = True
        self._docker.ask("stop", "-t", f"{timeout:.0f}", self._name, deadline=timeout + _CALL_DEADLINE)
        self._docker.ask("rm", "--force", self._name)
        if threading.current_thread() not in self._threads:
            for thread in self._threads:
                thread.join(_CALL_DEADLINE)

    def usage(self) -> Usage:
        """CPU seconds and resident bytes, from /proc; zeros if the engine is on another machine."""
        pid = self._docker.ask("inspect", "-f", "{{.State.Pid}}", self._name) or "0"
        return bubblewrap.usage(int(pid)) if int(pid) else Usage(0.0, 0)

    def _read_output(self) -> None:
        with _output(self._process) as stream:
            for line in stream:
                self._spec.on_line(line.decode(errors="replace").rstrip("\r\n"))
        code = self._process.wait()
        _let_go(self._process)
        _let_go(self._events)
        if not self._stopping:
            self._spec.on_exit(code)

    def _read_health(self) -> None:
        with _output(self._events) as stream:
            for line in stream:
                self._spec.on_health(line.strip().endswith(b" healthy"))
        self._events.wait()


class Docker:
    """The docker client: its program and its builder."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._environment = {**os.environ, "DOCKER_BUILDKIT": "0", "BUILDKIT_PROGRESS": "plain"}
        self.has_buildkit = self.ask("buildx", "version") is not None or self._is_old()
        if self.has_buildkit:
            self._environment["DOCKER_BUILDKIT"] = "1"
        self.version = (self.ask("version", "--format", "{{.Server.Version}}") or "").strip()

    @classmethod
    def find(cls) -> Docker:
        """The first docker on PATH that has BuildKit, else the first one.

        Raises UsageError SANDBOX_NO_DOCKER if no engine answers.
        """
        clients = [cls(program) for program in _programs()]
        answering = [client for client in clients if client.version]
        if not answering:
            raise SANDBOX_NO_DOCKER("no Docker engine answers" if clients else "docker is not installed")
        return next((client for client in answering if client.has_buildkit), answering[0])

    def _is_old(self) -> bool:
        """Whether the client is older than 23, which has BuildKit built in and needs no plugin."""
        told = self.ask("version", "--format", "{{.Client.Version}}") or ""
        return told.partition(".")[0].isdigit() and int(told.partition(".")[0]) < 23

    def ask(self, *words: str, deadline: float = _CALL_DEADLINE) -> str | None:
        """What a command printed, None if it failed."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            done = subprocess.run(
                [self._program, *words],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=deadline,
                check=False,
            )
            return done.stdout if done.returncode == 0 else None
        return None

    def begin(self, *words: str, end: tuple[str, ...] | None = None) -> subprocess.Popen[bytes]:
        """Starts a command, its output in a pipe.

        With `end`, even an empty one, it is on a leash: it ends with this process, first by that command.
        """
        leash: list[str] = []
        if end is not None:
            leash = [sys.executable, "-I", "-S", str(LEASH)]
            leash += ["--end", self._program, *end, "--"] if end else []
        return subprocess.Popen(
            [*leash, self._program, *words],
            env=self._environment,
            stdin=subprocess.DEVNULL if end is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _last_line(output: str) -> str:
    """The reason that the engine gives."""
    return (output.strip().splitlines() or ["no output"])[-1]


def _programs() -> list[str]:
    """Each docker on PATH, in its order."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = (shutil.which("docker", path=folder) for folder in folders if folder)
    return list(dict.fromkeys(os.path.realpath(program) for program in found if program))


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101 - opened as a pipe
    return process.stdout


def _volume(mount: Mount) -> str:
    return f"{mount.source}:{mount.target}{'' if mount.writable else ':ro'}"


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Lets the leash end its command."""
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


@contextlib.contextmanager
def _variables(environment: Mapping[str, str]) -> Iterator[Path]:
    """A temporary file for --env-file, so that no process list shows a token."""
    with tempfile.NamedTemporaryFile("w", prefix="bb8-env-", encoding="utf-8") as file:
        lines = [f"{name}={value}" for name, value in environment.items() if "\n" not in value]
        file.write("\n".join(lines) + "\n")
        file.flush()
        yield Path(file.name)
