"""Git as the workspace uses it, on real repositories with awkward content."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.desk import isolate_git, sh

from bb8deploy.base.errors import Bb8Error, CheckFailed, Locked, UsageError
from bb8deploy.workspace import git as g


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit of `addon/config.yaml`."""
    isolate_git(tmp_path, monkeypatch)
    folder = tmp_path / "repo"
    (folder / "addon").mkdir(parents=True)
    sh(folder, "git", "init", "-q")
    (folder / "addon" / "config.yaml").write_text("name: a\n")
    sh(folder, "git", "add", "-A")
    sh(folder, "git", "commit", "-qm", "Größe\n\nBody.\n\nSigned-off-by: Zoë <z@example.org>")
    return folder


def test_a_commit_in_another_encoding_is_read_and_written_in_utf8(repo: Path) -> None:
    (repo / "message").write_bytes("Zoë war hier\n".encode("latin-1"))
    sh(repo, "git", "-c", "i18n.commitEncoding=ISO-8859-1", "commit", "-q", "--allow-empty", "-F", "message")
    source = g.read_commit(repo, "HEAD")
    assert source.message.strip() == "Zoë war hier"
    made = g.write_commit(repo, source.tree, [], source, source.message)
    assert g.read_commit(repo, made).message.strip() == "Zoë war hier"


def test_a_commit_made_like_another_has_its_people_dates_and_a_stable_id(repo: Path) -> None:
    source = g.read_commit(repo, "HEAD")
    made = [g.write_commit(repo, source.tree, [source.sha], source, "x") for _ in range(2)]
    assert made[0] == made[1]
    again = g.read_commit(repo, made[0])
    assert (again.author, again.committer, again.parents) == (source.author, source.committer, (source.sha,))


def test_an_author_without_a_name_is_not_an_obstacle(repo: Path) -> None:
    source = g.read_commit(repo, "HEAD")
    nameless = g.Commit(
        source.sha, source.tree, (), g.Person("", "z@example.org", "1 +0000"), source.committer, ""
    )
    made = g.write_commit(repo, source.tree, [], nameless, "x")
    assert g.read_commit(repo, made).author == g.Person("z@example.org", "z@example.org", "1 +0000")


def test_trailers_join_the_block_that_is_there(repo: Path) -> None:
    message = g.with_trailers(repo, g.read_commit(repo, "HEAD").message, {"Source-Commit": "abc"})
    assert message.endswith("Signed-off-by: Zoë <z@example.org>\nSource-Commit: abc")
    assert g.trailers(repo, message)["source-commit"] == "abc"


def test_a_tag_object_leaves_no_ref_behind(repo: Path) -> None:
    source = g.read_commit(repo, "HEAD")
    tag = g.write_tag(repo, "1.0.0", source.sha, source, "Größe")
    assert sh(repo, "git", "cat-file", "-t", tag) == "tag"
    assert sh(repo, "git", "tag") == ""


def test_a_hooks_environment_does_not_redirect_a_call(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert g.resolve(repo, "HEAD")


def test_a_tree_is_written_out_byte_for_byte(repo: Path, tmp_path: Path) -> None:
    (repo / "addon" / "run.sh").write_bytes(b"#!/bin/sh\r\n")
    (repo / "addon" / "run.sh").chmod(0o755)
    (repo / ".gitattributes").write_text("secret export-ignore\n")
    (repo / "addon" / "secret").write_text("kept")
    sh(repo, "git", "add", "-A")
    sh(repo, "git", "commit", "-qm", "More")
    sh(repo, "git", "config", "core.autocrlf", "true")
    out = tmp_path / "out"
    out.mkdir()
    g.write_tree_files(repo, g.folder_tree(repo, repo / "addon"), out)
    assert (out / "run.sh").read_bytes() == b"#!/bin/sh\r\n"
    assert (out / "run.sh").stat().st_mode & 0o100
    assert (out / "secret").read_text() == "kept"
    assert sh(repo, "git", "status", "--porcelain") == ""


def test_a_folder_that_was_never_committed_is_named(repo: Path) -> None:
    (repo / "other").mkdir()
    with pytest.raises(UsageError) as caught:
        g.folder_tree(repo, repo / "other")
    assert caught.value.code == "ADDON_NOT_COMMITTED"


def test_a_lock_that_a_killed_git_left_is_named(repo: Path) -> None:
    (repo / ".git" / "index.lock").touch()
    with pytest.raises(Locked) as caught:
        g.git(repo, "add", "-A")
    assert caught.value.code == "GIT_LOCKED"
    assert any("index.lock" in line for line in caught.value.details)


@pytest.mark.parametrize(
    ("state", "words"), [("MERGE_HEAD", "a merge"), ("rebase-merge", "a rebase"), ("x", "")]
)
def test_what_git_is_in_the_middle_of_is_known(repo: Path, state: str, words: str) -> None:
    (repo / ".git" / state).touch()
    assert g.unfinished(repo) == words


def test_a_folder_outside_of_any_repository_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        g.require_clean(tmp_path)
    assert caught.value.code == "GIT_NO_COMMIT"


def test_a_call_that_takes_too_long_is_stopped(repo: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        g.git(repo, "-c", "alias.wait=!sleep 30", "wait", deadline=0.2)
    assert caught.value.code == "GIT_TIMEOUT"


def test_a_missing_git_is_a_usage_error(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo))
    with pytest.raises(Bb8Error) as caught:
        g.git(repo, "status")
    assert caught.value.code == "GIT_MISSING"
