"""How to reach a host over ssh: what `ssh -G` reports, as one frozen record per hop.

`ssh -G` does what no library does whole: Include, Match, tokens, canonical names (ssh_config(5)).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bb8deploy.catalogue.errors.ssh import (
    SSH_ALIAS_INVALID,
    SSH_CONFIG_INVALID,
    SSH_JUMP_LOOP,
    SSH_KEY_MISSING,
    SSH_OPTION_UNSUPPORTED,
)

RESOLVE_DEADLINE = 10.0
MAX_HOPS = 8
_UNSUPPORTED = (
    "proxycommand",
    "pkcs11provider",
    "certificatefile",
    "bindaddress",
    "bindinterface",
    "knownhostscommand",
    "revokedhostkeys",
)
_ALGORITHMS = ("kexalgorithms", "hostkeyalgorithms", "ciphers", "macs")
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
_DESTINATION = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:@\[\]]+))(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Destination:
    """What the user wrote: an alias or `[user@]host[:port]`, an IPv6 address in brackets."""

    host: str
    user: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Destination:
        """Reads `[user@]host[:port]`; raises UsageError for anything else, also a leading dash."""
        found = _DESTINATION.fullmatch(text.removeprefix("ssh://").rstrip("/"))
        if not found or text.startswith("-") or (found["host"] or "").startswith("-"):
            raise SSH_ALIAS_INVALID(f"`{text}` is not an ssh destination")
        if int(found["port"] or 22) not in range(1, 65536):
            raise SSH_ALIAS_INVALID(f"`{text}` has a port that is not from 1 to 65535")
        return cls(found["v6"] or found["host"], found["user"] or "", int(found["port"] or 0))


@dataclass(frozen=True, slots=True)
class Hop:
    """One ssh connection as it is to be made; `via` are the hops before it, nearest to us first.

    Times are seconds; `family` is a `socket.AF_*`; `agent` a socket path or empty for none;
    `known_hosts` is searched in order, a new key is pinned into the first. `algorithms` pairs ssh's word for
    a kind of algorithm with the names that it allows; a kind that is missing is not restricted.
    """

    host: str
    port: int
    user: str
    key_name: str
    identities: tuple[Path, ...]
    identities_only: bool
    agent: str
    known_hosts: tuple[Path, ...]
    accept_new: bool = False
    hash_hosts: bool = False
    connect_timeout: float = 10.0
    alive_interval: float = 0.0
    family: int = socket.AF_UNSPEC
    public_key: bool = True
    password: bool = True
    ask: bool = True
    algorithms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    via: tuple[Hop, ...] = ()

    @property
    def where(self) -> str:
        """`user@host`, with the port if it is not 22."""
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port != 22 else "")


def resolve(text: str, *, config: Path | None = None, connect_timeout: float = 10.0) -> Hop:
    """The way to `text`; `config` replaces ssh's own configuration files.

    Raises UsageError for a destination that is none, or for an option that bb8deploy does not carry out.
    """
    destination = Destination.parse(text)
    return _resolve(destination, config, connect_timeout, depth=0)


def override(
    hop: Hop,
    *,
    key: Path | None,
    known_hosts: Path | None,
    accept_new: bool,
    connect_timeout: float | None = None,
) -> Hop:
    """The hop with the settings' own key file, known_hosts file and time limit in place of ssh's."""
    if connect_timeout is not None:
        hop = replace(hop, connect_timeout=connect_timeout)
    if key:
        if not key.is_file():
            raise SSH_KEY_MISSING(f"HA_SSH_KEY names {key}, which is not a file")
        hop = replace(hop, identities=(key,), identities_only=True)
    if known_hosts:
        hop = replace(hop, known_hosts=(known_hosts,))
    accept = accept_new or hop.accept_new
    via = tuple(
        replace(h, accept_new=accept, known_hosts=(known_hosts,) if known_hosts else h.known_hosts)
        for h in hop.via
    )
    return replace(hop, accept_new=accept, via=via)


def parse(output: str) -> dict[str, list[str]]:
    """The output of `ssh -G` as lower-case keyword -> values in order."""
    found: dict[str, list[str]] = {}
    for line in output.splitlines():
        word, _, rest = line.partition(" ")
        found.setdefault(word.lower(), []).append(rest)
    return found


def _resolve(where: Destination, config: Path | None, timeout: float, *, depth: int) -> Hop:
    if depth > MAX_HOPS:
        raise SSH_JUMP_LOOP(f"the ProxyJump chain to {where.host} is longer than {MAX_HOPS} hops")
    words = parse(_ask_ssh(where, config)) if shutil.which("ssh") else {}
    _refuse_unsupported(where, words)
    hop = from_words(where, words, os.environ, connect_timeout=timeout)
    return replace(hop, via=_jumps(_first(words, "proxyjump"), config, timeout, depth))


def _jumps(text: str, config: Path | None, timeout: float, depth: int) -> tuple[Hop, ...]:
    """The hops of a ProxyJump value; only the first of them may have a ProxyJump of its own."""
    if not text or text == "none":
        return ()
    first, *rest = [
        _resolve(Destination.parse(part), config, timeout, depth=depth + 1) for part in text.split(",")
    ]
    return (*first.via, replace(first, via=()), *(replace(hop, via=()) for hop in rest))


def _ask_ssh(where: Destination, config: Path | None) -> str:
    words = ["ssh", "-G"]
    words += ["-F", str(config)] if config else []
    words += ["-l", where.user] if where.user else []
    words += ["-p", str(where.port)] if where.port else []
    try:
        done = subprocess.run(
            [*words, "--", where.host],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=RESOLVE_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SSH_CONFIG_INVALID(
            f"`ssh -G {where.host}` did not answer within {RESOLVE_DEADLINE:.0f} s",
            "Look for a `Match exec` that hangs in ~/.ssh/config.",
        ) from error
    if done.returncode:
        raise SSH_CONFIG_INVALID(f"`ssh -G {where.host}` failed: {done.stderr.strip()}")
    return done.stdout


def _refuse_unsupported(where: Destination, words: Mapping[str, list[str]]) -> None:
    for name in _UNSUPPORTED:
        value = _first(words, name)
        if value and value != "none":
            raise SSH_OPTION_UNSUPPORTED(
                f"ssh's configuration for {where.host} sets {name} ({value}); bb8deploy cannot do that"
            )


def from_words(
    where: Destination,
    words: Mapping[str, list[str]],
    environ: Mapping[str, str],
    *,
    connect_timeout: float = 10.0,
) -> Hop:
    """The hop that `ssh -G` describes; ssh's defaults if a word is missing (no ssh installed)."""
    host = _first(words, "hostname") or where.host
    own_timeout = _first(words, "connecttimeout")
    strict = _first(words, "stricthostkeychecking")
    return Hop(
        host=host,
        port=int(_first(words, "port") or where.port or 22),
        user=_first(words, "user") or where.user or _login(environ),
        key_name=(_first(words, "hostkeyalias") or host).lower(),
        identities=_identities(words),
        identities_only=_yes(_first(words, "identitiesonly")),
        agent=_agent(_first(words, "identityagent"), environ),
        known_hosts=_known_hosts(words),
        accept_new=strict == "accept-new",
        hash_hosts=_yes(_first(words, "hashknownhosts")),
        connect_timeout=float(own_timeout) if own_timeout.isdigit() else connect_timeout,
        alive_interval=float(_first(words, "serveraliveinterval") or 0),
        family=_FAMILIES.get(_first(words, "addressfamily"), socket.AF_UNSPEC),
        public_key=_first(words, "pubkeyauthentication") not in {"no", "false"},
        password=_first(words, "passwordauthentication") != "no",
        ask=not _yes(_first(words, "batchmode")),
        algorithms=tuple((name, tuple(words[name][0].split(","))) for name in _ALGORITHMS if name in words),
    )


