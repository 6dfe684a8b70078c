"""bubblewrap: an image's tree as the root of namespaces, with this machine's /usr below it, read-only."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from bb8deploy.base.os_differences import real_path
from ha_sandbox.runtime.merged_usr import HOST_USR, has_own_usr, merge_usr
from ha_sandbox.runtime.runtime_interface import Mount, Usage

RUN_DEADLINE = 900.0  # seconds for one RUN
_FOLDERS = (
    "command",
    "usr/src",
    "etc",
    "opt",
    "data",
    "tmp",
    "run",
    "var",
    "root",
    "home",
    "proc",
    "dev",
    "sys",
)
_HOST_ETC = [
    "ssl",
    "ca-certificates",
    "resolv.conf",
    "nsswitch.conf",
    "passwd",
    "group",
    "alternatives",
    "ld.so.cache",
    "localtime",
    "pip.conf",
    "services",
    "protocols",
    "mime.types",
]
_ROOT_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_PASSED_ON = (
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_CERT", "PIP_DEFAULT_TIMEOUT",
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "http_proxy", "https_proxy", "no_proxy",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip
# The capabilities that Docker gives a container. bubblewrap gives none to a user other than root, and
# then process 1 cannot open port 80 of the container's own network.
_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE",
    "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
NAMESPACES = (
    "--unshare-user", "--uid", "0", "--gid", "0", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
    *(word for name in _CAPABILITIES for word in ("--cap-add", f"CAP_{name}")),
)  # fmt: skip


@cache
def allowed() -> bool:
    """True if bubblewrap is installed and may create the namespaces that a container needs."""
    bwrap = shutil.which("bwrap")
    if bwrap is None or not Path("/usr/src").is_dir():
        return False
    probe = [bwrap, *NAMESPACES, "--unshare-net", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/true"]
    try:
        return subprocess.run(probe, capture_output=True, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def prepare(tree: Path) -> None:
    """Creates the mount points in a tree."""
    for name in _FOLDERS:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name in _ROOT_LINKS:
        host, link = Path("/") / name, tree / name
        if host.is_symlink() and not link.is_symlink():
            link.symlink_to(host.readlink())
        elif host.is_dir() and not host.is_symlink():
            link.mkdir(exist_ok=True)
    for name in _host_etc():
        _mount_point(tree / "etc" / name, folder=(Path("/etc") / name).is_dir())
    _mount_point(tree / "etc" / "hosts", folder=False)
    for prefix in _python_prefixes():
        _mount_point(tree / str(prefix).lstrip("/"), folder=True)


def identity(*, isolated: bool) -> str:
    """What a cached layer depends on beside the Dockerfile: Python, its prefix, the kind of runtime."""
    return f"{sys.version}|{sys.base_prefix}|{isolated}"


def search_path() -> str:
    """PATH inside: this Python first, so that `python3` is the one that was bound."""
    return f"{Path(sys.base_prefix) / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(
    tree: Path,
    script: str,
    folder: str,
    environment: Mapping[str, str],
    running: Running,
    mounts: Sequence[tuple[Path, str]] = (),
) -> tuple[int, str]:
    """A RUN step: the tree writable, the network shared, `mounts` read-only; exit code and output.

    Its process is in `running` meanwhile, so that another thread can end it.
    """
    passed = {name: os.environ[name] for name in _PASSED_ON if os.environ.get(name)}
    argv = [*_bwrap(tree, "--bind"), *_etc(Path("/etc/hosts")), "--die-with-parent"]
    argv += [word for source, target in mounts for word in ("--ro-bind", str(source), target)]
    argv += ["--chdir", folder, "/bin/sh", "-c", script]
    process = subprocess.Popen(
        argv,
        env={**passed, **environment, "PATH": search_path()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    running.add(process)
    try:
        output, _ = process.communicate(timeout=RUN_DEADLINE)
    except BaseException as error:
        kill(process)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            return 124, f"no end after {RUN_DEADLINE:.0f} s"
        raise
    finally:
        running.discard(process)
    return process.returncode, output.decode(errors="replace")


class Running:
    """The running RUN steps; `end` kills them and every later one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """Adds a process."""
        with self._guard:
            self._processes.add(process)
            if self._ended:
                kill(process)

    def discard(self, process: subprocess.Popen[bytes]) -> None:
        """Removes a process that has ended."""
        with self._guard:
            self._processes.discard(process)

    def end(self) -> None:
        """Kills all of them."""
        with self._guard:
            self._ended = True
            for process in self._processes:
                kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a process with everything in its group; not one that is reaped, whose number may be another's."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def container(
    tree: Path,
    data: Path,
    programs: Mapping[str, Path],
    mounts: Sequence[Mount] = (),
    capabilities: Sequence[str] = (),
) -> list[str]:
    """The command line of a container: tree read-only, /data writable, a loopback of its own.

    `programs` are files of this machine by their paths there; the first one becomes process 1 of the
    container. With `mounts` the tree is writable too: it must then be the container's own. `capabilities` are
    for process 1, which must not pass them on.

    Without --die-with-parent, which means the thread that started it. Process 1 notices the end of the
    sandbox by the end of the control socket.
    """
    hosts = tree.parent / "hosts"
    hosts.write_text("127.0.0.1 localhost supervisor hassio core-mosquitto\n", encoding="utf-8")
    root = "--bind" if mounts else "--ro-bind"
    return [
        *_bwrap(tree, root),
        *(_own_usr(tree, root) if mounts or has_own_usr(tree) else ()),
        *_etc(hosts),
        *(word for mount in mounts for word in _mount(tree, mount)),
        *("--unshare-net", "--bind", str(data), "/data", "--tmpfs", "/var"),
        *(word for name in capabilities for word in ("--cap-add", name)),
        *(word for path, file in programs.items() for word in _program(tree, path, file)),
        *("--chdir", "/", str(_python()), "-I", "-S", next(iter(programs))),
    ]


