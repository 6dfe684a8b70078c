"""Measures `diagnose`: against the embedded host, and against a host that swallows every connection.

Run from the repository's root: `python ops/bench/bench_diagnose.py`. It writes reports/bench/diagnose.json
and exits 1 if a figure misses its limit. `*_s` is the diagnosis itself, the least of several on the embedded
host (on a shared machine only the least says something about the program); `*_command_s` is the whole
command, its start and the writing of its contract included.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "src"))

from bb8deploy.base.atomic_files import write_text  # noqa: E402
from ha_sandbox import LocalApp, Sandbox  # noqa: E402

RUNS = 7
CONNECT_DEADLINE = 3.0
SLACK = 0.25
"""Seconds of the machine's own between the end of the deadline and the last line of the diagnosis."""
LIMITS = {"sandbox_s": 2.0, "black_hole_s": CONNECT_DEADLINE + SLACK}
CONFIG = (
    'name: Beep\nversion: "1.0.0"\nslug: beep_boop_bb8\ndescription: x\narch: [amd64, aarch64]\n'
    "init: false\noptions: {}\nschema: {}\n"
)
DOCKERFILE = """ARG BUILD_FROM=debian:stable
FROM ${BUILD_FROM}
COPY run.sh /usr/src/app/
CMD ["sh", "/usr/src/app/run.sh"]
"""
RUN_SH = "#!/bin/sh\necho hello\ntrap 'exit 0' TERM\nwhile :; do sleep 0.2; done\n"


def make_workspace(folder: Path) -> None:
    """A small app in a repository."""
    files = {"config.yaml": CONFIG, "Dockerfile": DOCKERFILE, "run.sh": RUN_SH}
    for name, text in files.items():
        (folder / "addon" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "addon" / name).write_text(text)
    git = ["git", "-C", str(folder), "-c", "user.name=b", "-c", "user.email=b@example.org"]
    (folder / ".gitignore").write_text("reports/\n.env*\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *words], check=True)


def diagnose(folder: Path, settings: dict[str, str]) -> tuple[dict[str, Any], float]:
    """Runs the command with these settings; its document, and the seconds of the whole process."""
    file = folder / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    file.chmod(0o600)
    own = {k: v for k, v in os.environ.items() if not k.startswith(("HA_", "MQTT_", "BB8_", "SUPERVISOR_"))}
    words = [sys.executable, "-m", "bb8deploy", "diagnose", "--json"]
    began = time.monotonic()
    done = subprocess.run(
        words,
        cwd=folder,
        env={**own, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    return json.loads(done.stdout), seconds


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue is full: the kernel drops every further connection without a word, as a dead host
    behind a router does."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            yield port
        finally:
            for each in waiting:
                each.close()


def of_sandbox(folder: Path, settings: dict[str, str]) -> dict[str, float]:
    """The least of several diagnoses of a host with the app running on it."""
    runs = [diagnose(folder, settings) for _ in range(RUNS)]
    checks = runs[0][0]["result"]["checks"]
    return {
        "sandbox_s": min(document["result"]["seconds"] for document, _ in runs),
        "sandbox_command_s": min(seconds for _, seconds in runs),
        "sandbox_checks": float(len(checks)),
    }


def of_black_hole(folder: Path, settings: dict[str, str]) -> dict[str, float]:
    """One diagnosis of a host of which ssh, Core and broker give no answer."""
    with black_hole() as port:
        lost = {
            "HA_SSH_HOST_ALIAS": f"root@127.0.0.1:{port}",
            "HA_URL": f"http://127.0.0.1:{port}",
            "MQTT_PORT": str(port),
            "HA_SSH_CONNECT_TIMEOUT": f"{CONNECT_DEADLINE:g}",
        }
        document, seconds = diagnose(folder, {**settings, **lost})
    told = {check["subject"] for check in document["result"]["checks"]}
    assert {"settings", "workspace", "ssh", "core", "supervisor", "broker", "robot", "clock"} <= told, told
    assert document["exit_code"] == 3, document["exit_code"]
    return {"black_hole_s": document["result"]["seconds"], "black_hole_command_s": seconds}


def main() -> int:
    """Measures, writes, judges."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "workspace"
        make_workspace(folder)
        with Sandbox(Path(scratch) / "box", app=LocalApp.named("beep_boop_bb8")) as box:
            box.install(folder / "addon", {})
            figures = of_sandbox(folder, box.env())
            figures |= of_black_hole(folder, box.env())
    missed = [name for name, limit in LIMITS.items() if figures[name] > limit]
    result = {"figures": {k: round(v, 3) for k, v in figures.items()}, "limits": LIMITS, "missed": missed}
    text = json.dumps(result, indent=2)
    write_text(ROOT / "reports" / "bench" / "diagnose.json", text + "\n")
    print(text)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
