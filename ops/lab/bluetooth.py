"""The real BlueZ and AppArmor without hardware: runs a story in a User-Mode Linux guest with a virtual radio.

One kernel serves both labs: BB8_UML_KERNEL names it, or it is built from Debian's linux-source-6.12 and kept
in the lab's cache.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ops.lab.bases import alone, cache_dir
from ops.lab.errors import LabUnavailable

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(__file__).with_name("uml_kernel.sh")
BUILD_DEADLINE_S = 3000.0
SOURCE = Path("/usr/src/linux-source-6.12.tar.xz")
INIT = Path(__file__).with_name("uml_init.sh")
DAEMONS = (Path("/usr/libexec/bluetooth/bluetoothd"), Path("/usr/lib/bluetooth/bluetoothd"))


def kernel() -> Path:
    """The guest's kernel, built now if it is nowhere; LabUnavailable describes what this machine lacks."""
    if platform.machine() != "x86_64":
        raise LabUnavailable(f"the guest is x86_64, this machine is {platform.machine()}")
    if os.geteuid() != 0:
        raise LabUnavailable("the guest's root is this machine's, which needs root")
    if not any(daemon.exists() for daemon in DAEMONS):
        raise LabUnavailable("bluez is not installed")
    if shutil.which("dbus-daemon") is None:
        raise LabUnavailable("dbus-daemon is not installed")
    named = os.environ.get("BB8_UML_KERNEL")
    if named and not Path(named).is_file():
        raise LabUnavailable(f"BB8_UML_KERNEL names {named}, which is not a file")
    return Path(named) if named else _built()


def _built() -> Path:
    """The kernel from Debian's sources, from the cache or built now (8 minutes of CPU)."""
    recipe = hashlib.sha256(BUILD.read_bytes() + SOURCE.name.encode()).hexdigest()[:12]
    kernel = cache_dir() / f"linux-lab-{recipe}"
    with alone(kernel):
        if not kernel.is_file():
            _build(kernel)
    return kernel


def _build(kernel: Path) -> None:
    if not SOURCE.is_file():
        raise LabUnavailable("linux-source-6.12 is not installed, from which the UML kernel is built")
    for tool in ("gcc", "make", "flex", "bison", "bc", "xz"):
        if shutil.which(tool) is None:
            raise LabUnavailable(f"{tool} is not installed, which builds the UML kernel")
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="linux-") as scratch:
        command = [str(BUILD), str(SOURCE), scratch, str(kernel)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=BUILD_DEADLINE_S)
        except subprocess.CalledProcessError as error:
            tail = " / ".join(error.stderr.strip().splitlines()[-3:])
            raise LabUnavailable(f"the UML kernel cannot be built: {tail}") from error
        except subprocess.TimeoutExpired as error:
            raise LabUnavailable(f"the UML kernel was not built within {BUILD_DEADLINE_S:.0f} s") from error


def run_story(story: Path, arguments: tuple[str, ...], out: Path, timeout_s: float) -> dict[str, Any]:
    """Boot the guest, run the story, return the JSON it left; RuntimeError carries the guest's log."""
    boot = [str(kernel()), "mem=512M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={INIT}"]
    quiet = ["con=null", "con0=null,fd:1", "quiet", "panic=-1"]
    # Room for the audit records of AppArmor, which the kernel prints to its log.
    audit = ["audit=1", "audit_backlog_limit=8192", "log_buf_len=4M"]
    words = {
        "OUT": str(out),
        "PYTHON": sys.executable,
        "STORY": str(story),
        "ARGS": ",".join(arguments),
        "SEARCH": f"{ROOT}:{ROOT / 'addon'}",
    }
    command = [*boot, *quiet, *audit, *(f"{name}={value}" for name, value in words.items())]
    environment = {**os.environ, "TMPDIR": str(out)}
    result = out / "result.json"
    result.unlink(missing_ok=True)
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout_s, env=environment,
    )  # fmt: skip
    if not result.exists():
        log = out / "guest.log"
        words_of_guest = log.read_text(errors="replace")[-4000:] if log.exists() else done.stdout[-2000:]
        raise RuntimeError(f"the story left no result:\n{words_of_guest}")
    return dict(json.loads(result.read_text()))
