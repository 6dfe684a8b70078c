"""known_hosts is read as OpenSSH reads it, whatever else stands in the file."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.transport.known_hosts import Verdict, check, fingerprint, known_kinds, pin, read, refusal

KEY, OTHER = b"\0\0\0\x0bssh-ed25519" + b"k" * 36, b"\0\0\0\x0bssh-ed25519" + b"o" * 36
B64, OTHER64 = base64.b64encode(KEY).decode(), base64.b64encode(OTHER).decode()
ED = "ssh-ed25519"


def verdict(folder: Path, text: str, host: str = "ha.local", port: int = 22, key: bytes = KEY) -> Verdict:
    """What a known_hosts with this text says of KEY."""
    (folder / "known_hosts").write_text(text)
    return check(read([folder / "known_hosts"]), host, port, ED, key).verdict


@pytest.mark.parametrize(
    ("line", "port", "expected"),
    [
        (f"ha.local {ED} {B64}", 22, Verdict.KNOWN),
        (f"HA.Local {ED} {B64}", 22, Verdict.KNOWN),
        (f"other,ha.local,192.0.2.1 {ED} {B64} a comment", 22, Verdict.KNOWN),
        (f"  ha.local   {ED}\t{B64}  ", 22, Verdict.KNOWN),
        (f"*.local {ED} {B64}", 22, Verdict.KNOWN),
        (f"h?.local {ED} {B64}", 22, Verdict.KNOWN),
        (f"*.local,!ha.local {ED} {B64}", 22, Verdict.NEW),
        (f"!ha.local,*.local {ED} {B64}", 22, Verdict.NEW),
        (f"[ha.local]:2222 {ED} {B64}", 2222, Verdict.KNOWN),
        (f"[*.local]:2222 {ED} {B64}", 2222, Verdict.KNOWN),
        (f"[ha.local]:* {ED} {B64}", 2222, Verdict.KNOWN),
        (f"[ha.local]:2222 {ED} {B64}", 22, Verdict.NEW),
        (f"ha.local {ED} {B64}", 2222, Verdict.KNOWN),
        (f"ha.local {ED} {OTHER64}", 2222, Verdict.NEW),
        (f"ha.local {ED} {OTHER64}", 22, Verdict.CHANGED),
        (f"ha.local ssh-rsa {OTHER64}", 22, Verdict.NEW),
        (f"ha.local {ED} {OTHER64}\nha.local {ED} {B64}", 22, Verdict.KNOWN),
        (f"@revoked * {ED} {B64}\nha.local {ED} {B64}", 22, Verdict.REVOKED),
        (f"ha.local {ED} {B64}\n@revoked ha.local {ED} {B64}", 22, Verdict.REVOKED),
        (f"@revoked ha.local {ED} {OTHER64}\nha.local {ED} {B64}", 22, Verdict.KNOWN),
        (f"@cert-authority * {ED} {B64}", 22, Verdict.NEW),
        (f"@unheard-of * {ED} {B64}", 22, Verdict.NEW),
        ("# nothing\n\n", 22, Verdict.NEW),
        ("ha.local", 22, Verdict.NEW),
        (f"ha.local {ED} not*base64", 22, Verdict.NEW),
        (f"garbage\nha.local {ED} %%%\n|1|bad {ED} {B64}\nha.local {ED} {B64}", 22, Verdict.KNOWN),
        (f"|1|bad|{'='} {ED} {B64}", 22, Verdict.NEW),
    ],
)
def test_a_file_decides_about_a_key(tmp_path: Path, line: str, port: int, expected: Verdict) -> None:
    assert verdict(tmp_path, line + "\n", port=port) is expected


def test_a_missing_file_knows_no_host(tmp_path: Path) -> None:
    assert read([tmp_path / "none", tmp_path / "none/deeper"]) == []


def test_a_file_that_is_not_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read([tmp_path])
    assert caught.value.code == "KNOWN_HOSTS_UNREADABLE"


def test_an_ipv6_address_is_found(tmp_path: Path) -> None:
    assert verdict(tmp_path, f"[fe80::1]:2222 {ED} {B64}\n", "fe80::1", 2222) is Verdict.KNOWN


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("port", [22, 2222])
def test_a_pinned_key_is_known_from_then_on(tmp_path: Path, hashed: bool, port: int) -> None:
    file = tmp_path / "deep/known_hosts"
    pin(file, "HA.local", port, ED, KEY, hashed=hashed)
    assert check(read([file]), "ha.local", port, ED, KEY).verdict is Verdict.KNOWN
    assert file.stat().st_mode & 0o777 == 0o600
    assert ("ha.local" in file.read_text()) is not hashed


def test_a_pin_does_not_join_a_torn_last_line(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"other {ED} {OTHER64}")
    pin(file, "ha.local", 22, ED, KEY, hashed=False)
    assert [line.hosts for line in read([file])] == ["other", "ha.local"]


@pytest.mark.parametrize("hashed", [False, True])
def test_openssh_finds_what_was_pinned(tmp_path: Path, hashed: bool) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("SKIPPED: ssh-keygen is not installed")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k")], check=True)
    key = base64.b64decode((tmp_path / "k.pub").read_text().split()[1])
    pin(tmp_path / "known_hosts", "ha.local", 2222, ED, key, hashed=hashed)
    found = subprocess.run(
        ["ssh-keygen", "-F", "[ha.local]:2222", "-f", str(tmp_path / "known_hosts")],
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    listed = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "k.pub")], capture_output=True, text=True, check=True
    )
    assert fingerprint(key) in listed.stdout


def test_lines_that_openssh_hashed_are_understood(tmp_path: Path) -> None:
    if not shutil.which("ssh-keygen"):
        pytest.skip("SKIPPED: ssh-keygen is not installed")
    file = tmp_path / "known_hosts"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k")], check=True)
    public = (tmp_path / "k.pub").read_text()
    file.write_text(f"ha.local {public}[ha.local]:2222 {public}")
    subprocess.run(["ssh-keygen", "-H", "-f", str(file)], check=True, capture_output=True)
    key = base64.b64decode(public.split()[1])
    assert "ha.local" not in file.read_text()
    for port in (22, 2222):
        assert check(read([file]), "ha.local", port, ED, key).verdict is Verdict.KNOWN


def test_known_types_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"ha.local ssh-rsa {B64}\n@revoked ha.local x {B64}\nha.local {ED} {B64}\n")
    assert known_kinds(read([file]), "ha.local", 22) == ["ssh-rsa", ED]


def test_a_changed_key_explains_itself(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"# hi\nha.local {ED} {OTHER64}\n")
    error = refusal(check(read([file]), "ha.local", 22, ED, KEY), "ha.local", ED, KEY)
    assert error.code == "HOST_KEY_CHANGED"
    assert error.exit_code == 3
    assert error.details == (
        f"known: {ED} {fingerprint(OTHER)} ({file}:2)",
        f"now:   {ED} {fingerprint(KEY)}",
    )
    assert f"ssh-keygen -R 'ha.local' -f {file}" in error.remedy
