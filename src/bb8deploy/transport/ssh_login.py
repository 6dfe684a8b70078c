"""Logging in over ssh: agent and key files in OpenSSH's order, then a password from a terminal."""

from __future__ import annotations

import contextlib
import getpass
import socket
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bb8deploy.catalogue.errors.ssh import SSH_AUTH_REFUSED
from bb8deploy.transport.ssh_config import Hop

if TYPE_CHECKING:
    import paramiko
    from paramiko.agent import AgentKey

Prompt = Callable[[str], str]
MAX_KEYS = 5
AGENT_DEADLINE = 60.0  # a key may ask its owner for a confirmation
PASSWORD_TRIES = 3


def terminal_prompt() -> Prompt | None:
    """Asks on the terminal, None if there is none. A worker of Ansible has a closed stdin."""
    open_terminal = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    return getpass.getpass if open_terminal else None


def authenticate(transport: paramiko.Transport, hop: Hop, prompt: Prompt | None) -> None:
    """Logs in. Raises Refused with everything that was tried, or why nothing was."""
    ask = prompt if hop.ask else None
    tried: list[str] = []
    if hop.public_key and _by_key(transport, hop, ask, tried):
        return
    if hop.password and ask and transport.is_active() and _by_password(transport, hop, ask, tried):
        return
    raise SSH_AUTH_REFUSED(
        f"{hop.where} accepted none of the ways to log in",
        details=tried or [_why_nothing_was_tried(hop, prompt)],
    )


def _why_nothing_was_tried(hop: Hop, prompt: Prompt | None) -> str:
    keys = "no key was found" if hop.public_key else "keys are turned off in the ssh configuration"
    if not hop.password:
        return f"{keys}, and passwords are turned off in the ssh configuration"
    if not hop.ask:
        return f"{keys}, and the ssh configuration forbids asking for a password (BatchMode)"
    if prompt is None:
        return f"{keys}, and there is no terminal to ask for a password"
    return f"{keys}, and the host closed the connection before a password was asked for"


def _by_key(transport: paramiko.Transport, hop: Hop, ask: Prompt | None, tried: list[str]) -> bool:
    with contextlib.closing(_keys(hop, ask, tried)) as keys:
        return _try_each(transport, hop, keys, tried)


def _try_each(
    transport: paramiko.Transport, hop: Hop, keys: Iterator[tuple[str, paramiko.PKey]], tried: list[str]
) -> bool:
    import paramiko

    login = _login_by_keys(transport, hop.user)
    for count, (name, key) in enumerate(keys):
        if count == MAX_KEYS:
            tried.append(f"stopped after {MAX_KEYS} keys: name one in HA_SSH_KEY")
            return False
        try:
            more = login(key)
        except paramiko.BadAuthenticationType:
            tried.append("keys are not accepted by this host")
            return False
        except paramiko.SSHException as error:
            tried.append(f"{name}: {error}")
            if not transport.is_active():
                return False
            continue
        if not more:
            return True
        tried.append(f"{name}: accepted, but the host asks for {', '.join(more)} too")
        return False
    return False


def _login_by_keys(transport: paramiko.Transport, user: str) -> Callable[[paramiko.PKey], list[str]]:
    """A function that logs in by key and returns the further methods that the host asks for, empty if none.

    It sends the login directly after the request for the login service, without waiting for its answer, which
    saves a round trip. By RFC 4253 section 10 a server that refuses the service ends the connection anyway.
    """
    import paramiko
    from paramiko.auth_handler import AuthHandler
    from paramiko.common import MSG_SERVICE_ACCEPT

    class Eager(AuthHandler):
        asked = False

        def _request_auth(self) -> None:
            if not self.asked:
                self.asked = True
                super()._request_auth()  # type: ignore[misc]
            accepted = paramiko.Message()
            accepted.add_string("ssh-userauth")
            accepted.rewind()
            self._parse_service_accept(accepted)  # type: ignore[attr-defined]

        @property
        def _client_handler_table(self) -> dict[int, Callable[[paramiko.Message], None]]:
            table = super()._client_handler_table  # type: ignore[misc]
            return {**table, MSG_SERVICE_ACCEPT: lambda _message: None}

    handler = Eager(transport)
    transport.auth_handler = handler

    def login(key: paramiko.PKey) -> list[str]:
        answered = threading.Event()
        handler.auth_publickey(user, key, answered)
        return handler.wait_for_response(answered)

    return login


