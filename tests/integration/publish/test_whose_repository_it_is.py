"""A publish knows a source repository when it sees one, and removes nothing that is not the app's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.integration.desk import Desk, sh
from tests.integration.publish.test_publish_to_a_bare_repository import bump_by_hand, edit_at_store

from bb8deploy.base.errors import CheckFailed
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.publish import publish


def refused(desk: Desk, code: str, remote: str | None = None, *, overwrite: bool = True) -> CheckFailed:
    """Publishes with `--overwrite` and expects the error `code`; the remote stays as it was."""
    run = desk.run(remote=remote)
    place = Path(remote) if remote and Path(remote).is_dir() else desk.store
    before = sh(place, "git", "for-each-ref")
    with pytest.raises(CheckFailed) as caught:
        publish(run, PublishOptions(overwrite=overwrite))
    assert caught.value.code == code
    assert sh(place, "git", "for-each-ref") == before
    assert run.ledger.held() == []
    return caught.value


@pytest.fixture
def origin(desk: Desk, tmp_path: Path) -> Path:
    """The author's own repository, pushed to and followed by the branch."""
    bare = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    desk.git("remote", "add", "origin", str(bare))
    desk.git("push", "-q", "-u", "origin", "main")
    return bare


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_repository_that_one_works_in_is_refused(desk: Desk, origin: Path, overwrite: bool) -> None:
    error = refused(desk, "SOURCE_REPOSITORY", "origin", overwrite=overwrite)
    assert "--overwrite" not in error.remedy
    refused(desk, "SOURCE_REPOSITORY", str(origin), overwrite=overwrite)


def test_it_is_refused_while_commits_wait_to_be_pushed(desk: Desk, origin: Path) -> None:
    desk.commit("README.md", "# Source\n", "Not pushed yet")
    refused(desk, "SOURCE_REPOSITORY", str(origin))


def test_it_is_refused_when_it_has_commits_that_this_clone_lacks(desk: Desk, origin: Path) -> None:
    desk.commit("README.md", "# Source\n", "From another machine")
    desk.git("push", "-q", "origin", "main")
    desk.git("reset", "-q", "--hard", "HEAD~1")
    refused(desk, "SOURCE_REPOSITORY", str(origin))


def test_it_is_refused_after_its_history_was_begun_again(desk: Desk, origin: Path) -> None:
    other = desk.git("commit-tree", "HEAD^{tree}", "-m", "Squashed")
    desk.git("push", "-q", "--force", "origin", f"{other}:refs/heads/main")
    refused(desk, "SOURCE_REPOSITORY", str(origin))


def test_it_is_refused_from_a_shallow_clone(desk: Desk, origin: Path, tmp_path: Path) -> None:
    shallow = Desk(tmp_path / "shallow", origin)
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{origin}", str(shallow.root)], check=True)
    desk.commit("README.md", "# Source\n", "Later")
    desk.git("push", "-q", "origin", "main")
    refused(shallow, "SOURCE_REPOSITORY", f"file://{origin}")


def test_an_app_at_the_root_of_its_repository_is_refused_as_well(desk: Desk, tmp_path: Path) -> None:
    root = Desk(tmp_path / "flat", tmp_path / "flat.git")
    subprocess.run(["git", "clone", "-q", str(desk.root), str(root.root)], check=True)
    root.git("rm", "-q", "-r", "--cached", ".")
    for path in desk.addon.iterdir():
        (root.root / path.name).write_bytes(path.read_bytes())
    shutil.rmtree(root.addon)
    root.git("add", "-A")
    root.git("commit", "-q", "-m", "Flat")
    subprocess.run(["git", "clone", "-q", "--bare", str(root.root), str(root.store)], check=True)
    run = root.run()
    run.addon = root.root
    with pytest.raises(CheckFailed) as caught:
        publish(run, PublishOptions(overwrite=True))
    assert caught.value.code == "SOURCE_REPOSITORY"


def test_another_branch_of_it_may_hold_the_app(desk: Desk, origin: Path) -> None:
    run = desk.run({"HA_PUBLISH_BRANCH": "store"}, remote=str(origin))
    publish(run)
    assert sh(origin, "git", "rev-parse", "store^{tree}") == desk.git("rev-parse", "HEAD:addon")
    bump_by_hand(desk, "2026.1.2.1")
    publish(desk.run({"HA_PUBLISH_BRANCH": "store"}, remote=str(origin)))


def test_an_app_repository_that_was_merged_into_the_source_is_not_a_source(desk: Desk) -> None:
    """`git subtree merge` brings the app repository's commits into our history."""
    publish(desk.run())
    desk.git("fetch", "-q", str(desk.store), "main")
    desk.git("merge", "-q", "-s", "ours", "--allow-unrelated-histories", "-m", "Merge", "FETCH_HEAD")
    bump_by_hand(desk, "2026.1.2.1")
    publish(desk.run())


def test_overwrite_removes_no_file_that_is_not_the_apps(desk: Desk, tmp_path: Path) -> None:
    edit_at_store(desk, tmp_path, "LICENSE", "MIT\n", "Begun on the website")
    error = refused(desk, "REMOTE_FOREIGN")
    assert error.details == ("LICENSE",)


def test_overwrite_removes_no_file_that_was_added_later(desk: Desk, tmp_path: Path) -> None:
    publish(desk.run())
    edit_at_store(desk, tmp_path, "notes.md", "By hand\n")
    bump_by_hand(desk, "2026.1.2.1")
    refused(desk, "REMOTE_FOREIGN")
    refused(desk, "REMOTE_EDITED", overwrite=False)


def test_overwrite_takes_back_what_was_once_published(desk: Desk, tmp_path: Path) -> None:
    desk.commit("addon/old.txt", "old\n", "An old file")
    publish(desk.run())
    desk.git("rm", "-q", "addon/old.txt")
    desk.git("commit", "-q", "-m", "Drop it")
    bump_by_hand(desk, "2026.1.2.1")
    publish(desk.run())
    edit_at_store(desk, tmp_path, "old.txt", "back\n")
    bump_by_hand(desk, "2026.1.2.2")
    assert publish(desk.run(), PublishOptions(overwrite=True)).overwritten == ("old.txt",)


def test_a_default_branch_of_another_name_is_a_warning(desk: Desk) -> None:
    publish(desk.run())
    desk.at_store("branch", "trunk", "main")
    desk.at_store("symbolic-ref", "HEAD", "refs/heads/trunk")
    publish(desk.run())
    assert any("default branch" in note and "trunk" in note for note in desk.recorder.notes)


def test_a_default_branch_that_does_not_exist_is_a_warning(desk: Desk) -> None:
    desk.at_store("symbolic-ref", "HEAD", "refs/heads/trunk")
    publish(desk.run())
    assert any("default branch" in note for note in desk.recorder.notes)
