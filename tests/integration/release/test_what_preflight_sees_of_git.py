"""What git would stop or change in the middle of a release is seen before anything changes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.integration.desk import Desk
from tests.integration.release.test_release_of_a_workspace import NEW, Calls, go, stopped

from bb8deploy.base.errors import CheckFailed, UsageError
from bb8deploy.lanes.publish.publish import publish


def hook(desk: Desk, name: str, *lines: str) -> None:
    """Writes an executable hook of the workspace."""
    path = desk.root / ".git" / "hooks" / name
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)


@pytest.fixture
def signer(desk: Desk, tmp_path: Path) -> Path:
    """An ssh key that signs tags, and the file that names it as trusted."""
    if not shutil.which("ssh-keygen"):
        pytest.skip("SKIPPED: ssh-keygen is not installed")
    key = tmp_path / "signing"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f"zoe@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("tag.gpgSign", "true"),
        ("gpg.ssh.allowedSignersFile", str(allowed)),
    ):
        desk.git("config", name, value)
    return allowed


@pytest.mark.parametrize("name", ["tag.gpgSign", "commit.gpgSign"])
def test_signing_without_a_key_stops_before_the_bump(desk: Desk, name: str) -> None:
    desk.git("config", name, "true")
    desk.git("config", "gpg.program", "/bin/false")
    error = stopped(desk, "GIT_CANNOT_SIGN")
    assert name in error.cause


def test_a_publish_that_could_not_sign_its_tag_pushes_nothing(desk: Desk) -> None:
    desk.git("config", "tag.gpgSign", "true")
    desk.git("config", "gpg.program", "/bin/false")
    with pytest.raises(UsageError) as caught:
        publish(desk.run())
    assert caught.value.code == "GIT_CANNOT_SIGN"
    assert desk.at_store("for-each-ref") == ""


def test_both_tags_are_signed_where_the_user_signs_tags(desk: Desk, signer: Path) -> None:
    go(desk, Calls())
    desk.git("verify-tag", NEW)
    assert "BEGIN SSH SIGNATURE" in desk.at_store("cat-file", "tag", NEW)
    desk.at_store("-c", "gpg.format=ssh", "-c", f"gpg.ssh.allowedSignersFile={signer}", "verify-tag", NEW)
    assert "- No change" in desk.at_store("tag", "-l", "--format=%(contents)", NEW)
    assert desk.at_store("rev-parse", f"{NEW}^{{commit}}") == desk.at_store("rev-parse", "main")


def test_the_probe_of_the_key_leaves_no_object(desk: Desk, signer: Path) -> None:
    before = desk.git("count-objects")
    go(desk, Calls(), dry_run=True)
    assert desk.git("count-objects") == before


def test_without_a_wish_to_sign_no_tag_is_signed(desk: Desk) -> None:
    go(desk, Calls())
    assert "SIGNATURE" not in desk.at_store("cat-file", "tag", NEW)


def test_a_hook_is_announced_in_preflight(desk: Desk) -> None:
    hook(desk, "pre-commit", "exit 0")
    go(desk, Calls())
    assert any("pre-commit" in note for note in desk.recorder.notes)


def test_a_hook_that_stages_a_file_of_the_app_stops_the_release_and_loses_nothing(desk: Desk) -> None:
    desk.commit(".gitignore", "reports/\naddon/built.js\n", "Ignore one")
    (desk.addon / "built.js").write_text("mine\n")
    head = desk.commit("ops/rsync_runtime.exclude", "built.js\n", "Leave it out")
    config = (desk.addon / "config.yaml").read_text()
    hook(desk, "pre-commit", "git add -f addon/built.js")
    with pytest.raises(CheckFailed) as caught:
        go(desk, Calls())
    assert caught.value.code == "BUMP_MORE"
    assert "addon/built.js" in caught.value.details
    assert desk.git("rev-parse", "HEAD") == head
    assert (desk.addon / "config.yaml").read_text() == config
    assert (desk.addon / "built.js").read_text() == "mine\n"


def test_a_hook_that_stages_a_file_beside_the_app_is_reported(desk: Desk) -> None:
    hook(desk, "pre-commit", "date > docs.txt", "git add docs.txt")
    go(desk, Calls())
    committed = next(note for note in desk.recorder.notes if note.startswith("Committed"))
    assert "docs.txt" in committed
    assert "addon/config.yaml" in committed


def test_a_release_reports_exactly_what_it_commits(desk: Desk) -> None:
    go(desk, Calls())
    commit = desk.git("rev-parse", "--short=12", "HEAD")
    assert f"Committed {commit}: addon/CHANGELOG.md, addon/config.yaml" in desk.recorder.notes


def test_a_private_file_stops_before_the_bump(desk: Desk) -> None:
    desk.commit("addon/secrets.yaml", "a: b\n", "Commit it all the same")
    stopped(desk, "PRIVATE_FILE")


def test_a_generated_file_stops_before_the_bump(desk: Desk) -> None:
    desk.commit(".gitignore", "reports/\naddon/generated.py\n", "Ignore one")
    (desk.addon / "generated.py").write_text("x = 1\n")
    error = stopped(desk, "TREE_UNVERIFIED")
    assert error.details[0] == "generated.py: not in the commit, git ignores it"


def test_a_source_repository_stops_before_the_bump(desk: Desk, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--bare", str(desk.root), str(tmp_path / "origin")], check=True)
    before = desk.refs()
    with pytest.raises(CheckFailed) as caught:
        go(desk, Calls(), HA_PUBLISH_REMOTE=str(tmp_path / "origin"))
    assert caught.value.code == "SOURCE_REPOSITORY"
    assert desk.refs() == before
