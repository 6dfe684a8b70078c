"""Where a new app goes, and that nothing that exists is changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.lanes.new import new as lane
from bb8deploy.lanes.new.app_template import Language
from bb8deploy.lanes.new.new import create
from bb8deploy.lanes.new.next_steps import next_steps
from bb8deploy.workspace.git import git
from bb8deploy.workspace.project import find_project


@pytest.fixture(autouse=True)
def known_to_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git configuration of the test's own that names an author."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ann\n\temail = ann@example.org\n", encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return config


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """The folder in which the user works."""
    folder = tmp_path / "desk"
    folder.mkdir()
    return folder


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"folder"
        for path in sorted(root.rglob("*"))
        if ".git" not in path.relative_to(root).parts
    }


def refused(start: Path, name: str = "lamp") -> str:
    before = snapshot(start)
    with pytest.raises(UsageError) as error:
        create(start, name, Language.PYTHON)
    assert snapshot(start) == before
    return error.value.code


def test_a_store_of_its_own_with_one_commit(desk: Path) -> None:
    created = create(desk, "lamp", Language.PYTHON)
    assert created.committed
    assert git(created.place.root, "log", "--format=%an %s") == "Ann Add the app Lamp"
    assert git(created.place.root, "status", "--porcelain") == ""
    assert set(git(created.place.root, "ls-files").splitlines()) == set(created.files)
    project = find_project(created.place.root)
    assert (project.addon, project.tests) == (desk / "lamp" / "lamp", desk / "lamp" / "tests" / "lamp")


def test_one_more_app_in_a_store(desk: Path) -> None:
    first = create(desk, "lamp", Language.PYTHON)
    before = snapshot(first.place.root)
    second = create(first.app, "fan", Language.SHELL)
    assert second.place.root == first.place.root
    assert not second.committed
    after = snapshot(first.place.root)
    assert {path: after[path] for path in before} == before
    assert find_project(second.app).tests == first.place.root / "tests" / "fan"
    assert os.access(second.app / "run.sh", os.X_OK)


def test_a_folder_of_that_name_is_left_alone(desk: Path) -> None:
    (desk / "lamp").mkdir()
    (desk / "lamp" / "notes.txt").write_text("mine", encoding="utf-8")
    assert refused(desk) == "NEW_EXISTS"


def test_a_link_of_that_name_is_left_alone(desk: Path) -> None:
    (desk / "lamp").symlink_to(desk / "nowhere")
    assert refused(desk) == "NEW_EXISTS"


def test_an_app_or_its_tests_are_left_alone(desk: Path) -> None:
    root = create(desk, "lamp", Language.PYTHON).place.root
    assert refused(root) == "NEW_EXISTS"
    (root / "tests" / "fan").mkdir()
    assert refused(root, "fan") == "NEW_EXISTS"


def test_the_slug_of_another_app_is_taken(desk: Path) -> None:
    root = create(desk, "lamp", Language.PYTHON).place.root
    (root / "lamp").rename(root / "old-lamp")
    (root / "tests" / "lamp").rename(root / "tests" / "old-lamp")
    assert refused(root) == "NEW_EXISTS"


def test_a_checkout_that_is_not_a_store(desk: Path) -> None:
    git(desk, "init", "--quiet")
    below = desk / "src"
    below.mkdir()
    assert refused(below) == "NEW_INSIDE_REPOSITORY"


def test_a_full_disk_leaves_nothing(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has a file in the place of the tests' folder, so that the last files cannot be written."""
    root = create(desk, "lamp", Language.PYTHON).place.root
    before = snapshot(root)
    files = lane.app_files
    monkeypatch.setattr(lane, "app_files", lambda *words: (*files(*words), blocked(files(*words)[0])))
    with pytest.raises(UsageError) as error:
        create(root, "fan", Language.PYTHON)
    assert error.value.code == "NEW_UNWRITABLE"
    assert snapshot(root) == before


def blocked(like: lane.NewFile) -> lane.NewFile:
    """A file below a file."""
    return lane.NewFile(like.path.parent / "main.py" / "x", b"")


def test_without_an_author_the_steps_begin_with_the_commit(desk: Path, known_to_git: Path) -> None:
    known_to_git.write_text("", encoding="utf-8")
    created = create(desk, "lamp", Language.PYTHON)
    assert not created.committed
    commands = [step.command for step in next_steps(created, desk)]
    assert commands[0] == "cd lamp"
    assert 'user.name "YOUR NAME"' in commands[1]
    subprocess.run(["sh", "-ec", "\n".join(commands[:3])], cwd=desk, check=True, capture_output=True)
    assert git(created.place.root, "status", "--porcelain") == ""


def test_in_a_store_the_steps_commit_the_new_app_alone(desk: Path) -> None:
    root = create(desk, "lamp", Language.PYTHON).place.root
    (root / "draft.txt").write_text("mine", encoding="utf-8")
    steps = next_steps(create(root, "fan", Language.PYTHON), root)
    script = "\n".join(step.command for step in steps[:2])
    subprocess.run(["sh", "-ec", script], cwd=root, check=True, capture_output=True)
    assert git(root, "status", "--porcelain") == "?? draft.txt"


def test_a_path_with_a_space_can_be_pasted(tmp_path: Path) -> None:
    desk = tmp_path / "my desk"
    desk.mkdir()
    created = create(desk, "lamp", Language.PYTHON)
    assert next_steps(created, tmp_path)[0].command == "cd 'my desk/lamp'"
