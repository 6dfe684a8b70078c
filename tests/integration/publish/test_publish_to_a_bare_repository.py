"""Publishing to real git repositories: what arrives, what is refused, and that a refusal leaves no trace."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.desk import Desk

from bb8deploy.base.errors import Bb8Error, CheckFailed, Refused, Unreachable, UsageError
from bb8deploy.lanes.publish.outcome import PublishOptions
from bb8deploy.lanes.publish.publish import publish
from bb8deploy.runs.run import Run

VERSION = "2026.1.2.0"


def refused(
    desk: Desk,
    code: str,
    run: Run | None = None,
    options: PublishOptions | None = None,
    kind: type[Bb8Error] = Bb8Error,
) -> Bb8Error:
    """Publishes, expects the error `code`, and checks that the workspace and the tokens are untouched."""
    run = run or desk.run()
    before = desk.refs()
    with pytest.raises(kind) as caught:
        publish(run, options)
    assert caught.value.code == code
    assert caught.value.remedy
    assert desk.refs() == before
    assert not run.ledger.held()
    return caught.value


def edit_at_store(desk: Desk, tmp_path: Path, path: str, text: str, message: str = "Edit by hand") -> None:
    """Another user edits the published repository directly."""
    clone = tmp_path / f"clone-{len(list(tmp_path.iterdir()))}"
    subprocess.run(["git", "clone", "-q", str(desk.store), str(clone)], check=True)
    (clone / path).write_text(text)
    for words in (["add", "-A"], ["commit", "-qm", message], ["push", "-q", "origin", "HEAD:main"]):
        subprocess.run(["git", "-C", str(clone), *words], check=True)


def test_the_published_tree_is_the_committed_folder_and_carries_its_source(desk: Desk) -> None:
    run = desk.run()
    outcome = publish(run)
    assert desk.at_store("rev-parse", "main^{tree}") == desk.git("rev-parse", "HEAD:addon")
    assert outcome.pushed == ("refs/heads/main", f"refs/tags/{VERSION}")
    form = "%an|%ae|%ad|%cn|%cd|%s"
    at_store = desk.at_store("log", "-1", "--date=raw", f"--format={form}", "main")
    assert at_store == desk.git("log", "-1", "--date=raw", f"--format={form}")
    assert "Zoë Ångström" in at_store
    assert f"Source-Commit: {desk.git('rev-parse', 'HEAD')}" in desk.at_store(
        "log", "-1", "--format=%B", "main"
    )
    assert run.ledger.held() == ["SUBTREE_PUBLISH_OK", "TAG_OK"]


def test_the_tag_is_annotated_with_the_changelog_and_points_at_the_published_commit(desk: Desk) -> None:
    publish(desk.run())
    assert desk.at_store("cat-file", "-t", VERSION) == "tag"
    assert desk.at_store("rev-parse", f"{VERSION}^{{commit}}") == desk.at_store("rev-parse", "main")
    assert "- First words" in desk.at_store("tag", "-l", "--format=%(contents)", VERSION)
    assert desk.git("rev-parse", f"{VERSION}^{{commit}}") == desk.git("rev-parse", "HEAD")


def test_a_second_publish_changes_nothing_and_still_proves_both(desk: Desk) -> None:
    publish(desk.run())
    before = desk.at_store("for-each-ref")
    run = desk.run()
    outcome = publish(run)
    assert outcome.pushed == ()
    assert desk.at_store("for-each-ref") == before
    assert run.ledger.held() == ["SUBTREE_PUBLISH_OK", "TAG_OK"]
    assert any("Nothing to publish" in note for note in desk.recorder.notes)


def test_a_later_version_goes_on_top_without_force(desk: Desk) -> None:
    first = publish(desk.run()).commit
    bump_by_hand(desk, "2026.1.2.1")
    second = publish(desk.run()).commit
    assert desk.at_store("rev-parse", "main^") == first
    assert desk.at_store("rev-parse", "main") == second


def bump_by_hand(desk: Desk, version: str) -> None:
    """A version moved as a person would."""
    config = desk.addon / "config.yaml"
    old = config.read_text()
    log = desk.addon / "CHANGELOG.md"
    log.write_text(log.read_text().replace("# Changelog\n", f"# Changelog\n\n## {version}\n\n- More\n"))
    current = next(line for line in old.splitlines() if line.startswith("version")).split('"')[1]
    desk.commit("addon/config.yaml", old.replace(current, version), f"Release {version}")


def test_a_dirty_tree_is_refused_with_its_paths(desk: Desk) -> None:
    (desk.addon / "run.sh").write_text("changed")
    error = refused(desk, "GIT_DIRTY", kind=CheckFailed)
    assert any("run.sh" in line for line in error.details)


def test_a_hand_edit_on_the_remote_is_shown_and_refused_without_overwrite(desk: Desk, tmp_path: Path) -> None:
    publish(desk.run())
    edit_at_store(desk, tmp_path, "run.sh", "#!/bin/sh\necho by hand\n")
    bump_by_hand(desk, "2026.1.2.1")
    error = refused(desk, "REMOTE_EDITED", kind=CheckFailed)
    assert "+echo by hand" in error.details
    outcome = publish(desk.run(), PublishOptions(overwrite=True))
    assert outcome.overwritten == ("run.sh",)
    assert desk.at_store("log", "--format=%s", "main").splitlines()[1] == "Edit by hand"


def test_the_tag_of_a_version_stays_where_a_hand_edit_was_taken_back(desk: Desk, tmp_path: Path) -> None:
    publish(desk.run())
    tagged = desk.at_store("rev-parse", "2026.1.2.0^{commit}")
    edit_at_store(desk, tmp_path, "run.sh", "#!/bin/sh\necho by hand\n")
    run = desk.run()
    outcome = publish(run, PublishOptions(overwrite=True))
    assert outcome.commit != outcome.tag_commit == tagged
    # What the catalogue says of TAG_OK: a commit of the branch, with the planned tree.
    desk.at_store("merge-base", "--is-ancestor", tagged, "main")
    assert desk.at_store("rev-parse", f"{tagged}^{{tree}}") == desk.git("rev-parse", "HEAD:addon")
    assert dict(run.ledger.lines[-1].fields)["commit"] == tagged


def test_a_hand_edit_that_was_brought_home_is_not_an_obstacle(desk: Desk, tmp_path: Path) -> None:
    publish(desk.run())
    edit_at_store(desk, tmp_path, "run.sh", "#!/bin/sh\necho by hand\n")
    desk.commit("addon/run.sh", "#!/bin/sh\necho by hand\n", "Take the edit over")
    desk.commit("addon/run.sh", "#!/bin/sh\necho by hand, and more\n", "Go on")
    bump_by_hand(desk, "2026.1.2.1")
    assert publish(desk.run()).overwritten == ()


def test_a_repository_begun_on_the_website_is_not_overwritten_silently(desk: Desk, tmp_path: Path) -> None:
    edit_at_store(desk, tmp_path, "README.md", "# Made on the website\n", "Initial commit")
    refused(desk, "REMOTE_EDITED")


def test_a_repository_that_the_seed_published_is_built_upon(desk: Desk) -> None:
    split = desk.git("subtree", "split", "-q", "-P", "addon", check=False)
    if not split:
        pytest.skip("SKIPPED: git subtree is not installed")
    desk.git("push", "-q", str(desk.store), f"{split}:refs/heads/main")
    bump_by_hand(desk, "2026.1.2.1")
    publish(desk.run())
    assert desk.at_store("rev-parse", "main^") == split


def test_subtree_split_publishes_the_same_tree_the_seeds_way(desk: Desk) -> None:
    if "-P" not in desk.git("subtree", "-h", check=False) + desk.git("subtree", "split", "-h", check=False):
        pytest.skip("SKIPPED: git subtree is not installed")
    outcome = publish(desk.run(), PublishOptions(subtree_split=True))
    assert desk.at_store("rev-parse", "main^{tree}") == desk.git("rev-parse", "HEAD:addon")
    assert outcome.method == "subtree-split"
    assert desk.at_store("rev-list", "--count", "main") == "3"


def test_subtree_split_never_forces_over_another_history(desk: Desk) -> None:
    if "-P" not in desk.git("subtree", "-h", check=False) + desk.git("subtree", "split", "-h", check=False):
        pytest.skip("SKIPPED: git subtree is not installed")
    publish(desk.run())
    bump_by_hand(desk, "2026.1.2.1")
    refused(desk, "REMOTE_DIVERGED", options=PublishOptions(subtree_split=True), kind=Refused)


def test_a_tag_on_another_tree_is_refused(desk: Desk) -> None:
    publish(desk.run())
    desk.git("tag", "-d", VERSION)
    desk.commit("addon/run.sh", "#!/bin/sh\nexec false\n", "Change without a bump")
    refused(desk, "TAG_EXISTS", kind=CheckFailed)


def test_a_local_tag_on_another_tree_is_refused(desk: Desk) -> None:
    desk.git("tag", VERSION)
    desk.commit("addon/run.sh", "#!/bin/sh\nexec false\n", "Change without a bump")
    refused(desk, "TAG_EXISTS", kind=CheckFailed)


def test_a_branch_that_another_tool_pushed_without_its_tag_gets_the_tag(desk: Desk) -> None:
    publish(desk.run())
    desk.at_store("update-ref", "-d", f"refs/tags/{VERSION}")
    outcome = publish(desk.run())
    assert outcome.pushed == (f"refs/tags/{VERSION}",)
    assert desk.at_store("rev-parse", f"{VERSION}^{{commit}}") == desk.at_store("rev-parse", "main")


def test_a_tag_that_another_tool_left_beside_the_branch_is_named(desk: Desk) -> None:
    stray = desk.git("commit-tree", "HEAD:addon", "-m", "stray")
    desk.git("push", "-q", str(desk.store), f"{stray}:refs/tags/{VERSION}")
    refused(desk, "TAG_STRAY", kind=CheckFailed)


def test_a_missing_remote_reports_it(desk: Desk, tmp_path: Path) -> None:
    refused(desk, "REMOTE_NOT_FOUND", desk.run(remote=str(tmp_path / "nowhere.git")), kind=Unreachable)


def test_no_remote_at_all_is_a_usage_error(desk: Desk) -> None:
    refused(desk, "PUBLISH_REMOTE_MISSING", desk.run(remote=""), kind=UsageError)


def test_a_host_that_does_not_answer_is_unreachable(desk: Desk) -> None:
    refused(desk, "REMOTE_UNREACHABLE", desk.run(remote="http://127.0.0.1:9/store.git"), kind=Unreachable)


def test_credentials_in_an_address_are_never_shown(desk: Desk) -> None:
    run = desk.run(remote="http://zoe:hunter22@127.0.0.1:9/store.git")
    error = refused(desk, "REMOTE_UNREACHABLE", run)
    texts = [str(error), error.remedy, *error.details, run.journal.path.read_text()]
    texts += [path.read_text() for path in run.folder.rglob("*.json")]
    assert not any("hunter22" in text for text in texts)


def test_a_protected_branch_is_named_and_nothing_is_half_pushed(desk: Desk) -> None:
    hook = desk.store / "hooks" / "update"
    hook.write_text(
        '#!/bin/sh\ncase "$1" in refs/heads/*) echo "GH006: protected branch" >&2; exit 1;; esac\n'
    )
    hook.chmod(0o755)
    refused(desk, "REMOTE_PROTECTED", kind=Refused)
    assert desk.at_store("for-each-ref") == ""


def test_a_repository_without_write_permission_is_refused(desk: Desk) -> None:
    hook = desk.store / "hooks" / "pre-receive"
    hook.write_text('#!/bin/sh\necho "error: insufficient permission for adding an object" >&2\nexit 1\n')
    hook.chmod(0o755)
    error = refused(desk, "REMOTE_PROTECTED", kind=Refused)
    assert any("insufficient permission" in line for line in error.details)


def test_a_push_between_look_and_push_is_built_upon(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(desk.run())
    bump_by_hand(desk, "2026.1.2.1")
    from bb8deploy.workspace import git_remote as r

    pushes: list[object] = []
    real = r.push

    def racing(folder: Path, remote: str, targets: Sequence[tuple[str, str]]) -> None:
        if not pushes:
            tree = desk.at_store("rev-parse", "main^{tree}")
            trailer = f"Meanwhile\n\nAddon-Tree: {tree}"
            other = desk.at_store("commit-tree", tree, "-p", "main", "-m", trailer)
            desk.at_store("update-ref", "refs/heads/main", other)
        pushes.append(targets)
        real(folder, remote, targets)

    monkeypatch.setattr(r, "push", racing)
    publish(desk.run())
    assert len(pushes) == 2
    assert desk.at_store("log", "--format=%s", "main").splitlines()[1] == "Meanwhile"


def test_versions_that_disagree_are_refused(desk: Desk) -> None:
    desk.commit("addon/pyproject.toml", '[project]\nname = "x"\nversion = "1.0.0"\n', "Add a package")
    error = refused(desk, "VERSION_DISAGREES", kind=CheckFailed)
    assert "pyproject.toml has 1.0.0" in error.cause


def test_a_changelog_without_the_version_is_refused(desk: Desk) -> None:
    desk.commit("addon/CHANGELOG.md", "# Changelog\n\n## 2025.1.1.0\n", "Forget the changelog")
    assert "no heading" in refused(desk, "VERSION_DISAGREES").cause


def test_a_shallow_clone_publishes_the_same_tree_and_stays_as_shallow(desk: Desk, tmp_path: Path) -> None:
    publish(desk.run())
    bump_by_hand(desk, "2026.1.2.1")
    shallow = Desk(tmp_path / "shallow", desk.store)
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{desk.root}", str(shallow.root)], check=True)
    boundary = (shallow.root / ".git" / "shallow").read_text()
    outcome = publish(shallow.run())
    assert outcome.tree == desk.git("rev-parse", "HEAD:addon")
    assert (shallow.root / ".git" / "shallow").read_text() == boundary


def test_a_worktree_with_a_detached_head_publishes(desk: Desk, tmp_path: Path) -> None:
    desk.git("worktree", "add", "-q", "--detach", str(tmp_path / "tree"))
    tree = Desk(tmp_path / "tree", desk.store)
    publish(tree.run())
    assert desk.at_store("rev-parse", "main^{tree}") == desk.git("rev-parse", "HEAD:addon")


def test_a_dry_run_pushes_nothing_and_names_the_refs(desk: Desk) -> None:
    before = desk.refs()
    run = desk.run(dry_run=True)
    outcome = publish(run)
    assert outcome.pushed == ("refs/heads/main", f"refs/tags/{VERSION}")
    assert desk.at_store("for-each-ref") == ""
    assert desk.refs() == before
    assert not run.ledger.held()


def test_the_contract_reports_what_was_read_back(desk: Desk) -> None:
    run = desk.run()
    publish(run)
    contract = json.loads((run.folder / "publish_contract_v1.json").read_text())
    assert contract["verdict"] == "PASS"
    assert contract["read_back_tree"] == contract["tree"] == desk.git("rev-parse", "HEAD:addon")


def test_a_refused_publish_leaves_a_failed_contract(desk: Desk) -> None:
    desk.at_store("config", "receive.denyCurrentBranch", "refuse")
    hook = desk.store / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    run = desk.run()
    refused(desk, "REMOTE_PROTECTED", run)
    contract = json.loads((run.folder / "publish_contract_v1.json").read_text())
    assert contract["verdict"] == "FAIL"
    assert contract["error"].startswith("REMOTE_PROTECTED")


def test_the_headings_of_a_changelog_section_stay_in_both_tags(desk: Desk) -> None:
    text = f"# Changelog\n\n## {VERSION}\n\n### Fixed\n\n- It\n"
    desk.commit("addon/CHANGELOG.md", text, "Say more")
    publish(desk.run())
    for side in (desk.git, desk.at_store):
        assert "### Fixed" in side("tag", "-l", "--format=%(contents)", VERSION)


def test_a_workspace_that_does_not_ignore_its_reports_is_not_dirty_by_them(desk: Desk) -> None:
    desk.commit(".gitignore", "", "Ignore nothing")
    publish(desk.run())
    assert publish(desk.run()).pushed == ()
