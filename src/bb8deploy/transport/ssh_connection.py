"""A connection over ssh: own socket without Nagle's delay, own host key check, commands as argv lists."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bb8deploy.base.errors import Unreachable, UsageError
from bb8deploy.catalogue.errors.ssh import (
    SSH_HANDSHAKE,
    SSH_JUMP_FAILED,
    SSH_NAME_UNKNOWN,
    SSH_NO_CONNECTION,
)
from bb8deploy.transport import known_hosts
from bb8deploy.transport.send_order import SendOrder
from bb8deploy.transport.spare_channels import OPEN_DEADLINE, PATIENCE, ChannelsAhead
from bb8deploy.transport.ssh_algorithms import ALLOW, Offer, no_common, restrict, transport_class
from bb8deploy.transport.ssh_command import SshStream, lost, refused
from bb8deploy.transport.ssh_config import Hop
from bb8deploy.transport.ssh_login import Prompt, authenticate
from bb8deploy.transport.transport_interface import Completed, Stats

if TYPE_CHECKING:
    import paramiko

KEEPALIVE = 15.0
AUTH_DEADLINE = 30.0
UNACKED_MS = 30_000
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}


class SshTransport:
    """One authenticated connection to one host, perhaps through jump hosts."""

    def __init__(
        self, hop: Hop, chain: list[paramiko.Transport], signals: dict[int, str], order: SendOrder
    ) -> None:
        self._hop = hop
        self._chain = chain
        self._signals = signals
        self._order = order
        self._stats = Stats(connections=len(chain))
        self._channels = ChannelsAhead(chain[-1])

    @property
    def where(self) -> str:
        """`user@host`."""
        return self._hop.where

    @property
    def hop(self) -> Hop:
        """How the host was reached."""
        return self._hop

    @property
    def stats(self) -> Stats:
        """What the connection has cost so far."""
        return self._stats

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float) -> Completed:
        """Runs a command to its end within `deadline` seconds; a command that reads no input is fine."""
        stream = self.open(argv)
        try:
            with contextlib.suppress(BrokenPipeError):
                stream.write(stdin, deadline=deadline)
            return stream.finish(deadline=deadline)
        except BaseException:
            stream.abort()
            raise

    def open(self, argv: Sequence[str], *, patience: float = PATIENCE) -> SshStream:
        """Starts a command. Raises Unreachable if the connection is lost, Refused without a session.

        A server with few sessions is given `patience` seconds to end another one.
        """
        import paramiko

        try:
            channel, waited = self._channels.take(patience)
            # The server's reply to the request is not waited for: it comes with the command's own answer.
            channel._wait_for_event = lambda: None  # type: ignore[attr-defined]  # noqa: SLF001
            with self._order.sending(channel):
                channel.exec_command(os.fsencode(shlex.join(argv)))
        except (paramiko.SSHException, OSError, EOFError) as error:
            if not self._chain[-1].is_active():
                raise lost(self.where) from error
            raise refused(self.where, str(error)) from error
        self._channels.ask()
        self._stats.channels += 1
        self._stats.waits += waited
        return SshStream(
            channel, argv, where=self.where, stats=self._stats, signals=self._signals, order=self._order
        )

    def close(self) -> None:
        """Ends the connection and those to the jump hosts, last first."""
        self._channels.close()
        _end(self._chain)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(hop: Hop, *, prompt: Prompt | None = None, tell: Callable[[str], None]) -> SshTransport:
    """Connects through every hop and logs in.

    `tell` gets a message for each key that `accept_new` adds. Raises Unreachable or Refused, naming the hop.
    """
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    chain: list[paramiko.Transport] = []
    signals: dict[int, str] = {}
    order = SendOrder()
    try:
        for each in (*hop.via, hop):
            sock = _tunnel(chain[-1], each) if chain else _tcp(each)
            chain.append(_open(each, sock, prompt, tell, partial(transport_class, signals, order)))
    except BaseException:
        _end(chain)
        raise
    return SshTransport(hop, chain, signals, order)


def _end(chain: list[paramiko.Transport]) -> None:
    for transport in reversed(chain):
        with contextlib.suppress(OSError, EOFError, AttributeError):
            transport.close()
        with contextlib.suppress(OSError, EOFError):
            transport.sock.close()


def _tcp(hop: Hop) -> socket.socket:
    """A TCP connection to the first address that answers; they share the time, so that several that do not
    answer cost no more than one.
    """
    try:
        addresses = socket.getaddrinfo(hop.host, hop.port, hop.family, socket.SOCK_STREAM)
    except OSError as error:
        raise SSH_NAME_UNKNOWN(
            f"the name {hop.host} could not be resolved: {error.strerror or error}"
        ) from error
    problem: OSError | None = None
    end = time.monotonic() + hop.connect_timeout
    for left, (family, kind, protocol, _, address) in zip(
        range(len(addresses), 0, -1), addresses, strict=True
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, (end - time.monotonic()) / left))
            sock.connect(address)
        except OSError as error:
            sock.close()
            problem = error
            continue
        _tune(sock)
        return sock
    raise _no_connection(hop, problem)


def _tune(sock: socket.socket) -> None:
    """No Nagle (it costs 40 ms a command), and notice a network that swallows packets."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKED_MS)
    sock.settimeout(None)


