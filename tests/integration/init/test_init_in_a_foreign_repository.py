"""`bb8deploy init` in a repository without settings: apps, layout, and what goes into which file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tests.integration.init.conftest import CONFIG, Clone
from tests.integration.init.test_init_in_scripts import given
from tests.integration.small_addon import DOCKERFILE, RUN_SH

from ha_sandbox import Sandbox


@pytest.fixture
def store(clone: Clone) -> Clone:
    """A store with two apps and a remote of its own."""
    clone.git("mv", "addon", "lamp")
    fan = CONFIG.replace("beep_boop_bb8", "fan")
    files = {
        "config.yaml": fan,
        "Dockerfile": DOCKERFILE,
        "run.sh": RUN_SH,
    }
    (clone.root / "fan").mkdir()
    for name, text in files.items():
        (clone.root / "fan" / name).write_text(text)
    (clone.root / "repository.yaml").write_text("name: Store\n")
    clone.git("add", "-A")
    clone.git("-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", "Make it a store")
    bare = clone.home / "store.git"
    clone.git("init", "-q", "--bare", "-b", "main", str(bare))
    clone.git("remote", "add", "origin", str(bare))
    return clone


def settled(clone: Clone, box: Sandbox, *more: str, **other: str) -> str:
    words, secrets = given(box, **other)
    done = clone.run("init", "--non-interactive", *words, *more, **secrets)
    assert done.returncode == 0, done.stderr
    for secret in secrets.values():
        for path in (clone.root / ".gitignore", clone.root / "bb8deploy.toml"):
            assert secret not in path.read_text("utf-8"), path
    return done.stdout + done.stderr


def table(clone: Clone) -> dict[str, object]:
    return tomllib.loads((clone.root / "bb8deploy.toml").read_text("utf-8"))


def test_two_apps_of_a_store_get_one_folder_each(store: Clone, box: Sandbox) -> None:
    folders = {"HA_REMOTE_RUNTIME": f"{box.local_root}/{{slug}}", "HA_REMOTE_SLUG": ""}
    said = settled(store, box, **folders, HA_PUBLISH_REMOTE="origin")
    assert "found 2 apps: fan, lamp; layout store" in said
    assert table(store) == {"layout": "store", "publish_remote": "origin"}
    assert "publish_remote" not in store.env_file.read_text("utf-8")
    known = box.env()["HA_SSH_KNOWN_HOSTS"]
    for app in ("fan", "lamp"):
        shown = store.run("deploy", "--dry-run", "--addon", app, HA_SSH_KNOWN_HOSTS=known)
        assert shown.returncode == 0, shown.stderr
    assert set(store.git("status", "--porcelain", "--untracked-files=all").split()[1::2]) == {
        ".gitignore",
        "bb8deploy.toml",
    }


def test_one_app_without_a_store_is_a_subtree(clone: Clone, box: Sandbox) -> None:
    said = settled(clone, box)
    assert "found one app: addon; layout subtree" in said
    assert table(clone) == {"layout": "subtree"}


@pytest.mark.parametrize("remote", ["{home}/other.git", "file://{home}/other.git"])
def test_a_place_of_this_machine_stays_in_the_users_own_file(clone: Clone, box: Sandbox, remote: str) -> None:
    clone.git("init", "-q", "--bare", str(clone.home / "other.git"))
    remote = remote.format(home=clone.home)
    settled(clone, box, HA_PUBLISH_REMOTE=remote)
    assert table(clone) == {"layout": "subtree"}
    assert f"HA_PUBLISH_REMOTE={remote}" in clone.env_file.read_text("utf-8")


def test_a_store_whose_users_get_another_branch_than_main_is_published_to_that(
    store: Clone, box: Sandbox
) -> None:
    store.git("branch", "-M", "trunk")
    store.git("push", "-q", "origin", "trunk")
    store.git("remote", "set-head", "origin", "trunk")
    settled(store, box, HA_PUBLISH_REMOTE="origin")
    assert table(store) == {"layout": "store", "publish_remote": "origin", "publish_branch": "trunk"}


def test_settings_that_are_there_are_not_changed(store: Clone, box: Sandbox) -> None:
    file = store.root / "bb8deploy.toml"
    file.write_text('# mine\nlayout = "store"\n')
    settled(store, box, "--addon", "lamp", HA_PUBLISH_REMOTE="origin")
    assert file.read_text() == '# mine\nlayout = "store"\n'
    assert "HA_PUBLISH_REMOTE=origin" in store.env_file.read_text("utf-8")


def test_a_target_of_its_own_writes_nothing_shared(store: Clone, box: Sandbox) -> None:
    words, secrets = given(box)
    done = store.run("init", "--non-interactive", "--target", "barn", "--addon", "lamp", *words, **secrets)
    assert done.returncode == 0, done.stderr
    assert not (store.root / "bb8deploy.toml").exists()
    assert Path(store.root / ".env.barn").is_file()
