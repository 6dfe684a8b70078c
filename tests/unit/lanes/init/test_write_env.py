"""No secret is written into a file that git may take."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.lanes.init.init import write_env
from bb8deploy.lanes.init.keep_out_of_git import for_everybody, in_this_clone


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def write(root: Path, said: list[str], **values: str) -> None:
    tell: Any = SimpleNamespace(note=said.append, warn=said.append)
    write_env(root, root / ".env", values, tell)


def test_a_file_that_git_ignores_takes_secrets(repository: Path) -> None:
    write(repository, [], HA_LLAT="secret")
    assert "HA_LLAT=secret" in (repository / ".env").read_text()
    status = subprocess.run(
        ["git", "-C", str(repository), "status", "--short"], capture_output=True, text=True
    )
    assert ".env\n" not in status.stdout


def test_a_tracked_file_takes_no_secret(repository: Path) -> None:
    (repository / ".env").write_text("HA_URL=http://h\n")
    subprocess.run(["git", "-C", str(repository), "add", "-f", ".env"], check=True)
    said: list[str] = []
    with pytest.raises(UsageError) as caught:
        write(repository, said, HA_LLAT="secret")
    assert caught.value.code == "ENV_IN_GIT"
    assert "HA_LLAT" in caught.value.cause
    assert (repository / ".env").read_text() == "HA_URL=http://h\n"
    write(repository, said, HA_URL="http://other")
    assert any("git rm --cached .env" in line for line in said)


def test_a_rule_that_includes_the_file_again_takes_no_secret(repository: Path) -> None:
    (repository / ".gitignore").write_text(".env\n.env.*\n!.env\n")
    with pytest.raises(UsageError) as caught:
        write(repository, [], MQTT_PASSWORD="secret")
    assert caught.value.code == "ENV_IN_GIT"
    assert not (repository / ".env").exists()


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("kind", ["clone", "worktree"])
def test_a_file_of_this_clone_alone_leaves_the_repository_clean(repository: Path, kind: str) -> None:
    git(repository, "-c", "user.name=a", "-c", "user.email=a", "commit", "-q", "--allow-empty", "-m", "x")
    root = repository
    if kind == "worktree":
        root = repository / "other"
        git(repository, "worktree", "add", "-q", str(root))
    said: list[str] = []
    tell: Any = SimpleNamespace(note=said.append, warn=said.append)
    write_env(root, root / ".env.sandbox", {"HA_LLAT": "secret"}, tell, in_this_clone)
    assert git(root, "status", "--porcelain") == ""
    assert [line.endswith("info/exclude") for line in said] == [True]


@pytest.mark.parametrize("place", [".gitignore", ".git/info/exclude"])
def test_an_ignore_file_in_another_encoding_keeps_its_bytes(repository: Path, place: str) -> None:
    (repository / place).write_bytes(b"caf\xe9/\r\n")
    tell: Any = SimpleNamespace(note=print, warn=print)
    ignore = in_this_clone if place.startswith(".git/") else for_everybody
    write_env(repository, repository / ".env", {"HA_LLAT": "secret"}, tell, ignore)
    assert (repository / place).read_bytes().startswith(b"caf\xe9/\r\n.env\n")


def test_a_change_of_the_repositorys_ignore_file_is_to_be_committed(repository: Path) -> None:
    said: list[str] = []
    tell: Any = SimpleNamespace(note=said.append, warn=print)
    write_env(repository, repository / ".env", {"HA_LLAT": "secret"}, tell, for_everybody)
    assert "added .env to .gitignore; commit that file" in said