def _no_connection(hop: Hop, problem: OSError | None) -> Unreachable:
    reason = "it did not answer in time" if isinstance(problem, TimeoutError) else str(problem)
    return SSH_NO_CONNECTION(f"{hop.host} port {hop.port} could not be reached: {reason}")


def _tunnel(through: paramiko.Transport, hop: Hop) -> paramiko.Channel:
    """A channel from the jump host to the next one, used as its socket."""
    import paramiko

    try:
        return through.open_channel(
            "direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=hop.connect_timeout
        )
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise SSH_JUMP_FAILED(
            f"the jump host does not let us through to {hop.host} port {hop.port}: {error}"
        ) from error


def _open(
    hop: Hop,
    sock: paramiko.Channel | socket.socket,
    prompt: Prompt | None,
    tell: Callable[[str], None],
    kind: Callable[[Offer], type[paramiko.Transport]],
) -> paramiko.Transport:
    import paramiko

    lines = known_hosts.read(hop.known_hosts)
    transport = _handshake(hop, sock, known_hosts.known_kinds(lines, hop.key_name, hop.port), kind)
    try:
        _check_key(transport, hop, lines, tell)
        authenticate(transport, hop, prompt)
        transport.set_keepalive(int(hop.alive_interval or KEEPALIVE))
    except (paramiko.SSHException, OSError, EOFError) as error:
        transport.close()
        raise lost(hop.where) from error
    except BaseException:
        transport.close()
        raise
    return transport


def _handshake(
    hop: Hop,
    sock: paramiko.Channel | socket.socket,
    kinds: list[str],
    kind: Callable[[Offer], type[paramiko.Transport]],
) -> paramiko.Transport:
    """Agrees on keys with the server; the types under which it is known are asked for first."""
    import paramiko

    offer: Offer = {}
    try:
        transport = kind(offer)(sock)
        transport.banner_timeout = transport.handshake_timeout = hop.connect_timeout
        transport.auth_timeout, transport.channel_timeout = AUTH_DEADLINE, OPEN_DEADLINE
        options = transport.get_security_options()
        restrict(options, hop)
        wanted = [name for kind in kinds for name in _ALGORITHMS.get(kind, (kind,))]
        first = [name for name in wanted if name in options.key_types]
        options.key_types = [*first, *(name for name in options.key_types if name not in first)]
        options.ciphers = sorted(options.ciphers, key=lambda name: "gcm" not in name)  # the fastest here
        transport.start_client(timeout=hop.connect_timeout + AUTH_DEADLINE)
        transport.get_remote_server_key()
    except UsageError:
        sock.close()
        raise
    except (paramiko.SSHException, OSError, EOFError) as error:
        sock.close()
        if clash := no_common(offer, transport.get_security_options()):
            raise SSH_HANDSHAKE(f"{hop.host} port {hop.port} and bb8deploy have {clash}", ALLOW) from error
        why = str(error) or "the connection ended"
        raise SSH_HANDSHAKE(
            f"{hop.host} port {hop.port} answers, but the ssh handshake failed: {why}"
        ) from error
    return transport


def _check_key(
    transport: paramiko.Transport, hop: Hop, lines: list[known_hosts.KnownHost], tell: Callable[[str], None]
) -> None:
    key = transport.get_remote_server_key()
    kind, blob = key.get_name(), key.asbytes()
    answer = known_hosts.check(lines, hop.key_name, hop.port, kind, blob)
    if answer.verdict is known_hosts.Verdict.KNOWN:
        return
    name = known_hosts.lookup_name(hop.key_name, hop.port)
    if answer.verdict is known_hosts.Verdict.NEW and hop.accept_new and hop.known_hosts:
        tell(f"new host key of {name}: {kind} {known_hosts.fingerprint(blob)}, kept in {hop.known_hosts[0]}")
        known_hosts.pin(hop.known_hosts[0], hop.key_name, hop.port, kind, blob, hashed=hop.hash_hosts)
        return
    raise known_hosts.refusal(answer, name, kind, blob)
