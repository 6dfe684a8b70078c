"""The real BlueZ without hardware: runs a story in a User-Mode Linux guest with a virtual radio.

The kernel is `linux-bt`, a UML kernel with Bluetooth and vhci built in; BB8_UML_KERNEL names it, or it lies
in `../shared/lab/ble/linux-bt` beside the checkout.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ops.lab.errors import LabUnavailable

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared" / "lab" / "ble" / "linux-bt"
INIT = Path(__file__).with_name("uml_init.sh")
DAEMONS = (Path("/usr/libexec/bluetooth/bluetoothd"), Path("/usr/lib/bluetooth/bluetoothd"))


def kernel() -> Path:
    """The guest's kernel; LabUnavailable says what this machine lacks."""
    found = Path(os.environ.get("BB8_UML_KERNEL") or BESIDE)
    if not found.is_file():
        raise LabUnavailable("the UML kernel is not here (set BB8_UML_KERNEL to one with Bluetooth and vhci)")
    if platform.machine() != "x86_64":
        raise LabUnavailable(f"the UML kernel is x86_64, this machine is {platform.machine()}")
    if os.geteuid() != 0:
        raise LabUnavailable("the guest's root is this machine's, which needs root")
    if not any(daemon.exists() for daemon in DAEMONS):
        raise LabUnavailable("bluez is not installed")
    if shutil.which("dbus-daemon") is None:
        raise LabUnavailable("dbus-daemon is not installed")
    return found


def run_story(story: Path, arguments: tuple[str, ...], out: Path, timeout_s: float) -> dict[str, Any]:
    """Boot the guest, run the story, return the JSON it left; RuntimeError carries the guest's log."""
    boot = [str(kernel()), "mem=512M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={INIT}"]
    quiet = ["con=null", "con0=null,fd:1", "quiet", "panic=-1"]
    words = {
        "OUT": str(out),
        "PYTHON": sys.executable,
        "STORY": str(story),
        "ARGS": ",".join(arguments),
        "SEARCH": f"{ROOT}:{ROOT / 'addon'}",
    }
    command = [*boot, *quiet, *(f"{name}={value}" for name, value in words.items())]
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
