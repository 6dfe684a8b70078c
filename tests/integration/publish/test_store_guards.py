"""The guards of the store layout, each with a real remote: people, hooks, tags, branches, private files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.desk import sh
from tests.integration.publish.test_publish_in_a_store import refused
from tests.integration.shop import FIRST, Shop, make_shop

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.publish import publish
from bb8deploy.workspace import git_remote as r
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk

pytestmark = pytest.mark.e2e

TAG = f"lamp-{FIRST}"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return make_shop(tmp_path)


def test_the_contract_and_a_dry_run_say_the_layout_and_why(shop: Shop) -> None:
    shop.change("lamp", "brighter", "Brighter")
    before = shop.refs() + shop.at_store("for-each-ref")
    run = shop.run_in_store(dry_run=True)
    outcome = publish(run)
    assert shop.refs() + shop.at_store("for-each-ref") == before
    assert outcome.pushed == ("refs/heads/main", f"refs/tags/{TAG}")
    assert any("Layout: store (origin is this repository's own remote" in x for x in shop.recorder.notes)
    assert not run.ledger.held()
    run = shop.run_in_store()
    publish(run)
    contract = json.loads((run.folder / "publish_contract_v1.json").read_text())
    assert (contract["layout"], contract["method"], contract["tag"]) == ("store", "commit", TAG)
    assert contract["read_back_tree"] == contract["tree"] == shop.tree()


def test_a_second_publish_changes_nothing_and_still_proves_both(shop: Shop) -> None:
    publish(shop.run_in_store())
    before = shop.at_store("for-each-ref")
    run = shop.run_in_store()
    assert publish(run).pushed == ()
    assert shop.at_store("for-each-ref") == before
    assert run.ledger.held() == ["SUBTREE_PUBLISH_OK", "TAG_OK"]


def test_two_apps_have_tags_of_their_own_in_one_branch(shop: Shop) -> None:
    publish(shop.run_in_store())
    publish(shop.of("fan").run_in_store())
    assert shop.at_store("tag").splitlines() == [f"fan-{FIRST}", TAG]
    assert shop.at_store("rev-list", "--count", "main") == "1"


def test_the_tag_format_can_be_set(shop: Shop) -> None:
    outcome = publish(shop.run_in_store(BB8_TAG="{slug}/v{version}"))
    assert outcome.pushed == (f"refs/tags/lamp/v{FIRST}",)
    assert shop.at_store("tag") == f"lamp/v{FIRST}"


@pytest.mark.parametrize(
    "form", ["{slug}", "{version}", "{slug} {version}", "-{slug}{version}", "{version}{version}"]
)
def test_a_tag_format_that_makes_no_tags_is_refused(shop: Shop, form: str) -> None:
    refused(shop, "TAG_FORMAT_INVALID", BB8_TAG=form)


def test_newer_commits_that_leave_the_app_alone_are_not_an_obstacle(shop: Shop, tmp_path: Path) -> None:
    other = shop.person(tmp_path / "other")
    other.commit("fan/run.sh", "#!/bin/sh\nexec false\n", "Another app")
    other.git("push", "-q", "origin", "main")
    run = shop.run_in_store()
    assert publish(run).pushed == (f"refs/tags/{TAG}",)
    assert run.ledger.held() == ["SUBTREE_PUBLISH_OK", "TAG_OK"]
    other.commit("lamp/run.sh", "#!/bin/sh\nexec false\n", "This app")
    other.git("push", "-q", "origin", "main")
    refused(shop, "REMOTE_AHEAD")


def test_a_push_between_look_and_push_is_seen(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shop.person(tmp_path / "other")
    other.commit("fan/run.sh", "#!/bin/sh\nexec false\n", "Meanwhile")
    shop.change("lamp", "brighter", "Brighter")
    real, pushes = r.push, []

    def racing(folder: Path, remote: str, targets: Sequence[tuple[str, str]]) -> None:
        if not pushes:
            other.git("push", "-q", "origin", "main")
        pushes.append(targets)
        real(folder, remote, targets)

    monkeypatch.setattr(r, "push", racing)
    run = shop.run_in_store()
    with pytest.raises(Bb8Error) as caught:
        publish(run)
    assert caught.value.code == "REMOTE_AHEAD"
    assert any("Meanwhile" in line for line in caught.value.details)
    assert len(pushes) == 1
    assert shop.at_store("log", "-1", "--format=%s", "main") == "Meanwhile"
    assert shop.at_store("tag") == shop.git("tag") == ""
    assert run.ledger.held() == []


def test_a_remote_that_takes_the_push_and_holds_another_commit_makes_no_token(shop: Shop) -> None:
    """A server hook that puts the branch back after the push, as a mirror does."""
    shop.change("lamp", "brighter", "Brighter")
    old = shop.at_store("rev-parse", "main")
    hook = shop.store / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\ngit update-ref refs/heads/main {old}\n")
    hook.chmod(0o755)
    run = shop.run_in_store()
    with pytest.raises(Bb8Error) as caught:
        publish(run)
    assert caught.value.code == "PUBLISH_READBACK"
    assert run.ledger.held() == []


def test_a_dirty_tree_is_refused_also_beside_the_app(shop: Shop) -> None:
    (shop.root / "fan" / "run.sh").write_text("changed")
    error = refused(shop, "GIT_DIRTY")
    assert any("fan/run.sh" in line for line in error.details)


def test_a_detached_head_whose_commit_users_have_gets_its_tag(shop: Shop) -> None:
    """As in CI, which checks out the commit that was pushed."""
    shop.git("checkout", "-q", "--detach")
    assert publish(shop.run_in_store()).pushed == (f"refs/tags/{TAG}",)


def test_a_branch_that_follows_the_one_of_the_store_may_have_another_name(shop: Shop) -> None:
    shop.git("branch", "-q", "-m", "work")
    shop.change("lamp", "brighter", "Brighter")
    publish(shop.run_in_store())
    assert shop.at_store("log", "-1", "--format=%s", "main") == "Brighter"


def test_a_tag_on_another_commit_with_the_same_content_is_kept(shop: Shop) -> None:
    publish(shop.run_in_store())
    tagged = shop.at_store("rev-parse", TAG)
    shop.commit("README.md", "# More\n", "Beside the app")
    run = shop.run_in_store()
    assert publish(run).pushed == ("refs/heads/main",)
    assert shop.at_store("rev-parse", TAG) == tagged
    assert run.ledger.held() == ["SUBTREE_PUBLISH_OK", "TAG_OK"]


def test_a_tag_that_the_workspace_has_is_the_one_that_is_pushed(shop: Shop) -> None:
    shop.git("tag", "-a", "-m", "By hand", TAG)
    own = shop.git("rev-parse", TAG)
    publish(shop.run_in_store())
    assert shop.at_store("rev-parse", TAG) == own


def test_a_clone_takes_over_the_tag_of_the_remote(shop: Shop) -> None:
    publish(shop.run_in_store())
    own = shop.git("rev-parse", TAG)
    shop.git("tag", "-d", TAG)
    publish(shop.run_in_store())
    assert shop.git("rev-parse", TAG) == own
    shop.git("fetch", "-q", "--tags", "origin")


def test_a_tag_on_a_commit_that_was_rewritten_is_named(shop: Shop) -> None:
    shop.commit("README.md", "# Once\n", "To be rewritten")
    shop.git("tag", TAG)
    shop.git("commit", "-q", "--amend", "-m", "Rewritten")
    error = refused(shop, "TAG_STRAY")
    assert f"git tag -d {TAG}" in error.remedy


def test_another_repository_is_never_pushed_to(shop: Shop, tmp_path: Path) -> None:
    stranger = make_shop_of_a_stranger(tmp_path)
    error = refused(
        shop, "REMOTE_UNRELATED", place=stranger, HA_PUBLISH_REMOTE=str(stranger), BB8_LAYOUT="store"
    )
    assert "subtree" in error.remedy or "HA_PUBLISH_REMOTE" in error.remedy
    shop.git("remote", "set-url", "origin", str(stranger))
    refused(shop, "REMOTE_UNRELATED", place=stranger)


def make_shop_of_a_stranger(folder: Path) -> Path:
    """The bare repository of another store, without a commit in common."""
    (folder / "stranger").mkdir()
    other = make_shop(folder / "stranger")
    other.commit("README.md", "# Of a stranger\n", "Differ")
    other.git("commit", "-q", "--amend", "--reset-author", "-m", "Differ")
    root = other.git("commit-tree", "HEAD^{tree}", "-m", "Another root")
    other.git("push", "-q", "--force", "origin", f"{root}:refs/heads/main")
    return other.store


def test_an_empty_remote_gets_its_first_branch(shop: Shop) -> None:
    shop.at_store("update-ref", "-d", "refs/heads/main")
    publish(shop.run_in_store())
    assert shop.at_store("rev-parse", "main") == shop.git("rev-parse", "HEAD")


@pytest.mark.parametrize("place", ["fan/secrets.yaml", "docs/id_ed25519", "lamp/.netrc"])
def test_no_commit_with_a_private_file_leaves_wherever_it_is(shop: Shop, place: str) -> None:
    shop.commit(place, "password: a\n", "Commit it all the same")
    shop.git("rm", "-q", place)
    shop.git("commit", "-q", "-m", "Remove it from the newest commit alone")
    error = refused(shop, "PRIVATE_FILE")
    assert any(place in line for line in error.details)


def test_the_app_repository_without_a_repository_file_is_the_same_error(shop: Shop, tmp_path: Path) -> None:
    bare = tmp_path / "app.git"
    sh(tmp_path, "git", "init", "-q", "--bare", str(bare))
    error = refused(shop, "TREE_UNFIT", place=bare, HA_PUBLISH_REMOTE=str(bare))
    assert "repository.yaml" in error.remedy


def test_subtree_split_does_not_fit_a_store(shop: Shop) -> None:
    refused(shop, "SPLIT_IN_STORE", PublishOptions(subtree_split=True))


def test_unreleased_changes_of_another_app_are_reported(shop: Shop) -> None:
    publish(shop.of("fan").run_in_store())
    shop.change("fan", "faster", "Faster")
    publish(shop.run_in_store())
    assert any(f"changes of fan, unreleased since fan-{FIRST}" in note for note in shop.recorder.notes)
    publish(shop.run_in_store())


def test_only_what_was_verified_is_published(shop: Shop) -> None:
    verified = walk(shop.addon, Ignore.of_workspace(shop.root)).digest
    publish(shop.run_in_store(), PublishOptions(commit=shop.git("rev-parse", "HEAD"), verified=verified))
    shop.change("lamp", "brighter", "Brighter")
    refused(shop, "TREE_UNVERIFIED", PublishOptions(verified=verified))
    refused(shop, "HEAD_MOVED", PublishOptions(commit=shop.git("rev-parse", "HEAD~1")))


def test_a_shallow_clone_publishes_and_reports_what_it_lacks(shop: Shop, tmp_path: Path) -> None:
    shop.change("lamp", "brighter", "Brighter")
    shop.git("push", "-q", "origin", "main")
    clone = tmp_path / "shallow"
    sh(tmp_path, "git", "clone", "-q", "--depth=1", f"file://{shop.store}", str(clone))
    shallow = Shop(clone, shop.store)
    assert publish(shallow.run_in_store()).pushed == (f"refs/tags/{TAG}",)
    shop.change("lamp", "brighter still", "Later")
    shop.git("push", "-q", "origin", "main")
    shallow.commit("README.md", "# Mine\n", "Mine")
    error = refused(shallow, "REMOTE_AHEAD")
    assert any("unshallow" in line for line in error.details)


def test_an_app_at_the_root_of_its_store_is_published(shop: Shop) -> None:
    shop.git("rm", "-q", "-r", "fan")
    for path in shop.addon.iterdir():
        shutil.move(path, shop.root / path.name)
    shop.addon.rmdir()
    shop.git("add", "-A")
    shop.git("commit", "-q", "-m", "One app alone")
    alone = Shop(shop.root, shop.store, app="")
    run = alone.run_in_store()
    publish(run)
    assert shop.at_store("rev-parse", "main") == shop.git("rev-parse", "HEAD")
    assert shop.at_store("tag") == TAG
    assert "folder" not in dict(run.ledger.lines[0].fields)
