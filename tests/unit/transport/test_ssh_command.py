"""A stream over a connection that ends in the middle: always SSH_LOST, whatever the library raises."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from bb8deploy.base.errors import Unreachable
from bb8deploy.transport.send_order import SendOrder
from bb8deploy.transport.ssh_command import SshStream
from bb8deploy.transport.transport_interface import Stats


class _Channel(SimpleNamespace):
    """A channel that is told apart by identity, as paramiko's is."""

    __hash__ = object.__hash__


def broken(error: Exception, *, active: bool) -> SshStream:
    """A stream whose channel raises at every call that sends."""

    def fail(*_words: object) -> Any:
        raise error

    channel = _Channel(
        fileno=lambda: 0,
        settimeout=lambda _seconds: None,
        send=fail,
        lock=threading.Lock(),
        shutdown_write=fail,
        close=fail,
        get_transport=lambda: SimpleNamespace(is_active=lambda: active),
    )
    where, order = "root@host", SendOrder()
    return SshStream(channel, ["sh"], where=where, stats=Stats(), signals={}, order=order)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [EOFError(), paramiko.SSHException("Key-exchange timed out")])
@pytest.mark.parametrize("active", [True, False])
def test_an_error_of_the_library_while_sending_is_a_lost_connection(error: Exception, active: bool) -> None:
    with pytest.raises(Unreachable) as caught:
        broken(error, active=active).write(b"x", deadline=1.0)
    assert caught.value.code == "SSH_LOST"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("error", [EOFError(), OSError("closed"), paramiko.SSHException("gone")])
def test_saying_goodbye_never_fails(error: Exception) -> None:
    stream = broken(error, active=False)
    stream.close_input()
    stream.abort()
