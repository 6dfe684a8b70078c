"""Attacks from inside the app's container; standard library only, because the image's Python runs it.

`python -c <this file> NAME=VALUE...` prints a JSON list: each attack's name and its outcome. Each runs in a
process that is named after the attack, so that the audit log's records can be assigned to it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
FACTS = dict(word.split("=", 1) for word in sys.argv[1:])
SET_NAME = 15
PTRACE_ATTACH, SYS_INIT_MODULE, SYS_PIVOT_ROOT = 16, 175, 155
BOTH: dict[str, Callable[[], object]] = {}
"""Attacks that both profiles refuse."""
PYTHONS: dict[str, Callable[[], object]] = {}
"""Attacks that Python's profile refuses; s6 and its scripts need what these do."""


def attack(group: dict[str, Callable[[], object]]) -> Callable[[Callable[[], object]], Callable[[], object]]:
    def add(function: Callable[[], object]) -> Callable[[], object]:
        group[function.__name__] = function
        return function

    return add


def checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def run_what_was_written(path: str) -> None:
    file = Path(path)
    if not file.exists():  # the lab has put one where this program must not write
        file.write_text("#!/bin/sh\nexit 0\n")
        file.chmod(0o755)
    os.execv(path, [path])


def write(path: str) -> None:
    with Path(path).open("a") as file:
        file.write("x")


@attack(BOTH)
def write_program() -> None:
    write("/usr/src/app/bb8_core/main.py")


@attack(BOTH)
def write_library() -> None:
    write("/opt/venv/pyvenv.cfg")


@attack(BOTH)
def write_init() -> None:
    write("/init")


@attack(BOTH)
def write_service() -> None:
    write("/etc/services.d/ble_bridge/run")


@attack(BOTH)
def write_passwd() -> None:
    write("/etc/passwd")


@attack(BOTH)
def write_home() -> None:
    write("/root/planted")


@attack(BOTH)
def write_ssl() -> None:
    write("/ssl/planted")


@attack(BOTH)
def write_scene() -> None:
    write("/config/scenes/planted.yaml")


@attack(BOTH)
def read_shadow() -> None:
    Path("/etc/shadow").read_bytes()


@attack(BOTH)
def read_other_app() -> None:
    Path("/addon_configs/other/secrets.yaml").read_bytes()


@attack(BOTH)
def read_config() -> None:
    Path("/config/secrets.yaml").read_bytes()


@attack(BOTH)
def raw_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@attack(BOTH)
def packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@attack(BOTH)
def netlink_socket() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)


@attack(BOTH)
def hci_socket() -> None:
    socket.socket(31, socket.SOCK_RAW, 1)  # AF_BLUETOOTH, BTPROTO_HCI


@attack(BOTH)
def crypto_socket() -> None:
    socket.socket(38, socket.SOCK_SEQPACKET)  # AF_ALG


@attack(BOTH)
def bind_port_80() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 80))


@attack(BOTH)
def exec_from_tmp() -> None:
    run_what_was_written("/tmp/planted")


@attack(BOTH)
def exec_from_run() -> None:
    run_what_was_written("/run/planted")


@attack(BOTH)
def exec_from_data() -> None:
    run_what_was_written("/data/planted")


@attack(BOTH)
def mount_tmpfs() -> None:
    checked(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None))


@attack(BOTH)
def pivot_root() -> None:
    checked(LIBC.syscall(SYS_PIVOT_ROOT, b"/", b"/"))


@attack(BOTH)
def chroot() -> None:
    os.chroot("/tmp")


@attack(BOTH)
def ptrace_first() -> None:
    checked(LIBC.ptrace(PTRACE_ATTACH, 1, None, None))


@attack(BOTH)
def load_module() -> None:
    checked(LIBC.syscall(SYS_INIT_MODULE, b"none", 4, b""))


@attack(BOTH)
def write_sysctl() -> None:
    Path("/proc/sys/kernel/core_pattern").write_text("|/data/planted")


@attack(BOTH)
def write_sys() -> None:
    Path("/sys/kernel/profiling").write_text("1")


@attack(BOTH)
def make_device() -> None:
    os.mknod("/tmp/disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0))


@attack(BOTH)
def set_clock() -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.time())


@attack(BOTH)
def become_user() -> None:
    os.setuid(1000)


@attack(BOTH)
def kill_unconfined() -> None:
    os.kill(int(FACTS["victim"]), signal.SIGTERM)


@attack(BOTH)
def leave_profile() -> None:
    Path("/proc/self/attr/current").write_text("changeprofile unconfined")


@attack(PYTHONS)
def write_run() -> None:
    write("/run/planted")


@attack(PYTHONS)
def write_run_service() -> None:
    write("/run/service/ble_bridge/run")


@attack(PYTHONS)
def exec_run_service() -> None:
    os.execv("/run/service/ble_bridge/run", ["run"])


@attack(PYTHONS)
def exec_shell() -> None:
    os.execv("/bin/sh", ["/bin/sh", "-c", "exit 0"])


@attack(PYTHONS)
def map_program() -> None:
    file = Path("/data/library.so")
    file.write_bytes(b"x" * mmap.PAGESIZE)
    with file.open("rb") as library:
        mmap.mmap(
            library.fileno(), mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE
        )


@attack(PYTHONS)
def read_token_of_s6() -> None:
    Path("/proc/1/environ").read_bytes()


@attack(PYTHONS)
def read_own_token() -> None:
    Path("/proc/self/environ").read_bytes()


@attack(PYTHONS)
def signal_s6() -> None:
    os.kill(1, signal.SIGTERM)


@attack(PYTHONS)
def list_processes() -> None:
    list(Path("/proc").iterdir())


def outcome(name: str, function: Callable[[], object]) -> str:
    """`refused`, the error, or `done`, from a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        LIBC.prctl(SET_NAME, name[:15].encode(), 0, 0, 0)
        try:
            function()
            said = b"done"
        except OSError as error:
            refused = error.errno in {errno.EACCES, errno.EPERM}
            said = b"refused" if refused else repr(error).encode()
        os.write(writer, said)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said.decode() or "done"  # a program that was started says nothing


def main() -> None:
    attacks = BOTH if FACTS["profile"] == "s6" else BOTH | PYTHONS
    print(json.dumps([(name, outcome(name, function)) for name, function in attacks.items()]))


if __name__ == "__main__":
    main()
