"""Private files and unverified content never leave: looked for in the very tree that is pushed or built."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.integration.desk import Desk

from bb8deploy.base.errors import Bb8Error, CheckFailed
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.outgoing_tree_check import require_verified
from bb8deploy.lanes.publish.publish import publish
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk

TOKEN = "eyJhbGciOiJIUzI1NiJ9" + ".eyJpc3MiOiJhYmNkZWZnIn0" + ".c2lnbmF0dXJlLW9mLXRoaXM"


def refused(desk: Desk, code: str, options: PublishOptions | None = None) -> Bb8Error:
    """Publishes, expects the error `code`, and checks that nothing arrived and no token was written."""
    run = desk.run()
    before = desk.at_store("for-each-ref")
    with pytest.raises(CheckFailed) as caught:
        publish(run, options)
    assert caught.value.code == code
    assert desk.at_store("for-each-ref") == before
    assert run.ledger.held() == []
    return caught.value


@pytest.mark.parametrize("name", ["secrets.yaml", ".env", "keys/id_ed25519", "data/.env.production"])
def test_a_committed_private_file_is_never_published(desk: Desk, name: str) -> None:
    desk.commit(f"addon/{name}", "ha_llat: nothing that looks like a token\n", "Commit it all the same")
    error = refused(desk, "PRIVATE_FILE")
    assert any(name in line for line in error.details)


def test_a_template_of_a_private_file_is_published(desk: Desk) -> None:
    desk.commit("addon/.env.example", "HA_URL=\n", "Show the settings")
    publish(desk.run())
    assert ".env.example" in desk.at_store("ls-tree", "--name-only", "main")


def test_a_token_beyond_the_files_that_lane_1_reads_is_found(desk: Desk) -> None:
    desk.commit("addon/big.txt", "x" * 2_000_000 + f"\n{TOKEN}\n", "A large file")
    error = refused(desk, "PRIVATE_FILE")
    assert any("big.txt" in line and "access token" in line for line in error.details)
    assert TOKEN not in str(error) + "".join(error.details)


def test_a_token_in_the_message_of_the_commit_is_found(desk: Desk) -> None:
    desk.commit("addon/notes.txt", "x", f"Use {TOKEN}")
    error = refused(desk, "PRIVATE_FILE")
    assert any("message" in line for line in error.details)


def test_a_dry_run_refuses_it_too(desk: Desk) -> None:
    desk.commit("addon/secrets.yaml", "a: b\n", "Commit it all the same")
    with pytest.raises(CheckFailed) as caught:
        publish(desk.run(dry_run=True))
    assert caught.value.code == "PRIVATE_FILE"


def test_subtree_split_publishes_no_private_file_of_an_earlier_commit(desk: Desk) -> None:
    if "-P" not in desk.git("subtree", "-h", check=False) + desk.git("subtree", "split", "-h", check=False):
        pytest.skip("SKIPPED: git subtree is not installed")
    desk.commit("addon/secrets.yaml", "a: b\n", "Commit it all the same")
    desk.git("rm", "-q", "addon/secrets.yaml")
    desk.git("commit", "-q", "-m", "Remove it from the newest commit alone")
    error = refused(desk, "PRIVATE_FILE", PublishOptions(subtree_split=True))
    assert any("secrets.yaml" in line for line in error.details)
    publish(desk.run())


def digest(desk: Desk) -> str:
    """What a deploy of the app's folder would send, and verify."""
    return walk(desk.addon, Ignore.of_workspace(desk.root)).digest


def unverified(desk: Desk, verified: str) -> Bb8Error:
    run = desk.run()
    with pytest.raises(CheckFailed) as caught:
        publish(run, PublishOptions(verified=verified))
    assert caught.value.code == "TREE_UNVERIFIED"
    assert desk.at_store("for-each-ref") == ""
    assert run.ledger.held() == []
    return caught.value


