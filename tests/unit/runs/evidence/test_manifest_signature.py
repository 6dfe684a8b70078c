"""Evidence is signed with an ssh key and verified offline against an allowed_signers file."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.runs.evidence.evidence_manifest import SIGNATURE, verify, write_manifest
from bb8deploy.runs.evidence.manifest_signature import check, sign, signing_key

pytestmark = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="SKIPPED: ssh-keygen is not installed")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    folder = tmp_path / "run-1"
    folder.mkdir()
    (folder / "a.json").write_text("{}")
    return write_manifest(folder, "run-1")


def key(tmp_path: Path, name: str = "key") -> Path:
    path = tmp_path / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def allowed(tmp_path: Path, key: Path) -> Path:
    path = tmp_path / f"{key.name}.allowed"
    public = key.with_suffix(".pub").read_text()
    path.write_text(f'zoe@example.org namespaces="bb8deploy" {public}')
    return path


def test_a_trusted_signature_names_its_signer_and_key(manifest: Path, tmp_path: Path) -> None:
    mine = key(tmp_path)
    sign(manifest, mine)
    signed = check(manifest, allowed(tmp_path, mine))
    assert signed is not None
    assert (signed.signer, signed.flaw) == ("zoe@example.org", None)
    assert signed.key.startswith("SHA256:")
    assert not verify(manifest).flaws


def test_a_public_key_signs_with_the_agent(
    manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = key(tmp_path)
    socket = tmp_path / "agent"
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as agent:
        try:
            while not socket.exists():
                time.sleep(0.01)
            subprocess.run(["ssh-add", "-q", str(mine)], check=True, capture_output=True)
            mine.unlink()
            sign(manifest, mine.with_suffix(".pub"))
        finally:
            agent.terminate()
    assert check(manifest, allowed(tmp_path, mine)) is not None


def test_an_untrusted_signature_is_a_flaw(manifest: Path, tmp_path: Path) -> None:
    sign(manifest, key(tmp_path))
    signed = check(manifest, allowed(tmp_path, key(tmp_path, "other")))
    assert signed is not None
    assert signed.flaw is not None
    assert "does not trust" in signed.flaw.what


def test_a_signature_of_another_text_is_a_flaw(manifest: Path, tmp_path: Path) -> None:
    mine = key(tmp_path)
    sign(manifest, mine)
    (manifest.parent / "a.json").write_text("[]")
    write = manifest.with_name(SIGNATURE).read_bytes()
    write_manifest(manifest.parent, "run-1")
    manifest.with_name(SIGNATURE).write_bytes(write)
    for trusted in (None, allowed(tmp_path, mine)):
        signed = check(manifest, trusted)
        assert signed is not None
        assert signed.flaw is not None


def test_a_signature_for_another_purpose_is_a_flaw(manifest: Path, tmp_path: Path) -> None:
    mine = key(tmp_path)
    words = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(mine), "-n", "git", str(manifest)]
    subprocess.run(words, check=True)
    signed = check(manifest, None)
    assert signed is not None
    assert signed.flaw is not None


def test_a_missing_signature_is_a_flaw_only_if_one_is_asked_for(manifest: Path, tmp_path: Path) -> None:
    assert check(manifest, None) is None
    signed = check(manifest, allowed(tmp_path, key(tmp_path)))
    assert signed is not None
    assert signed.flaw is not None


def test_a_new_manifest_drops_the_signature_of_the_old_one(manifest: Path, tmp_path: Path) -> None:
    sign(manifest, key(tmp_path))
    write_manifest(manifest.parent, "run-1")
    assert not manifest.with_name(SIGNATURE).exists()


def test_a_key_that_cannot_sign_is_named(manifest: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        sign(manifest, tmp_path / "none")
    assert caught.value.code == "EVIDENCE_NOT_SIGNED"


def test_the_configured_key_comes_first_then_those_of_ssh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(CheckFailed):
        signing_key(None)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519").touch()
    assert signing_key(None, None) == tmp_path / ".ssh" / "id_ed25519"
    assert signing_key(None, Path("/mine")) == Path("/mine")
