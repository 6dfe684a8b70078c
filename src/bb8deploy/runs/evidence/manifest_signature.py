"""Signatures of evidence manifests with an ssh key, made and checked by `ssh-keygen -Y` without a network."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bb8deploy.base.user_files import read_user_text
from bb8deploy.catalogue.errors.tool import EVIDENCE_NOT_SIGNED, SIGNERS_UNREADABLE
from bb8deploy.runs.evidence.evidence_manifest import SIGNATURE
from bb8deploy.runs.evidence.file_record import Flaw

NAMESPACE = "bb8deploy"
DEADLINE = 120.0
"""Seconds; a key on a token waits for a touch."""
KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was checked: who signed, empty if no list of trusted signers was given."""

    signer: str = ""
    key: str = ""
    flaw: Flaw | None = None


def signing_key(*configured: Path | None) -> Path:
    """The first key that is configured, else the first default key of ssh. Raises EVIDENCE_NOT_SIGNED."""
    home = Path.home() / ".ssh"
    candidates = [key for key in configured if key]
    candidates += [home / name for name in KEYS if (home / name).is_file()]
    if not candidates:
        raise EVIDENCE_NOT_SIGNED("there is no ssh key to sign the evidence with")
    return candidates[0]


def sign(manifest: Path, key: Path) -> Path:
    """Writes `evidence_manifest.json.sig`. `key` is a private key, or a public one whose private key the
    ssh agent holds. Raises CheckFailed EVIDENCE_NOT_SIGNED.
    """
    signature = manifest.with_name(SIGNATURE)
    signature.unlink(missing_ok=True)  # ssh-keygen asks before it overwrites
    done = _keygen("-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(manifest))
    if done.returncode or not signature.is_file():
        raise EVIDENCE_NOT_SIGNED(f"ssh-keygen could not sign with {key}", details=_said(done))
    signature.chmod(0o600)
    return signature


def check(manifest: Path, allowed_signers: Path | None) -> Signed | None:
    """Checks the signature of a manifest; None if there is none and no `allowed_signers` file asks for one.

    Without that file only the signature itself is checked, not whose key made it. Raises UsageError
    SIGNERS_UNREADABLE.
    """
    signers = _signers(allowed_signers) if allowed_signers else b""
    signature = manifest.with_name(SIGNATURE)
    if not signature.is_file():
        return Signed(flaw=Flaw(SIGNATURE, "the evidence is not signed")) if allowed_signers else None
    content = manifest.read_bytes()
    if allowed_signers is None:
        done = _keygen("-Y", "check-novalidate", "-n", NAMESPACE, "-s", str(signature), stdin=content)
        return _result(done, "")
    with tempfile.TemporaryDirectory(prefix="bb8deploy-") as folder:
        copy = Path(folder) / "allowed_signers"
        copy.write_bytes(signers)  # ssh-keygen reads the file twice, and a pipe gives its text only once
        trusted = ("-f", str(copy), "-s", str(signature))
        found = _keygen("-Y", "find-principals", *trusted)
        names = found.stdout.decode(errors="replace").split()
        if found.returncode or not names:
            return Signed(flaw=Flaw(SIGNATURE, f"{allowed_signers} does not trust the key that signed"))
        done = _keygen("-Y", "verify", *trusted, "-I", names[0], "-n", NAMESPACE, stdin=content)
    return _result(done, names[0])


def _signers(file: Path) -> bytes:
    try:
        return read_user_text(file).encode()
    except OSError as error:
        raise SIGNERS_UNREADABLE(f"{file} cannot be read: {error.strerror}") from error


def _result(done: subprocess.CompletedProcess[bytes], signer: str) -> Signed:
    if done.returncode:
        return Signed(flaw=Flaw(SIGNATURE, f"the signature does not fit: {_said(done)[-1]}"))
    # `Good "bb8deploy" signature [for NAME] with ED25519 key SHA256:...`
    return Signed(signer, done.stdout.decode(errors="replace").strip().rpartition(" ")[2])


def _keygen(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        return subprocess.run(
            ["ssh-keygen", *words],
            input=stdin,
            capture_output=True,
            timeout=DEADLINE,
            env=environment,
            check=False,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise EVIDENCE_NOT_SIGNED(f"ssh-keygen did not work: {type(error).__name__}") from error


def _said(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    lines = (done.stderr + done.stdout).decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()] or ["it printed nothing"]
