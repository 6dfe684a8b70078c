"""Runs images as processes of this machine: in namespaces where they are allowed, else as plain processes."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from bb8deploy.base.cache_folder import cache_dir
from bb8deploy.base.seal_paths import SEAL_OUT, SEAL_ROOT
from ha_sandbox.json_types import JsonObject
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.runtime.building.build_image import Build
from ha_sandbox.runtime.building.build_stage import Runner
from ha_sandbox.runtime.building.image_config import Image
from ha_sandbox.runtime.container_services import (
    S6_INIT,
    SERVICES,
    Wiring,
    has_init,
    init_config,
    left_out,
    nothing_to_run,
    use_contenv,
)
from ha_sandbox.runtime.process_container import ProcessContainer
from ha_sandbox.runtime.published_ports import (
    Door,
    PublishedPorts,
    Reached,
    moved,
    on_shared_network,
    through,
)
from ha_sandbox.runtime.runtime_interface import (
    BuildFailed,
    BuildRequest,
    ContainerSpec,
    PullFailed,
    StartFailed,
)
from ha_sandbox.runtime.s6_tools import INIT as INIT_PROGRAM
from ha_sandbox.runtime.tcp_relay import Carried, Relay

INIT = Path(__file__).with_name("container_init.py")
INIT_PATH = "/.sandbox-init.py"
DOORS = Path(__file__).with_name("container_doors.py")
DOORS_PATH = "/.sandbox-doors.py"


class ProcessRuntime:
    """Images under `folder`; `targets` are the addresses of `supervisor` and `mqtt` on this machine."""

    def __init__(self, folder: Path, targets: Mapping[str, tuple[str, int]], *, isolated: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._targets = dict(targets)
        self._isolated = isolated
        self._layers = cache_dir("layers")
        self._relay = Relay() if isolated else None
        self._running = bubblewrap.Running()
        self._ports = PublishedPorts()

    @property
    def way(self) -> str:
        """How apps run, in words."""
        if self._isolated:
            return "user namespaces (bubblewrap): RUN steps, run.sh and the services.d scripts unchanged"
        return "plain processes: run.sh runs unchanged, s6 scripts and RUN steps are skipped (no namespaces)"

    def address(self, service: str) -> tuple[str, int]:
        """The real host's name in a network namespace, else an address on this machine's loopback."""
        return SERVICES[service] if self._isolated else self._targets[service]

    def aim(self, service: str, address: tuple[str, int]) -> None:
        """Sets the address of `supervisor` or `mqtt` for containers that start from now on."""
        self._targets[service] = address

    def build(self, request: BuildRequest) -> str:
        """Follows the Dockerfile; a failed build leaves no image."""
        place = self._place(request.slug, request.version)
        fresh = place.with_name(f".{place.name}.building")
        shutil.rmtree(fresh, ignore_errors=True)
        tree = fresh / "tree"
        runner: Runner = self._run if self._isolated else _SkippedRun(request.context)
        seed = bubblewrap.identity(isolated=self._isolated)
        build = Build(request, tree, self._layers, runner, seed, bubblewrap.prepare)
        try:
            image = build.follow()
        except OSError as error:
            raise BuildFailed("\n".join([*build.log, f"ERROR: {error}"])) from error
        bubblewrap.prepare(tree)
        if self._isolated:
            use_contenv(tree)
        image.save(fresh / "image.json")
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
        return "\n".join(build.log)

    def pull(self, slug: str, version: str, image: str) -> None:  # noqa: ARG002 - the interface of a runtime
        """Raises PullFailed: without Docker there is nothing to pull with."""
        raise PullFailed(
            "the sandbox pulls images with Docker only: use `--docker`, "
            "or leave `image:` out of config.yaml to build the app from its folder"
        )

    def has_image(self, slug: str, version: str) -> bool:
        """True if the image exists."""
        return (self._place(slug, version) / "image.json").is_file()

    def remove_image(self, slug: str, version: str) -> None:
        """Removes the image."""
        shutil.rmtree(self._place(slug, version), ignore_errors=True)

    def start(self, spec: ContainerSpec) -> ProcessContainer:
        """Starts process 1; its configuration goes to stdin, where no process list shows it."""
        place = self._place(spec.slug, spec.version)
        image = Image.load(place / "image.json")
        reached, doors, page_port = self._reach(spec)
        argv = [sys.executable, "-I", "-S", str(INIT)]
        if self._isolated:
            argv = self._isolated_command(place, image, spec, doors)
        ours, theirs = socket.socketpair()
        opened = tuple((door.listener.fileno(), door.port, door.purpose.value) for door in doors)
        wiring = Wiring(theirs.fileno(), opened, page_port)
        config = init_config(place / "tree", image, spec, wiring, isolated=self._isolated)
        if problem := nothing_to_run(place / "tree", config):
            ours.close()
            theirs.close()
            raise StartFailed(problem)
        for line in left_out(place / "tree"):
            spec.on_line(line)
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={"PATH": bubblewrap.search_path()},
                pass_fds=(theirs.fileno(), *(descriptor for descriptor, _, _ in opened)),
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise StartFailed(str(error)) from error
        finally:
            theirs.close()
        return self._attach(process, ours, spec, reached, config)

    def _isolated_command(
        self, place: Path, image: Image, spec: ContainerSpec, doors: Sequence[Door]
    ) -> list[str]:
        tree, programs = own_tree(place, spec), {INIT_PATH: INIT, DOORS_PATH: DOORS}
        if S6_INIT in image.entrypoint and not has_init(tree):
            programs[S6_INIT] = _init_program(place)
        capabilities = ("CAP_NET_ADMIN",) if doors else ()
        return bubblewrap.container(tree, spec.data, programs, spec.mounts, capabilities)

    def _reach(self, spec: ContainerSpec) -> tuple[Reached, tuple[Door, ...], int]:
        """How this machine reaches the container: through doors, or on the network that they share.

        Raises PortInUse.
        """
        if not self._isolated:
            reached, page_port = on_shared_network(spec)
            return reached, (), page_port
        doors = self._ports.of(spec)
        for line in moved(doors):
            spec.on_line(line)
        return through(doors), doors, 0

    def _run(
        self,
        tree: Path,
        script: str,
        folder: str,
        environment: Mapping[str, str],
        mounts: Sequence[tuple[Path, str]],
    ) -> tuple[int, str]:
        return bubblewrap.run(tree, script, folder, environment, self._running, mounts)

    def abort(self) -> None:
        """Makes running and later builds fail."""
        self._running.end()

    def close(self) -> None:
        """Ends the relay and gives the ports back; the owner stops containers."""
        self._ports.close()
        if self._relay is not None:
            self._relay.close()

    def _attach(
        self,
        process: subprocess.Popen[bytes],
        control: socket.socket,
        spec: ContainerSpec,
        reached: Reached,
        config: JsonObject,
    ) -> ProcessContainer:
        carried = None
        try:
            pipe = cast("IO[bytes]", process.stdin)
            pipe.write(json.dumps(config).encode())
            pipe.close()
            if self._relay is not None:
                carried = self._carry(self._relay, control)
        except OSError as error:
            output = _last_words(process)
            control.close()
            raise StartFailed(output.decode(errors="replace").strip() or str(error)) from error
        return ProcessContainer(
            process,
            control,
            spec,
            carried,
            reached,
            on_end=lambda: self._ports.shut(spec.slug),
            has_health_check=bool(config["health"]),
        )

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


def _last_words(process: subprocess.Popen[bytes]) -> bytes:
    """Kills a process, and returns what it printed. `communicate` would raise: stdin is closed already."""
    process.kill()
    with cast("IO[bytes]", process.stdout) as stdout:
        output = stdout.read()
    process.wait()
    return output


def own_tree(place: Path, spec: ContainerSpec) -> Path:
    """The tree that a container runs in: the image's, or a copy of it for an app that may change its files.

    Only apps that see the local apps do so here; a new container begins with the image again.
    """
    if not spec.mounts:
        return place / "tree"
    own = place / "container"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(place / "tree", own, symlinks=True)
    return own


def _init_program(place: Path) -> Path:
    """The replacement for the base image's /init."""
    path = place / "init.sh"
    path.write_text(INIT_PROGRAM, encoding="utf-8")
    path.chmod(0o755)
    return path


