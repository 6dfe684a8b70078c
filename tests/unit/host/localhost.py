"""A transport that runs commands on this machine, under a shell and with tools of the test's choice."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.mounted_folder import MountFiles
from bb8deploy.host.files.ssh_folder import SshFiles
from bb8deploy.host.lock.lock_lifetime import Holding, LockFolder
from bb8deploy.host.lock.lock_owner import Owner
from bb8deploy.host.lock.mount_lock import MountHolding, MountLockFolder
from bb8deploy.host.lock.ssh_lock import SshHolding, SshLockFolder
from bb8deploy.host.shell.run_programs import Shell
from bb8deploy.transport.transport_interface import Completed, Stats
from bb8deploy.workspace.tree_digest import STAMP, FoundTree, bytes_entry

SHELLS = ("dash", "bash", "busybox")


class ProcessStream:
    """`Stream` over a child process."""

    def __init__(
        self, argv: Sequence[str], environ: dict[str, str], stats: Stats, user: int | None = None
    ) -> None:
        self._argv = tuple(argv)
        self._stats = stats
        self._err = tempfile.TemporaryFile()  # noqa: SIM115
        self._began = time.monotonic()
        self._child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._err,
            env=environ,
            user=user,
        )
        assert self._child.stdin
        assert self._child.stdout
        self._in, self._out = self._child.stdin, self._child.stdout

    def write(self, data: bytes, *, deadline: float) -> None:
        self._in.write(data)
        self._in.flush()

    def close_input(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._in.close()

    def read(self, *, deadline: float) -> bytes:
        if not select.select([self._out], [], [], deadline)[0]:
            pytest.fail(f"{self._argv[0]} did not answer within {deadline:.0f} s")
        return os.read(self._out.fileno(), 65536)

    def finish(self, *, deadline: float) -> Completed:
        self.close_input()
        out = self._out.read()
        status = self._child.wait(deadline)
        self._err.seek(0)
        done = Completed(self._argv, status, None, out, self._err.read(), time.monotonic() - self._began)
        self._end()
        return done

    def abort(self) -> None:
        if self._err.closed:
            return
        self.close_input()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(60)
        self._child.kill()
        self._child.wait()
        self._end()

    def _end(self) -> None:
        self._out.close()
        self._err.close()


class LocalTransport:
    """`Transport` to this machine; `sh` is the shell that was asked for."""

    where = "root@here"

    def __init__(self, shell: Sequence[str], environ: dict[str, str]) -> None:
        self.stats = Stats()
        self._shell = tuple(shell)
        self._environ = environ
        self.user: int | None = None
        self._streams: list[ProcessStream] = []

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float) -> Completed:
        stream = self.open(argv)
        with contextlib.suppress(BrokenPipeError):
            stream.write(stdin, deadline=deadline)
        return stream.finish(deadline=deadline)

    def open(self, argv: Sequence[str], *, patience: float = 30.0) -> ProcessStream:
        words = [*self._shell, *argv[1:]] if argv[0] == "sh" else list(argv)
        stream = ProcessStream(words, self._environ, self.stats, self.user)
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        """Ends every command, as the end of a connection does."""
        for stream in self._streams:
            stream.abort()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextlib.contextmanager
def local_transport(shell: str) -> Iterator[LocalTransport]:
    """A transport for `dash`, `bash`, or `busybox`, under which nothing but busybox can be found."""
    found = shutil.which(shell)
    if not found:
        pytest.skip(f"SKIPPED: {shell} is not installed")
    if shell != "busybox":
        with LocalTransport([found], {"PATH": os.environ["PATH"]}) as made:
            yield made
        return
    with tempfile.TemporaryDirectory(prefix="busybox-") as tools:
        subprocess.run([found, "--install", "-s", tools], check=True)
        Path(tools).chmod(0o755)
        with LocalTransport([str(Path(tools, "sh"))], {"PATH": tools}) as made:
            yield made


@dataclass
class Place:
    """An app folder on a host, and the files and lock of one way to it."""

    runtime: Path
    files: SshFiles | MountFiles
    shell: Shell | None

    @property
    def state(self) -> Path:
        return self.runtime.parent / ".bb8deploy" / self.runtime.name

    @property
    def lock_folder(self) -> Path:
        return self.state.with_name(f"{self.runtime.name}.lock")

    def hold(self, run: str, dead: str = "") -> Holding:
        """Takes the lock, which also recovers."""
        owner = Owner.of_run(run, "deploy")
        if isinstance(self.files, MountFiles):
            return MountHolding(self.files, owner, lease=600)
        assert self.shell
        receipt = str(self.runtime.parent.parent / "receipt")
        return SshHolding(self.shell, owner, lease=600, receipt=receipt, dead=dead)

    @contextlib.contextmanager
    def locked(self, run: str) -> Iterator[None]:
        holding = self.hold(run)
        try:
            yield
        finally:
            holding.release()

    def send_one(self, run: str, text: str) -> FoundTree:
        """Delivers one file that holds `text`, and leaves the others; under the lock of `run`."""
        entry = bytes_entry("main.py", text.encode())
        transfer = Transfer(self.runtime.parent, ("main.py",), (entry,), {"main.py": text.encode()})
        with self.locked(run), self.files.session(run) as session:
            return session.apply(transfer)

    def send(self, run: str, text: str) -> FoundTree:
        """Delivers a tree whose files hold `text`, under the lock of `run`."""
        stamp = json.dumps({"version": text, "tree": f"sha256:{text}", "commit": "none", "run": run}).encode()
        files = {
            "config.yaml": f"slug: beep\nversion: {text}\n".encode(),
            "main.py": text.encode(),
            STAMP: stamp,
        }
        entries = tuple(bytes_entry(name, data) for name, data in files.items())
        with self.locked(run), self.files.session(run) as session:
            removals = tuple(session.tree.manifest.by_path)
            return session.apply(Transfer(self.runtime.parent, removals, entries, files))

    @property
    def text(self) -> str:
        """What is there now."""
        return (self.runtime / "main.py").read_text()


def folder_of(place: Place) -> LockFolder:
    if isinstance(place.files, MountFiles):
        return MountLockFolder(place.files)
    assert place.shell
    return SshLockFolder(place.shell, str(place.runtime.parent.parent / "receipt"))
