"""AppArmor in the labs' guest: loads the app's profile as the Supervisor does, and reads the audit log."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

RECORD_BYTES = 8192
SUPERVISORS_PATTERN = re.compile(r"^profile ([^ ]+).*$", re.MULTILINE)
"""The line in which the Supervisor replaces the name (supervisor/utils/apparmor.py)."""


def renamed(profile: str, name: str) -> str:
    """The profile under another name, as the Supervisor loads it."""
    found = SUPERVISORS_PATTERN.search(profile)
    if found is None:
        raise ValueError("the profile has no name")
    return SUPERVISORS_PATTERN.sub(lambda line: line[0].replace(found[1], name), profile)


def logging_every_denial(profile: str) -> str:
    """The profile with `deny` rules that are logged, so that no denial is silent."""
    return re.sub(r"^( *)deny ", r"\1audit deny ", profile, flags=re.MULTILINE)


def load(profile: str) -> None:
    """Load or replace a profile; RuntimeError with the parser's message."""
    with tempfile.NamedTemporaryFile("w", suffix=".apparmor") as file:
        file.write(profile)
        file.flush()
        command = ["apparmor_parser", "--replace", "--skip-cache", "-I", "/etc/apparmor.d", file.name]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"the profile cannot be loaded: {done.stderr}")


@dataclass(frozen=True, slots=True)
class Denial:
    """One refused action: who did it under which profile, and the whole line."""

    profile: str
    comm: str
    text: str


class AuditLog:
    """The kernel's log from now on; without an audit daemon the kernel prints audit records there."""

    def __init__(self) -> None:
        # Otherwise the kernel drops records when many come at once.
        Path("/proc/sys/kernel/printk_ratelimit").write_text("0")
        self._file = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._file, 0, os.SEEK_END)

    def denials(self) -> list[Denial]:
        """The denials since the last call; OSError (EPIPE) if records were overwritten unread."""
        found = []
        while True:
            try:
                record = os.read(self._file, RECORD_BYTES).decode(errors="replace")
            except BlockingIOError:
                return found
            if 'apparmor="DENIED"' in record:
                text = record.partition(";")[2].splitlines()[0]
                found.append(Denial(_field(text, "profile"), _field(text, "comm"), text))


def _field(text: str, name: str) -> str:
    """A value of an audit record; the kernel writes it in hexadecimal if it has spaces or quotes."""
    found = re.search(rf' {name}=(?:"([^"]*)"|([0-9A-F]+))', text)
    if found is None:
        return ""
    return found[1] if found[1] is not None else bytes.fromhex(found[2]).decode(errors="replace")
