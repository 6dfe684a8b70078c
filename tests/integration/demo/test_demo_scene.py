"""The demo's scene: its scratch folder, the clone, the settings, and the errors before anything starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from tests.integration.desk import Desk, isolate_git, make_desk, sh

from bb8deploy.base.errors import CheckFailed, Locked, UsageError
from bb8deploy.lanes.demo import demo
from bb8deploy.plan.sync_plan import Stamp
from bb8deploy.workspace.app_config import read_addon
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import STAMP, walk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    isolate_git(tmp_path, monkeypatch)
    return make_desk(tmp_path)


def test_the_clone_is_a_branch_of_its_own_at_the_workspaces_commit(desk: Desk, tmp_path: Path) -> None:
    desk.git("tag", "2026.1.2.0")
    desk.git("checkout", "-q", "--detach", "HEAD~1")
    with demo.scratch(tmp_path / "s p a c e") as place:
        head = demo.clone(desk.root, place)
        assert head == desk.git("rev-parse", "HEAD") == sh(place.workspace, "git", "rev-parse", "main")
        assert sh(place.workspace, "git", "remote") == ""
        assert sh(place.workspace, "git", "status", "--porcelain") == ""
        assert sh(place.workspace, "git", "tag") == "2026.1.2.0"
        assert sh(place.store, "git", "rev-parse", "--is-bare-repository") == "true"


def test_a_machine_without_a_git_identity_can_release_the_clone(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nobody").write_text("[safe]\ndirectory = *\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "nobody"))
    with demo.scratch(tmp_path / "scratch") as place:
        demo.clone(desk.root, place)
        sh(place.workspace, "git", "commit", "-q", "--allow-empty", "-m", "as the demo")
        assert "bb8deploy demo" in sh(place.workspace, "git", "log", "-1", "--format=%an")


def test_a_workspace_that_is_released_already_gets_a_change_to_release(desk: Desk, tmp_path: Path) -> None:
    version = read_addon(desk.root / "addon").version
    with demo.scratch(tmp_path / "scratch") as place:
        demo.clone(desk.root, place)
        assert not demo.change(place, place.workspace / "addon")
        desk.git("tag", version)
    with demo.scratch(tmp_path / "scratch") as place:
        head = demo.clone(desk.root, place)
        assert demo.change(place, place.workspace / "addon")
        assert sh(place.workspace, "git", "rev-parse", "HEAD~1") == head
        assert sh(place.workspace, "git", "diff", "--name-only", "HEAD~1") == "addon/DOCS.md"
        assert sh(place.workspace, "git", "status", "--porcelain") == ""
        assert not demo.change(place, place.workspace / "addon")


def test_an_app_of_a_store_gets_a_change_by_its_own_tag_and_a_stamp_on_the_host(
    desk: Desk, tmp_path: Path
) -> None:
    desk.git("mv", "addon", "lamp")
    desk.commit("repository.yaml", "name: Store\n", "Become a store")
    desk.commit("bb8deploy.toml", 'layout = "store"\n', "Publish as a store")
    info = read_addon(desk.root / "lamp")
    with demo.scratch(tmp_path / "scratch") as place:
        head = demo.clone(desk.root, place)
        lamp = place.workspace / "lamp"
        with demo.stamped(place, lamp, head):
            stamp = Stamp.parse((lamp / STAMP).read_text())
        assert stamp
        assert (stamp.version, stamp.commit) == (info.version, head)
        assert stamp.tree == walk(lamp, Ignore.of_workspace(place.workspace)).digest
        assert sh(place.workspace, "git", "status", "--porcelain") == ""
        assert not demo.change(place, lamp)
        sh(place.workspace, "git", "tag", f"{info.slug}-{info.version}")
        assert demo.change(place, lamp)
        assert sh(place.workspace, "git", "diff", "--name-only", "HEAD~1") == "lamp/DOCS.md"


def test_what_an_earlier_demo_left_is_gone_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with demo.scratch(tmp_path) as place:
        place.workspace.mkdir()
    with demo.scratch(tmp_path) as place:
        assert not place.workspace.exists()
    assert (tmp_path / "mine.txt").read_text() == "kept"


@pytest.mark.parametrize("name", ["workspace", "host", "addon-repository.git"])
def test_a_folder_that_no_demo_made_is_refused_and_kept(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("kept")
    with pytest.raises(CheckFailed, match="was not made by a demo") as caught, demo.scratch(tmp_path):
        pass
    assert caught.value.code == "DEMO_NO_FOLDER"
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name / "mine.txt").read_text() == "kept"


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with demo.scratch(tmp_path), pytest.raises(Locked, match="DEMO_RUNNING"), demo.scratch(tmp_path):
        pass
    with demo.scratch(tmp_path):
        pass


def test_a_second_demo_takes_the_folder_beside(tmp_path: Path) -> None:
    root = tmp_path / "demo"
    with demo.free_scratch(root) as first, demo.free_scratch(root) as second:
        assert (first.root, second.root) == (root, tmp_path / "demo-2")
        with demo.free_scratch(root) as third:
            assert third.root == tmp_path / "demo-3"
    with demo.free_scratch(root) as place:
        assert place.root == root


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckFailed, match="DEMO_NO_FOLDER"), demo.scratch(tmp_path / "file"):
        pass


def test_settings_survive_the_way_through_env_whatever_they_hold(tmp_path: Path) -> None:
    strange = {"HA_SSH_KEY": "/a b/it's #1\\key", "MQTT_PASSWORD": "$HOME \"x\" 'y'"}
    with demo.scratch(tmp_path) as place:
        place.workspace.mkdir()
        demo.write_settings(place, strange)
        assert (place.workspace / ".env").stat().st_mode & 0o777 == 0o600
        found = dotenv_values(place.workspace / ".env", interpolate=False)
    assert {name: found[name] for name in strange} == strange
    assert found["HA_PUBLISH_REMOTE"] == str(place.store)


def test_a_release_without_a_contract_has_no_table(tmp_path: Path) -> None:
    with demo.scratch(tmp_path) as place, pytest.raises(CheckFailed, match="DEMO_NO_RECEIPT"):
        demo.earned(place)


def test_a_folder_without_git_is_refused_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "config.yaml").write_text("name: x\n")
    with pytest.raises(UsageError, match="DEMO_NO_GIT"), demo.scratch(tmp_path / "s") as place:
        demo.clone(tmp_path, place)
    done = subprocess.run(
        [sys.executable, "-m", "bb8deploy", "demo"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "error DEMO_NO_GIT" in done.stderr
