"""A container in the labs' guest: an image's root under an AppArmor profile, started as Docker starts it.

As a program (`python -m ops.lab.container SPEC`) it becomes the container that the JSON file SPEC describes,
or joins the one that runs. The image's root is the lower folder of an overlay. What Docker hides or mounts
read-only (/sys, /proc/sys) stays writable here, so that only the profile refuses. The network is the guest's.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

PATIENCE_S = 60.0
# sched.h, mount.h and prctl.h of Linux; the system call's number is that of x86_64, as is the guest.
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_PIDS = 0x20000, 0x4000000, 0x8000000, 0x20000000
BIND, RECURSIVE, PRIVATE, DETACH = 0x1000, 0x4000, 0x40000, 2
PIVOT_ROOT, DROP_FROM_BOUNDING_SET = 155, 24
DOCKERS_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31})
"""Docker's defaults: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service,
net_raw, sys_chroot, mknod, audit_write, setfcap (capability.h)."""
LAST_CAPABILITY = 40
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}


@dataclass(frozen=True, slots=True)
class Spec:
    """What is started, and where. Folders are the guest's; keys of `mounts` and `command` the container's."""

    root: str
    layer: str
    profile: str
    command: list[str]
    environment: dict[str, str]
    mounts: dict[str, str] = field(default_factory=dict)
    join: int = 0
    """The first process of the container to join; 0 starts one."""
    every_capability: bool = False


class Container:
    """A container of the guest; it can be started again with what it had written."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and wait until its first process exists."""
        pid = Path(self.spec.layer, "pid")
        pid.unlink(missing_ok=True)
        self._process = self._launch(self.spec)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        deadline = time.monotonic() + PATIENCE_S
        while not (pid.exists() and pid.read_text()):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"the container did not start: {self.lines}")
            time.sleep(0.02)

    def _launch(self, spec: Spec) -> subprocess.Popen[str]:
        file = Path(spec.layer, f"spec-{time.monotonic_ns()}.json")
        file.write_text(json.dumps(asdict(spec)))
        return subprocess.Popen(
            [sys.executable, "-m", __name__, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.lines.append(line.rstrip("\n"))

    @property
    def first(self) -> int:
        """The guest's number of its process 1."""
        return int(Path(self.spec.layer, "pid").read_text())

    def begin(self, *command: str, profile: str, every_capability: bool = False) -> subprocess.Popen[str]:
        """Start another program in it, as `docker exec` does; an empty profile leaves it unconfined."""
        wanted = replace(self.spec, command=list(command), profile=profile, join=self.first)
        return self._launch(replace(wanted, every_capability=every_capability))

    def run(self, *command: str, profile: str, every_capability: bool = False) -> str:
        """Run another program in it to its end; returns what it printed, RuntimeError if it fails."""
        process = self.begin(*command, profile=profile, every_capability=every_capability)
        output, _ = process.communicate(timeout=PATIENCE_S)
        if process.returncode != 0:
            raise RuntimeError(f"{command[:3]} ended with {process.returncode}: {output}")
        return output

    def labels(self) -> dict[str, str]:
        """The AppArmor label of each process that has a command line, by number and command line."""
        own = Path(f"/proc/{self.first}/ns/pid").readlink()
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "ns/pid").readlink() == own:
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                    label = (folder / "attr/current").read_text().strip("\0\n")
                    found |= {f"{folder.name} {words}": label} if words else {}
            except OSError:
                continue
        return found

    def stop(self) -> int:
        """End it as `docker stop` does; returns the exit code of its first process."""
        if self._process is None:
            raise RuntimeError("the container was not started")
        os.kill(self.first, signal.SIGTERM)
        return self._process.wait(PATIENCE_S)


def main() -> int:
    """Become what the specification describes; returns its exit code."""
    spec = Spec(**json.loads(Path(sys.argv[1]).read_text()))
    libc = ctypes.CDLL(None, use_errno=True)
    if spec.join:
        for kind in ("pid", "mnt"):
            with Path(f"/proc/{spec.join}/ns/{kind}").open() as namespace:
                _check(libc.setns(namespace.fileno(), 0))
    else:
        _check(libc.unshare(NEW_MOUNTS | NEW_UTS | NEW_IPC | NEW_PIDS))
    child = os.fork()
    if child:
        if not spec.join:
            Path(spec.layer, "pid").write_text(str(child))
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) % 256
    if not spec.join:
        _fill(libc, spec)
    _become(libc, spec)
    return 1


def _fill(libc: ctypes.CDLL, spec: Spec) -> None:
    """Make the image's root, with Docker's mounts in it, the root of this process."""
    os.umask(0o022)
    _mount(libc, "none", "/", "", RECURSIVE | PRIVATE)
    places = {name: Path(spec.layer, name) for name in ("upper", "work", "merged")}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    root = places["merged"]
    layers = f"lowerdir={spec.root},upperdir={places['upper']},workdir={places['work']}"
    _mount(libc, "overlay", str(root), "overlay", 0, layers)
    _mount(libc, "proc", str(root / "proc"), "proc")
    _mount(libc, "sysfs", str(root / "sys"), "sysfs")
    _mount(libc, "tmpfs", str(root / "dev"), "tmpfs")
    _make_devices(root / "dev")
    for inside, outside in spec.mounts.items():
        target = root / inside.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if Path(outside).is_dir():
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        _mount(libc, outside, str(target), "", BIND | RECURSIVE)
    os.chdir(root)
    _check(libc.syscall(PIVOT_ROOT, b".", b"."))
    _check(libc.umount2(b".", DETACH))
    os.chdir("/")


def _make_devices(folder: Path) -> None:
    for name, (major, minor) in DEVICES.items():
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
        (folder / name).chmod(0o666)
    (folder / "shm").mkdir(mode=0o1777)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (folder / name).symlink_to(f"/proc/self/fd/{number}")
    (folder / "fd").symlink_to("/proc/self/fd")


def _become(libc: ctypes.CDLL, spec: Spec) -> None:
    """Take the container's standard input, capabilities and profile, and run the command."""
    os.chdir("/")
    os.dup2(os.open("/dev/null", os.O_RDWR), 0)
    for number in range(LAST_CAPABILITY + 1):
        if number not in DOCKERS_CAPABILITIES and not spec.every_capability:
            _check(libc.prctl(DROP_FROM_BOUNDING_SET, number, 0, 0, 0))
    if spec.profile:
        Path("/proc/self/attr/exec").write_text(f"exec {spec.profile}")
    os.execve(spec.command[0], spec.command, spec.environment)


def _mount(libc: ctypes.CDLL, source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    words = [word.encode() for word in (source, target, kind, data)]
    _check(libc.mount(words[0], words[1], words[2], ctypes.c_ulong(flags), words[3]), f"mount {target}")


def _check(result: int, what: str = "a system call") -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    sys.exit(main())
