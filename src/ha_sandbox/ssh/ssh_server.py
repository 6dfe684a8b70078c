"""An SSH server on loopback that runs real shell commands in the sandbox's folder."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
    cMSG_CHANNEL_REQUEST,
)
from paramiko.message import Message

from bb8deploy.base.os_differences import ended
from ha_sandbox.situations import Faults, Situation

_CHUNK = 64 * 1024
_ENDS = 10.0  # seconds for a thread whose connection or command has ended
_POLL = 0.1  # seconds between two checks that the client is still connected


@dataclass(frozen=True, slots=True)
class Login:
    """The user who may log in, the folder where commands start, and their environment at that moment.

    `local_root` is the folder that a full disk affects.
    """

    user: str
    key: paramiko.PKey
    folder: Path
    local_root: Path
    environment: Callable[[], Mapping[str, str]]


class SshServer:
    """Listens from `start` to `stop`; `stop` kills the commands that are still running.

    Like OpenSSH it closes the pipes of a command whose client has left, and lets it end by itself.
    """

    def __init__(self, host_key: paramiko.PKey, login: Login, faults: Faults) -> None:
        self._host_key = host_key
        self._login = login
        self._faults = faults
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self._connections: set[_Connection] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="sandbox ssh")

    @property
    def port(self) -> int:
        """The port that the system chose."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Starts to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection and command."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(_ENDS)
        self._listener.close()
        with self._guard:
            connections = list(self._connections)
        for connection in connections:
            connection.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = _Connection(
                client, self._host_key, self._login, self._faults, self._stopping, self._forget
            )
            with self._guard:
                self._connections.add(connection)
            connection.start()

    def _forget(self, connection: _Connection) -> None:
        with self._guard:
            self._connections.discard(connection)


class _Connection:
    """One client: its transport, its channels and their commands."""

    def __init__(
        self,
        client: socket.socket,
        host_key: paramiko.PKey,
        login: Login,
        faults: Faults,
        stopping: threading.Event,
        on_end: Callable[[_Connection], None],
    ) -> None:
        self._transport = paramiko.Transport(client)
        self._transport.add_server_key(host_key)
        self._login = login
        self._faults = faults
        self._stopping = stopping
        self._on_end = on_end
        self._channels: list[paramiko.Channel] = []  # a channel without a reference is closed
        self._commands: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._live, name="sandbox ssh connection")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._transport.close()
        self._thread.join(_ENDS)

    def run(self, channel: paramiko.Channel, text: str) -> None:
        """Starts a command for `channel`."""
        command = _Command(channel, self._argv(text), self._login, self._stopping)
        thread = threading.Thread(target=command.live, name="sandbox ssh command")
        self._commands.append(thread)
        thread.start()

    def _argv(self, text: str) -> list[str]:
        shell = ["/bin/sh", "-c", text]
        if Situation.DISK_FULL not in self._faults:
            return shell
        bwrap = shutil.which("bwrap") or "bwrap"
        limits = ["--size", str(self._faults.free_bytes), "--tmpfs", str(self._login.local_root)]
        return [bwrap, "--bind", "/", "/", "--dev-bind", "/dev", "/dev", *limits, *shell]

    def _live(self) -> None:
        try:
            self._transport.start_server(server=_Rules(self, self._login))
            while self._transport.is_active():
                channel = self._transport.accept(1.0)
                if channel is not None:
                    self._channels.append(channel)
        except (paramiko.SSHException, EOFError, OSError):
            pass  # the transport has already answered a client that cannot log in
        finally:
            self._transport.close()
            for thread in self._commands:
                thread.join()  # `stop` ends it at the latest
            self._transport.join(_ENDS)
            self._on_end(self)


class _Rules(paramiko.ServerInterface):
    """What a client may do: one user, one key, commands."""

    def __init__(self, connection: _Connection, login: Login) -> None:
        self._connection = connection
        self._login = login

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        right = username == self._login.user and key.asbytes() == self._login.key.asbytes()
        return AUTH_SUCCESSFUL if right else AUTH_FAILED

    def check_channel_request(self, kind: str, _chanid: int) -> int:
        known = kind == "session"
        return OPEN_SUCCEEDED if known else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._connection.run(channel, command.decode(errors="surrogateescape"))
        return True

    def check_channel_pty_request(self, _channel: paramiko.Channel, *_size: object) -> bool:
        return False


class _Command:
    """A child process between the pipes of a channel."""

    def __init__(
        self, channel: paramiko.Channel, argv: list[str], login: Login, stopping: threading.Event
    ) -> None:
        self._channel = channel
        self._argv = argv
        self._login = login
        self._stopping = stopping

    def live(self) -> None:
        """Runs it to its end, or kills its process group when the server stops."""
        process = subprocess.Popen(
            self._argv,
            cwd=self._login.folder,
            env=dict(self._login.environment()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        feeder = threading.Thread(target=self._feed, args=(process,), name="sandbox ssh stdin")
        readers = [
            threading.Thread(target=self._drain, args=(process.stdout, self._channel.sendall)),
            threading.Thread(target=self._drain, args=(process.stderr, self._channel.sendall_stderr)),
        ]
        for thread in (feeder, *readers):
            thread.start()
        self._await(process, readers)
        self._report(process.returncode)
        with contextlib.suppress(OSError, EOFError):  # the client may have left
            self._channel.close()
        feeder.join(_ENDS)

    def _await(self, process: subprocess.Popen[bytes], readers: list[threading.Thread]) -> None:
        while any(reader.is_alive() for reader in readers) or not ended(process, 0):
            if self._stopping.is_set():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                break
            for reader in readers:
                reader.join(_POLL / 2)
            ended(process, _POLL / 2)
        for reader in readers:
            reader.join(_ENDS)
        process.wait()

    def _gone(self) -> bool:
        transport = self._channel.get_transport()
        return self._channel.closed or not transport.is_active()

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101 - opened as a pipe
        pipe = process.stdin
        with contextlib.suppress(OSError, EOFError), pipe:
            while data := self._channel.recv(_CHUNK):
                pipe.write(data)
                pipe.flush()

    def _drain(self, pipe: IO[bytes], send: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError, EOFError), pipe:
            readable = select.poll()
            readable.register(pipe, select.POLLIN)
            while not self._gone():
                if not readable.poll(_POLL * 1000):
                    continue
                if not (data := os.read(pipe.fileno(), _CHUNK)):
                    return
                send(data)

    def _report(self, code: int) -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            if code >= 0:
                self._channel.send_exit_status(code)
                return
            message = Message()
            message.add_byte(cMSG_CHANNEL_REQUEST)
            message.add_int(self._channel.remote_chanid)
            message.add_string("exit-signal")
            message.add_boolean(False)
            message.add_string(signal.Signals(-code).name.removeprefix("SIG"))
            message.add_boolean(False)
            message.add_string("")
            message.add_string("")
            transport: Any = self._channel.get_transport()
            transport._send_user_message(message)  # noqa: SLF001  paramiko has no public way
