"""A container of the dev loop without a container: an app's places in a folder, its launcher as a process."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bb8deploy.overlay.app_texts import AppSource
from bb8deploy.overlay.delivery import deliver
from bb8deploy.overlay.delivery_draft import Live, Purpose
from bb8deploy.overlay.live.dev_overlay import FOLDER
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.tree_digest import Manifest, bytes_entry

SHELLS = ("dash", "bash", "busybox")
DEADLINE = 60.0
CONFIG = b"name: A\nversion: '1'\nslug: a\narch: [amd64, aarch64]\n"
_TOOLS = [
    "cat",
    "chmod",
    "cp",
    "cut",
    "dirname",
    "grep",
    "id",
    "kill",
    "mkdir",
    "mkfifo",
    "mktemp",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "sha256sum",
    "sleep",
    "stat",
    "tr",
    "xargs",
]


@dataclass
class DevLab:
    """`root` stands for the container's own files, `mount` for the local apps; `log` is what it printed."""

    root: Path
    mount: Path
    shell: str
    path: str
    files: dict[str, bytes]
    built: Manifest = field(default_factory=lambda: Manifest(()))
    seen: Manifest = field(default_factory=lambda: Manifest(()))
    log: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    lines: queue.Queue[str] = field(default_factory=queue.Queue)

    @property
    def tree(self) -> Manifest:
        return Manifest.of(bytes_entry(path, data) for path, data in self.files.items())

    def deliver(self, run: str, changes: Mapping[str, bytes | None] | None = None) -> None:
        """Swaps a delivery in as lane 2 does: a rename of the app folder."""
        for path, data in (changes or {}).items():
            if data is None:
                del self.files[path]
            else:
                self.files[path] = data
        texts = {path: data for path, data in self.files.items() if path in ("config.yaml", "Dockerfile")}
        self.seen = Manifest.of({**self.seen.by_path, **self.tree.by_path}.values())
        app = AppSource("1", "a", self.tree, texts, ("amd64",), names_stamp="stamp" in self.environment)
        stamp = Stamp("1", self.tree.digest, "abc", run)
        made = deliver(app, stamp, Purpose(live=Live("a", "base", self.built, self.built, self.seen)))
        fresh, old = self.mount / ".next", self.mount / ".old"
        for path, data in {**self.files, **made.contents}.items():
            place = fresh / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        if (self.mount / "a").exists():
            (self.mount / "a").rename(old)
        fresh.rename(self.mount / "a")
        shutil.rmtree(old, ignore_errors=True)

    def build(self) -> None:
        """What a build does: every file at its place."""
        self.built = self.seen = self.tree
        for path, data in self.files.items():
            if path.startswith("src/"):
                place = self.root / path.removeprefix("src/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)

    def start(self, mode: str, *words: str, base: str = "base", stderr: int = subprocess.STDOUT) -> None:
        """Starts the container's process 1; its errors go to its log, or to a file descriptor."""
        launch = self.mount / "a" / FOLDER / "launch.sh"
        self.process = subprocess.Popen(
            [*self.shell.split(), str(launch), mode, base, *words],
            env={"PATH": self.path, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, text: str) -> str:
        """The next line that has the text."""
        end = time.monotonic() + DEADLINE
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line with `{text}` among {self.log}") from None
            if text in line:
                return line

    def stop(self) -> None:
        """Ends everything that was started."""
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.process.wait()

    def _read(self) -> None:
        assert self.process
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.log.append(line.rstrip())
                self.lines.put(line.rstrip())


@contextmanager
def dev_lab(folder: Path, shell: str) -> Iterator[DevLab]:
    """A lab under `dash`, `bash` or `busybox`, with the tools that such a container has."""
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"SKIPPED: {shell} is not installed")
    root, mount = folder / "image" / "app", folder / "addons"
    mount.mkdir(parents=True)
    dockerfile = f'FROM debian\nCOPY src {root}\nCMD ["{root}/run"]\n'.encode()
    files = {"config.yaml": CONFIG, "Dockerfile": dockerfile}
    with tempfile.TemporaryDirectory(prefix="tools-") as tools:
        if shell == "busybox":
            subprocess.run([found, "--install", "-s", tools], check=True)
        else:
            for name in _TOOLS:
                Path(tools, name).symlink_to(shutil.which(name) or name)
            Path(tools, "sh").symlink_to(found)
            if shell == "bash":
                Path(tools, "bash").symlink_to(found)
        lab = DevLab(root, mount, f"{tools}/sh", tools, files)
        try:
            yield lab
        finally:
            lab.stop()
