"""The store layout: the workspace's own commits are pushed as they are, and every guard holds there too."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from tests.integration.desk import sh
from tests.integration.shop import FIRST, Shop, make_shop

from bb8deploy.base.errors import Bb8Error
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.publish import publish

TAG = f"lamp-{FIRST}"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return make_shop(tmp_path)


def refused(
    shop: Shop,
    code: str,
    options: PublishOptions | None = None,
    *,
    place: Path | None = None,
    **settings: str,
) -> Bb8Error:
    """Publishes, expects the error `code`, and checks that no ref moved anywhere and no token was written."""
    run, at = shop.run_in_store(**settings), place or shop.store
    before = shop.refs() + sh(at, "git", "for-each-ref")
    with pytest.raises(Bb8Error) as caught:
        publish(run, options)
    assert caught.value.code == code, caught.value
    assert shop.refs() + sh(at, "git", "for-each-ref") == before
    assert run.ledger.held() == []
    return caught.value


def test_the_commit_and_a_tag_of_the_app_are_pushed_as_they_are(shop: Shop) -> None:
    commit = shop.change("lamp", "brighter", "Brighter")
    run = shop.run_in_store()
    outcome = publish(run)
    assert shop.at_store("rev-parse", "main") == shop.git("rev-parse", "HEAD") == commit == outcome.commit
    assert outcome.pushed == ("refs/heads/main", f"refs/tags/{TAG}")
    assert shop.at_store("cat-file", "-t", TAG) == "tag"
    assert shop.at_store("rev-parse", f"{TAG}^{{commit}}") == commit
    assert "First words of lamp" in shop.at_store("tag", "-l", "--format=%(contents)", TAG)
    assert shop.at_store("rev-parse", TAG) == shop.git("rev-parse", TAG)
    assert run.ledger.held() == ["SUBTREE_PUBLISH_OK", "TAG_OK"]
    branch, tag = (dict(line.fields) for line in run.ledger.lines)
    assert (branch["ref"], branch["folder"], branch["tree"]) == (f"main@{commit}", "lamp", shop.tree())
    assert (tag["tag"], tag["commit"]) == (TAG, commit)


def test_a_push_of_another_person_is_named_and_never_replaced(shop: Shop, tmp_path: Path) -> None:
    other = shop.person(tmp_path / "other")
    other.commit("fan/run.sh", "#!/bin/sh\nexec false\n", "Work of another person")
    other.git("push", "-q", "origin", "main")
    shop.change("lamp", "brighter", "Brighter")
    for options in (None, PublishOptions(overwrite=True)):
        error = refused(shop, "REMOTE_AHEAD", options)
        assert any("Work of another person" in line for line in error.details)
    shop.git("branch", "-q", "--unset-upstream")
    sh(shop.root, *shlex.split(error.remedy.split("`")[1]))
    publish(shop.run_in_store())
    assert shop.at_store("log", "-1", "--format=%s", "main^") == "Work of another person"


def test_a_hook_that_rejects_leaves_neither_branch_nor_tag(shop: Shop) -> None:
    shop.change("lamp", "brighter", "Brighter")
    hook = shop.store / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/tags/*) echo "GH006: protected" >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    refused(shop, "REMOTE_PROTECTED")


def test_a_commit_of_another_branch_does_not_get_to_the_users(shop: Shop) -> None:
    shop.git("switch", "-q", "-c", "idea")
    shop.change("lamp", "brighter", "Brighter")
    error = refused(shop, "BRANCH_OTHER")
    assert "on the branch idea" in error.cause
    shop.git("checkout", "-q", "--detach")
    assert "on no branch" in refused(shop, "BRANCH_OTHER").cause


def test_a_tag_on_other_content_is_never_moved(shop: Shop) -> None:
    publish(shop.run_in_store())
    shop.git("tag", "-d", TAG)
    shop.change("lamp", "brighter", "Change without a bump")
    refused(shop, "TAG_EXISTS")
    shop.git("reset", "-q", "--hard", "HEAD~1")
    shop.git("tag", TAG)
    shop.change("lamp", "brighter", "Change without a bump")
    refused(shop, "TAG_EXISTS")


def test_without_a_repository_file_it_is_an_error_that_reports_what_to_do(shop: Shop) -> None:
    shop.git("rm", "-q", "repository.yaml")
    shop.git("commit", "-q", "-m", "Drop it")
    error = refused(shop, "TREE_UNFIT", BB8_LAYOUT="store")
    assert "REPOSITORY_MISSING" in error.cause
    assert "repository.yaml" in error.remedy
