"""A file of the user that is a link in a circle, a folder, a pipe or no text is one error, never a hang."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bb8deploy.base import user_files
from bb8deploy.base.errors import Bb8Error
from bb8deploy.checks.rule_selection_file import load_selection
from bb8deploy.lanes.init.env_file import read_earlier
from bb8deploy.lanes.options.options_file import read_options_file
from bb8deploy.runs.evidence.manifest_signature import check
from bb8deploy.settings.load_settings import load
from bb8deploy.settings.project_file import project_table
from bb8deploy.transport import known_hosts
from bb8deploy.workspace.ignore_patterns import SOURCE, Ignore

READERS: dict[str, tuple[str, str, Callable[[Path], object]]] = {
    "env": (".env", "ENV_UNREADABLE", lambda root: load(root, environ={})),
    "target": (".env.cabin", "ENV_UNREADABLE", lambda root: load(root, target="cabin", environ={})),
    "init": (".env", "ENV_UNREADABLE", lambda root: read_earlier(root / ".env")),
    "toml": ("bb8deploy.toml", "PYPROJECT_INVALID", project_table),
    "pyproject": ("pyproject.toml", "PYPROJECT_INVALID", project_table),
    "validate": ("bb8deploy.toml", "VALIDATE_SETTING_INVALID", load_selection),
    "ignore": (SOURCE, "IGNORE_UNREADABLE", Ignore.of_workspace),
    "options": ("o.yaml", "OPTIONS_FILE_INVALID", lambda root: read_options_file(root / "o.yaml", {})),
    "signers": ("signers", "SIGNERS_UNREADABLE", lambda root: check(root / "manifest", root / "signers")),
    "known_hosts": ("hosts", "KNOWN_HOSTS_UNREADABLE", lambda root: known_hosts.read([root / "hosts"])),
}
KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "circle": (lambda path: path.symlink_to(path.name), "a link that leads back to itself"),
    "nowhere": (lambda path: path.symlink_to("none"), "a link to a file that does not exist"),
    "folder": (lambda path: path.mkdir(), "directory"),
    "pipe": (lambda path: os.mkfifo(path, 0o600), "nothing came"),
    "latin1": (lambda path: path.write_bytes(b"# a\n# caf\xe9\n"), "line 2 is not UTF-8"),
    "nul": (lambda path: path.write_bytes(b"# a\n# \0\n"), "line 2 has a NUL byte"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "longer than 32 MB"),
}
TOLERATED = {("init", "nowhere"), *(("known_hosts", kind) for kind in ("nowhere", "latin1", "nul"))}
"""`init` makes the file that a link leads to; ssh skips lines of known_hosts that it cannot read."""
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@POSIX
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_not_text_is_one_error(
    tmp_path: Path, reader: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_files, "PATIENCE", 0.05)
    name, code, read = READERS[reader]
    make, why = KINDS[kind]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    make(tmp_path / name)
    if (reader, kind) in TOLERATED:
        read(tmp_path)
        return
    with pytest.raises(Bb8Error) as caught:
        read(tmp_path)
    assert caught.value.code == code
    assert why in caught.value.cause.lower() or why in caught.value.cause
    assert caught.value.remedy


@POSIX
@pytest.mark.parametrize("reader", READERS)
def test_a_file_without_the_right_to_read_is_one_error(
    tmp_path: Path, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is made up: root may read everything."""
    name, code, read = READERS[reader]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("")

    def refuse(path: Path, flags: int) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(user_files.os, "open", refuse)
    with pytest.raises(Bb8Error) as caught:
        read(tmp_path)
    assert caught.value.code == code
    assert "cannot be read: Permission denied" in caught.value.cause


@POSIX
def test_a_pipe_that_a_program_fills_is_read(tmp_path: Path) -> None:
    """Password managers serve `.env` as one."""
    os.mkfifo(tmp_path / ".env")
    child = os.fork()
    if child == 0:
        (tmp_path / ".env").write_text("HA_URL=http://cabin\n")
        os._exit(0)
    assert load(tmp_path, environ={}).ha_url == "http://cabin"
    os.waitpid(child, 0)


def test_settings_nested_too_deeply_are_one_error(tmp_path: Path) -> None:
    (tmp_path / "bb8deploy.toml").write_text("a = " + "[" * 100_000)
    for read in (project_table, load_selection):
        with pytest.raises(Bb8Error):
            read(tmp_path)