class _SkippedRun:
    """RUN without namespaces: nothing runs, but requirements.txt of the context gets its venv."""

    def __init__(self, context: Path) -> None:
        self._context = context

    def __call__(
        self,
        tree: Path,
        script: str,
        folder: str,  # noqa: ARG002 - the signature of a runner
        environment: Mapping[str, str],
        mounts: Sequence[tuple[Path, str]],
    ) -> tuple[int, str]:
        """Makes <tree>/opt/venv for a step that installs requirements, runs a seal, skips any other."""
        if SEAL_OUT in script:
            return _seal(tree, script, environment, mounts)
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
                argv, capture_output=True, text=True, timeout=bubblewrap.RUN_DEADLINE, check=False
            )
            output += done.stdout + done.stderr
            if done.returncode:
                return done.returncode, output
        return 0, output


def _seal(
    tree: Path, script: str, environment: Mapping[str, str], mounts: Sequence[tuple[Path, str]]
) -> tuple[int, str]:
    """The step of a seal stage as a plain process: it reads its mounts and writes below its own paths."""
    for source, target in mounts:
        place = tree / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, place) if source.is_dir() else shutil.copyfile(source, place)
    here = script.replace(SEAL_ROOT, f'"$SEALED_IN"{SEAL_ROOT}')
    done = subprocess.run(
        ["/bin/sh", "-c", here],
        env={**environment, "PATH": bubblewrap.search_path(), "SEALED_IN": str(tree)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=bubblewrap.RUN_DEADLINE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def runtime_for(folder: Path, targets: Mapping[str, tuple[str, int]]) -> ProcessRuntime:
    """The best runtime that this machine allows without Docker."""
    return ProcessRuntime(folder, targets, isolated=bubblewrap.allowed())
