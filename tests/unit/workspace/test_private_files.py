"""Private files are recognised by name and by content, and nothing else is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bb8deploy.workspace.private_files import is_private_name, private_content

TOKEN = b"eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhYmNkZWZnIn0.c2lnbmF0dXJlLW9mLXRoaXM"
BODY = b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"


@pytest.mark.parametrize(
    "path",
    [
        "secrets.yaml",
        "deep/er/secrets.yaml",
        ".env",
        ".env.barn",
        "keys/id_rsa",
        "id_ed25519",
        "a.p12",
        ".netrc",
    ],
)
def test_a_private_name_counts_in_every_folder(path: str) -> None:
    assert is_private_name(path)


@pytest.mark.parametrize(
    "path",
    [
        ".env.example",
        "x/.env.template",
        "id_ed25519.pub",
        "env",
        "secrets.yaml/readme",
        "my_secrets.yaml",
        "ca.pem",
    ],
)
def test_other_names_are_not_private(path: str) -> None:
    assert not is_private_name(path)


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (b"llat: " + TOKEN + b"\n", ["token"]),
        (b"-----BEGIN PRIVATE KEY-----\n" + BODY, ["key"]),
        (b"-----BEGIN RSA PRIVATE KEY-----\r\n" + BODY, ["key"]),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,AB\n\n" + BODY,
            ["key"],
        ),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n" + BODY, ["key"]),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\n", ["key"]),
        (TOKEN + b"\n-----BEGIN PRIVATE KEY-----\n" + BODY, ["token", "key"]),
        (b"-----BEGIN PUBLIC KEY-----\n" + BODY, []),
        (b"-----BEGIN CERTIFICATE-----\n" + BODY, []),
        (b"look for `-----BEGIN PRIVATE KEY-----` in the file", []),
        (b"eyJhbGciOiJIUzI1NiJ9.x.y", []),
        (b"", []),
    ],
)
def test_tokens_and_private_keys_are_found_by_content(data: bytes, kinds: list[str]) -> None:
    assert [found.kind for found in private_content(data)] == kinds


def test_the_offset_is_that_of_the_first_byte() -> None:
    assert private_content(b"12345 " + TOKEN)[0].offset == 6


@pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="SKIPPED: ssh-keygen is not installed")
@pytest.mark.parametrize(
    "words", [("-t", "ed25519"), ("-t", "rsa", "-b", "2048"), ("-t", "ecdsa", "-m", "PEM")]
)
def test_every_key_that_ssh_keygen_writes_is_found(tmp_path: Path, words: tuple[str, ...]) -> None:
    for name, phrase in (("open", ""), ("closed", "twelve words")):
        file = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", *words, "-N", phrase, "-f", file], check=True)
        assert [found.kind for found in private_content(file.read_bytes())] == ["key"]
        assert private_content(file.with_suffix(".pub").read_bytes()) == []