def _by_password(transport: paramiko.Transport, hop: Hop, ask: Prompt, tried: list[str]) -> bool:
    """Logs in with a password, directly or through keyboard-interactive."""
    import paramiko

    for _ in range(PASSWORD_TRIES):
        try:
            return not _offer(transport, hop.user, ask(f"{hop.where}'s password: "))
        except paramiko.BadAuthenticationType:
            tried.append("passwords are not accepted by this host")
            return False
        except paramiko.SSHException as error:
            tried.append(f"password: {error}")
            if not transport.is_active():
                return False
    return False


def _offer(transport: paramiko.Transport, user: str, phrase: str) -> list[str]:
    """Sends a password; to a server that asks questions, as the answer to its only one."""
    import paramiko

    try:
        return transport.auth_password(user, phrase, fallback=False)
    except paramiko.BadAuthenticationType as error:
        if "keyboard-interactive" not in error.allowed_types:
            raise
    return transport.auth_interactive(
        user, lambda _title, _words, fields: [phrase] if len(fields) == 1 else []
    )


def _keys(hop: Hop, ask: Prompt | None, tried: list[str]) -> Generator[tuple[str, paramiko.PKey], None, None]:
    """Agent keys that a configured file names, other agent keys, then the files themselves."""
    with contextlib.ExitStack() as stack:
        agent = _agent_keys(hop.agent, tried, stack)
        yield from _ordered(hop, agent, ask, tried)


def _ordered(
    hop: Hop, agent: list[AgentKey], ask: Prompt | None, tried: list[str]
) -> Iterator[tuple[str, paramiko.PKey]]:
    public = {path: _public_blob(path) for path in hop.identities}
    configured = [key for key in agent if key.blob in public.values()]
    others = [] if hop.identities_only else [key for key in agent if key not in configured]
    for key in (*configured, *others):
        yield f"agent key {key.comment or key.get_name()}", key
    held = {key.blob for key in configured}
    for path, blob in public.items():
        if blob is None or blob not in held:
            loaded = _load(path, hop, ask, tried)
            if loaded is not None:
                yield str(path), loaded


def _agent_keys(path: str, tried: list[str], stack: contextlib.ExitStack) -> list[AgentKey]:
    """The agent's keys without hardware keys, which paramiko cannot use; `stack` closes the connection."""
    if not path:
        return []
    if sys.platform == "win32":
        tried.append(f"agent {path}: Windows has no such sockets")
        return []
    from paramiko import SSHException
    from paramiko.agent import AgentSSH

    class Agent(AgentSSH):
        def __init__(self, path: str) -> None:
            super().__init__()
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            stack.callback(connection.close)
            connection.settimeout(AGENT_DEADLINE)
            connection.connect(path)
            self._connect(connection)  # type: ignore[attr-defined]

    try:
        keys = Agent(path).get_keys()
    except (OSError, SSHException) as error:
        tried.append(f"agent {path}: {error}")
        return []
    return [key for key in keys if not key.get_name().startswith("sk-")]


def _public_blob(path: Path) -> bytes | None:
    """The public key in `PATH.pub`, None if there is none."""
    import base64

    try:
        words = Path(f"{path}.pub").read_text().split()
        return base64.b64decode(words[1])
    except (OSError, IndexError, ValueError):
        return None


def _load(path: Path, hop: Hop, ask: Prompt | None, tried: list[str]) -> paramiko.PKey | None:
    import paramiko
    from paramiko.pkey import UnknownKeyType

    try:
        return paramiko.PKey.from_path(path)
    except (TypeError, paramiko.PasswordRequiredException):
        return _load_encrypted(path, hop, ask, tried)
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as error:
        tried.append(f"{path}: cannot be used ({error})")
    return None


def _load_encrypted(path: Path, hop: Hop, ask: Prompt | None, tried: list[str]) -> paramiko.PKey | None:
    import paramiko

    if ask is None:
        why = "there is no terminal to ask for it" if hop.ask else "BatchMode forbids asking for it"
        tried.append(f"{path}: has a passphrase, and {why} (use ssh-agent)")
        return None
    phrase = ask(f"Passphrase of {path}: ")
    try:
        return paramiko.PKey.from_path(path, phrase.encode())  # type: ignore[arg-type]
    except (TypeError, ValueError, paramiko.SSHException):
        tried.append(f"{path}: the passphrase is wrong")
        return None