def _identities(words: Mapping[str, list[str]]) -> tuple[Path, ...]:
    names = words.get("identityfile") or [f"~/.ssh/id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")]
    paths = [Path(name.strip('"')).expanduser() for name in names if name != "none"]
    return tuple(path for path in paths if path.is_file())


def _agent(value: str, environ: Mapping[str, str]) -> str:
    if value == "none":
        return ""
    if not value or value == "SSH_AUTH_SOCK":
        return environ.get("SSH_AUTH_SOCK", "")
    if value.startswith("$"):
        return environ.get(value[1:].strip("{}"), "")
    return str(Path(value).expanduser())


def _known_hosts(words: Mapping[str, list[str]]) -> tuple[Path, ...]:
    """The user's files, then the machine's; ssh -G joins them by spaces, which a path may also hold."""
    user = _first(words, "userknownhostsfile") or "~/.ssh/known_hosts ~/.ssh/known_hosts2"
    machine = _first(words, "globalknownhostsfile") or "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
    return tuple(path for text in (user, machine) for path in _paths(text))


def _paths(text: str) -> list[Path]:
    whole = Path(text.strip('"')).expanduser()
    names = [str(whole)] if whole.exists() else text.split()
    return [Path(name.strip('"')).expanduser() for name in names if name != "none"]


def _first(words: Mapping[str, list[str]], name: str) -> str:
    return words.get(name, [""])[0]


def _yes(text: str) -> bool:
    return text in {"yes", "true"}


def _login(environ: Mapping[str, str]) -> str:
    import getpass

    return environ.get("USER") or getpass.getuser()
