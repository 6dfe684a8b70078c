"""Destinations and what `ssh -G` says of them."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.transport.ssh_config import Destination, from_words, override, parse, resolve


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("home-assistant", Destination("home-assistant")),
        ("root@ha.local", Destination("ha.local", "root")),
        ("ha.local:2222", Destination("ha.local", "", 2222)),
        ("me@192.0.2.1:22", Destination("192.0.2.1", "me", 22)),
        ("root@[fe80::1%eth0]:2222", Destination("fe80::1%eth0", "root", 2222)),
        ("ssh://root@ha.local:22/", Destination("ha.local", "root", 22)),
    ],
)
def test_a_destination_is_read(text: str, expected: Destination) -> None:
    assert Destination.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "root@-x", "a b", "h:port", "a@b@c", "h:123456", "h:0", "h:65536"]
)
def test_what_is_not_a_destination_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Destination.parse(text)
    assert caught.value.code == "SSH_ALIAS_INVALID"


def config(folder: Path, text: str) -> Path:
    """A configuration file; the test is skipped where there is no ssh to read it."""
    if not shutil.which("ssh"):
        pytest.skip("SKIPPED: ssh is not installed")
    (folder / "config").write_text(text)
    return folder / "config"


def test_the_options_that_count_are_honoured(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    (tmp_path / "more").write_text("Host ha\n  Port 2200\n")
    file = config(
        tmp_path,
        f"Include {tmp_path}/more\nHost ha\n  HostName 192.0.2.9\n  User me\n  IdentityFile {tmp_path}/key\n"
        f"  IdentityFile {tmp_path}/absent\n  IdentitiesOnly yes\n  IdentityAgent /run/agent.sock\n"
        f"  HostKeyAlias Casa\n  UserKnownHostsFile {tmp_path}/a {tmp_path}/b\n  GlobalKnownHostsFile none\n"
        "  ConnectTimeout 7\n  ServerAliveInterval 9\n  AddressFamily inet6\n  HashKnownHosts yes\n"
        "  BatchMode yes\n  PasswordAuthentication no\n",
    )
    hop = resolve("ha", config=file)
    assert (hop.host, hop.port, hop.user, hop.key_name) == ("192.0.2.9", 2200, "me", "casa")
    assert hop.identities == (tmp_path / "key",)
    assert hop.identities_only
    assert hop.agent == "/run/agent.sock"
    assert hop.known_hosts == (tmp_path / "a", tmp_path / "b")
    assert (hop.connect_timeout, hop.alive_interval, hop.family) == (7.0, 9.0, socket.AF_INET6)
    assert hop.hash_hosts
    assert not hop.ask
    assert not hop.password
    assert hop.where == "me@192.0.2.9:2200"


def test_user_and_port_of_the_destination_win(tmp_path: Path) -> None:
    file = config(tmp_path, "Host ha\n  HostName 192.0.2.9\n  User me\n  Port 2200\n")
    hop = resolve("root@ha:22", config=file)
    assert (hop.user, hop.port, hop.host) == ("root", 22, "192.0.2.9")


def test_a_chain_of_jump_hosts_is_followed(tmp_path: Path) -> None:
    file = config(
        tmp_path,
        "Host ha\n  HostName 192.0.2.9\n  ProxyJump gate,me@inner:2022\n"
        "Host gate\n  HostName 198.51.100.1\n  ProxyJump outer\nHost outer\n  HostName 203.0.113.1\n",
    )
    hop = resolve("ha", config=file)
    assert [via.host for via in hop.via] == ["203.0.113.1", "198.51.100.1", "inner"]
    assert hop.via[2].where == "me@inner:2022"
    assert all(via.via == () for via in hop.via)


def test_a_loop_of_jump_hosts_is_refused(tmp_path: Path) -> None:
    file = config(tmp_path, "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    with pytest.raises(UsageError) as caught:
        resolve("a", config=file)
    assert caught.value.code == "SSH_JUMP_LOOP"


@pytest.mark.parametrize(
    "line",
    [
        "ProxyCommand nc %h %p",
        "PKCS11Provider /lib/x.so",
        "CertificateFile /x-cert.pub",
        "BindAddress 192.0.2.1",
        "KnownHostsCommand /bin/hosts",
        "RevokedHostKeys /etc/ssh/revoked",
    ],
)
def test_an_option_that_is_not_carried_out_is_refused_by_name(tmp_path: Path, line: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve("ha", config=config(tmp_path, f"Host ha\n  {line}\n"))
    assert caught.value.code == "SSH_OPTION_UNSUPPORTED"
    assert line.split(maxsplit=1)[0].lower() in caught.value.cause


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        resolve("ha", config=config(tmp_path, "Host ha\n  NoSuchOption yes\n"))
    assert caught.value.code == "SSH_CONFIG_INVALID"


def test_without_ssh_installed_the_defaults_of_openssh_hold() -> None:
    hop = from_words(Destination("ha.local"), {}, {"USER": "me", "SSH_AUTH_SOCK": "/run/a"})
    assert (hop.host, hop.port, hop.user, hop.agent) == ("ha.local", 22, "me", "/run/a")
    assert hop.known_hosts[0] == Path("~/.ssh/known_hosts").expanduser()
    assert not hop.accept_new


@pytest.mark.parametrize(
    ("value", "agent"),
    [("none", ""), ("SSH_AUTH_SOCK", "/run/a"), ("$MY_AGENT", "/run/mine"), ("", "/run/a"), ("$NONE", "")],
)
def test_the_agent_is_found(value: str, agent: str) -> None:
    environ = {"USER": "me", "SSH_AUTH_SOCK": "/run/a", "MY_AGENT": "/run/mine"}
    assert from_words(Destination("h"), {"identityagent": [value]}, environ).agent == agent


def test_accept_new_in_the_configuration_counts() -> None:
    hop = from_words(Destination("h"), {"stricthostkeychecking": ["accept-new"]}, {"USER": "x"})
    assert hop.accept_new


def test_no_checking_in_the_configuration_stays_strict() -> None:
    assert not from_words(Destination("h"), {"stricthostkeychecking": ["false"]}, {"USER": "x"}).accept_new


def test_the_settings_own_key_and_known_hosts_win(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    hop = from_words(Destination("h"), {"identitiesonly": ["no"]}, {"USER": "x"})
    mine = override(
        hop, key=tmp_path / "key", known_hosts=tmp_path / "known", accept_new=True, connect_timeout=3.0
    )
    assert mine.identities == (tmp_path / "key",)
    assert mine.identities_only
    assert mine.known_hosts == (tmp_path / "known",)
    assert mine.accept_new
    assert mine.connect_timeout == 3.0


def test_a_key_file_that_is_missing_is_named(tmp_path: Path) -> None:
    hop = from_words(Destination("h"), {}, {"USER": "x"})
    with pytest.raises(UsageError) as caught:
        override(hop, key=tmp_path / "none", known_hosts=None, accept_new=False)
    assert caught.value.code == "SSH_KEY_MISSING"


def test_the_output_of_ssh_is_read_word_by_word() -> None:
    found = parse("host x\nidentityfile ~/.ssh/a b\nidentityfile c\n")
    assert found == {"host": ["x"], "identityfile": ["~/.ssh/a b", "c"]}
