"""Hosts with fewer algorithms, sessions or another login shell: they work, or the error names the limit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.sshlab import Sshd

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.host.files.ssh_folder import SshFiles
from bb8deploy.host.lock.lock_owner import Owner
from bb8deploy.host.lock.ssh_lock import SECOND_SESSION, SshHolding
from bb8deploy.host.shell.run_programs import Shell
from bb8deploy.transport.spare_channels import PATIENCE
from bb8deploy.transport.ssh_connection import SshTransport, connect

MakeSshd = Callable[..., Sshd]


def dial(server: Sshd) -> SshTransport:
    return connect(server.hop(), tell=lambda _text: None)


def test_curve25519_by_the_name_of_the_rfc_is_enough(make_sshd: MakeSshd) -> None:
    with dial(make_sshd(options=["KexAlgorithms curve25519-sha256"])) as line:
        assert line.run(["echo", "hi"], deadline=60.0).text == "hi\n"


@pytest.mark.parametrize(
    ("option", "kind", "theirs", "ours"),
    [
        ("KexAlgorithms sntrup761x25519-sha512@openssh.com", "key exchange", "sntrup761", "mlkem768"),
        ("Ciphers chacha20-poly1305@openssh.com", "cipher", "chacha20-poly1305", "aes"),
    ],
)
def test_nothing_in_common_names_both_lists(
    make_sshd: MakeSshd, option: str, kind: str, theirs: str, ours: str
) -> None:
    with pytest.raises(Unreachable) as caught:
        dial(make_sshd(options=[option]))
    assert caught.value.code == "SSH_HANDSHAKE"
    for word in (kind, theirs, ours):
        assert word in caught.value.cause
    assert "sshd" in caught.value.remedy


def test_a_server_of_one_session_is_named_at_once(make_sshd: MakeSshd, tmp_path: Path) -> None:
    (tmp_path / "addons").mkdir()
    owner = Owner.of_run("run-1", "deploy")
    with dial(make_sshd(options=["MaxSessions 1"])) as line:
        shell = Shell(line, str(tmp_path / "addons/beep"))
        with pytest.raises(Refused) as caught:
            SshHolding(shell, owner, lease=60, receipt=str(tmp_path / "receipt"))
    assert SECOND_SESSION < PATIENCE
    assert caught.value.code == "SSH_SESSIONS_FEW"
    assert "MaxSessions" in caught.value.remedy


@pytest.mark.parametrize("shell", ["tcsh", "fish", "zsh", "bash", "dash"])
def test_every_login_shell_will_do(make_sshd: MakeSshd, tmp_path: Path, shell: str) -> None:
    path = shutil.which(shell)
    if not path:
        pytest.skip(f"SKIPPED: {shell} is not installed")
    script = tmp_path / "login"
    script.write_text(f'#!/bin/sh\nexec {path} -c "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    (tmp_path / "addons/beep").mkdir(parents=True)
    (tmp_path / "addons/beep/config.yaml").write_text("slug: beep\n")
    with dial(make_sshd(options=[f"ForceCommand {script}"])) as line:
        files = SshFiles(Shell(line, str(tmp_path / "addons/beep")))
        assert list(files.look().manifest.by_path) == ["config.yaml"]