def test_the_tree_that_was_verified_is_published(desk: Desk) -> None:
    publish(desk.run(), PublishOptions(verified=digest(desk)))
    assert desk.at_store("rev-parse", "main^{tree}") == desk.git("rev-parse", "HEAD:addon")


def test_a_generated_file_that_git_ignores_is_named(desk: Desk) -> None:
    desk.commit(".gitignore", "reports/\ngenerated.py\n", "Ignore one")
    (desk.addon / "generated.py").write_text("x = 1\n")
    error = unverified(desk, digest(desk))
    assert error.details == ("generated.py: not in the commit, git ignores it",)


def test_a_folder_that_git_ignores_is_named_file_by_file(desk: Desk) -> None:
    desk.commit(".gitignore", "reports/\ndist/\n", "Ignore one")
    (desk.addon / "dist").mkdir()
    (desk.addon / "dist/a.js").write_text("a")
    assert unverified(desk, digest(desk)).details == ("dist/a.js: not in the commit, git ignores it",)


def test_a_submodule_is_named(desk: Desk, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    (other / "lib.py").write_text("x = 1\n")
    for words in (["add", "-A"], ["commit", "-qm", "Lib"]):
        subprocess.run(["git", "-C", str(other), *words], check=True)
    desk.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "addon/lib")
    desk.git("commit", "-q", "-m", "Use a library")
    error = unverified(desk, digest(desk))
    assert "lib: a submodule, of which a commit holds no file" in error.details
    assert "lib/lib.py: in the submodule lib" in error.details


def test_line_endings_that_git_converts_are_named(desk: Desk) -> None:
    desk.commit(".gitattributes", "*.txt text eol=crlf\n", "Convert line ends")
    desk.commit("addon/notes.txt", "one\r\ntwo\r\n", "Notes of Windows")
    error = unverified(desk, digest(desk))
    assert error.details == ("notes.txt: git converts its line endings",)


def test_autocrlf_of_a_clone_is_named(desk: Desk, tmp_path: Path) -> None:
    clone = Desk(tmp_path / "clone", desk.store)
    words = ["git", "-c", "core.autocrlf=true", "clone", "-q", "-c", "core.autocrlf=true", str(desk.root)]
    subprocess.run([*words, str(clone.root)], check=True)
    error = unverified(clone, digest(clone))
    assert "run.sh: git converts its line endings" in error.details


def test_a_filter_is_named(desk: Desk) -> None:
    desk.git("config", "filter.up.clean", "tr a-z A-Z")
    desk.git("config", "filter.up.smudge", "cat")
    desk.commit(".gitattributes", "*.txt filter=up\n", "Filter")
    desk.commit("addon/notes.txt", "quiet\n", "Notes")
    error = unverified(desk, digest(desk))
    assert error.details == ("notes.txt: the commit holds other content (a filter, or an edit)",)


def test_another_digest_is_refused_though_the_folder_is_as_committed(desk: Desk) -> None:
    """The folder was edited while it was verified, and the edit was undone."""
    good = digest(desk)
    (desk.addon / "run.sh").write_text("edited\n")
    other = digest(desk)
    desk.git("checkout", "-q", "addon/run.sh")
    assert good == digest(desk)
    assert "no path differs now" in unverified(desk, other).details[0]


def test_a_committed_file_that_a_sync_leaves_out_is_a_warning(desk: Desk) -> None:
    desk.commit("ops/rsync_runtime.exclude", "*.orig\n", "Leave some out")
    desk.commit("addon/x.orig", "left out\n", "One of them")
    publish(desk.run(), PublishOptions(verified=digest(desk)))
    assert any("x.orig" in note for note in desk.recorder.notes if note.startswith("warning"))


def test_with_images_the_source_is_compared_and_not_the_flipped_config(desk: Desk) -> None:
    run = desk.run()
    require_verified(run, desk.git("rev-parse", "HEAD:addon"), digest(desk))