def _own_usr(tree: Path, root: str) -> list[str]:
    """The image's files below /usr, and this machine's /usr for all others."""
    merged = tree.parent / "usr"
    merge_usr(tree, merged, writable=root == "--bind")
    (tree / HOST_USR.lstrip("/")).mkdir(exist_ok=True)
    sources = (root, str(tree / "usr" / "src"), "/usr/src")
    return ["--ro-bind", "/usr", HOST_USR, root, str(merged), "/usr", *sources]


def _program(tree: Path, path: str, file: Path) -> tuple[str, str, str]:
    _mount_point(tree / path.lstrip("/"), folder=False)
    return "--ro-bind", str(file), path


def _mount(tree: Path, mount: Mount) -> tuple[str, str, str]:
    _mount_point(tree / mount.target.lstrip("/"), folder=True)
    return "--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target


def usage(pid: int) -> Usage:
    """CPU seconds and resident bytes of a process and all below it, from /proc."""
    ticks, pages = 0, 0
    for process in _family(pid):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            pages += int(fields[21])
    return Usage(ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"))


def _family(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [pid]
    while queue:
        current = queue.pop()
        found.append(current)
        queue.extend(parents.get(current, []))
    return found


def _bwrap(tree: Path, root: str) -> list[str]:
    argv = [shutil.which("bwrap") or "bwrap", *NAMESPACES, root, str(tree), "/", "--ro-bind", "/usr", "/usr"]
    argv += [root, str(tree / "usr" / "src"), "/usr/src"]
    for name in _ROOT_LINKS:
        host = Path("/") / name
        if host.is_dir() and not host.is_symlink():
            argv += ["--ro-bind", str(host), str(host)]
    for prefix in _python_prefixes():
        argv += ["--ro-bind", str(prefix), str(prefix)]
    fresh = ("/tmp", "/run", "/command")  # noqa: S108 - inside
    return [*argv, "--dev", "/dev", "--proc", "/proc", *(word for at in fresh for word in ("--tmpfs", at))]


def _etc(hosts: Path) -> list[str]:
    argv = ["--ro-bind", str(hosts), "/etc/hosts"]
    for name in _host_etc():
        source = real_path(Path("/etc") / name)
        argv += ["--ro-bind", str(source), f"/etc/{name}"]
    return argv


def _host_etc() -> list[str]:
    return [name for name in _HOST_ETC if (Path("/etc") / name).exists()]


def _python_prefixes() -> list[Path]:
    """The prefixes of this Python outside of /usr: as it is called, and resolved."""
    prefixes = {Path(sys.base_prefix), real_path(Path(sys.base_prefix))}
    return sorted(p for p in prefixes if not p.is_relative_to("/usr"))


def _python() -> Path:
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _mount_point(path: Path, *, folder: bool) -> None:
    if folder:
        path.mkdir(parents=True, exist_ok=True)
    elif not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
