"""The ignore rules mean what rsync means; rsync itself is asked where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bb8deploy.base.errors import UsageError
from bb8deploy.workspace.ignore_patterns import DEFAULT, Ignore

FILES = (
    "a.txt",
    "a.pyc",
    "note [1].md",
    "back\\slash",
    "é.txt",
    "src/a.txt",
    "src/b.log",
    "src/deep/a.txt",
    "src/deep/x/b.log",
    "src/cache/keep.me",
    "cache/one",
    "cache/two/three",
    "foo/bar/baz",
    "x/foo/bar/baz",
    "x/foo/other",
    ".git/config",
    ".gitignore",
    "build",
    "sub/build/out",
)
RULES = (
    "*.pyc",
    "/a.txt",
    "a.txt",
    "cache/",
    "/cache/",
    "/cache",
    "build/",
    "build",
    "foo/bar",
    "/foo/bar",
    "foo/*",
    "/foo/**",
    "foo/**",
    "**/foo",
    "**/foo/bar",
    "**.log",
    "src/**/b.log",
    "src/**.txt",
    "x/**/baz",
    "cache/***",
    "/src/deep/***",
    "?.txt",
    "[ab].txt",
    "[!a].txt",
    "[^a].txt",
    "[a-c].*",
    "[[:alpha:]].txt",
    "note \\[1\\].md",
    "note [[]1].md",
    "back\\slash",
    "back\\\\slas?",
    "*",
    "+ *.txt\n*",
    "+ /src/\n+ /src/*.txt\n- *",
    "- a.txt\n+ a.txt",
    "# a.txt\n; a.txt\n\n*.log",
    "*.log\n!\n*.pyc",
    ".git*",
    "[unclosed",
    "*/deep",
    "/*/deep",
    "deep/*/b.log",
    "src/*",
    "/s*c/d??p/",
    "*\r\na.pyc",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small tree with awkward names."""
    root = tmp_path_factory.mktemp("tree")
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


@pytest.mark.parametrize("rules", RULES)
def test_a_rule_keeps_out_what_rsync_keeps_out(tree: Path, tmp_path: Path, rules: str) -> None:
    if not shutil.which("rsync"):
        pytest.skip("SKIPPED: rsync is not installed")
    (tmp_path / "rules").write_bytes(rules.encode() + b"\n")
    (tmp_path / "out").mkdir()
    subprocess.run(
        ["rsync", "-r", f"--exclude-from={tmp_path / 'rules'}", f"{tree}/", f"{tmp_path / 'out'}/"],
        check=True,
    )
    sent = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()}
    ignore = Ignore.parse(rules)
    assert {name for name in FILES if not ignore.ignored(name, is_dir=False)} == sent


@pytest.mark.parametrize(
    ("rules", "path", "ignored"),
    [
        ("*.pyc", "src/x.pyc", True),
        ("/x.pyc", "src/x.pyc", False),
        ("cache/", "cache", False),
        ("cache/", "cache/one", True),
        ("foo/bar", "x/foo/bar", True),
        ("/foo/bar", "x/foo/bar", False),
        ("+ keep.pyc\n*.pyc", "keep.pyc", False),
        ("", "secrets.yaml", True),
        ("+ secrets.yaml", "deep/secrets.yaml", True),
        ("", ".bb8deploy/x/previous/run.sh", True),
        ("+ .env", ".env", True),
        ("!\n+ *", "keys/id_ed25519", True),
        ("", "id_ed25519.pub", False),
        ("", ".env.barn", True),
        ("", ".env.example", False),
        (".env*", ".env.example", True),
        ("+ .env.example\n.env*", ".env.example", False),
        (DEFAULT, "bb8_core/__pycache__/main.cpython-311.pyc", True),
        (DEFAULT, "bb8_core/main.py", False),
        (DEFAULT, "._main.py", True),
    ],
)
def test_a_path_is_ignored_or_not(rules: str, path: str, ignored: bool) -> None:
    assert Ignore.parse(rules).ignored(path, is_dir=False) is ignored


def test_a_folder_rule_fits_a_folder_only() -> None:
    ignore = Ignore.parse("cache/")
    assert ignore.ignored("cache", is_dir=True)
    assert not ignore.ignored("cache", is_dir=False)


def test_the_workspace_rules_replace_the_built_in_ones(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/rsync_runtime.exclude").write_text("only.this\n")
    ignore = Ignore.of_workspace(tmp_path)
    assert ignore.ignored("only.this", is_dir=False)
    assert not ignore.ignored("x.pyc", is_dir=False)


def test_without_a_file_the_built_in_rules_hold(tmp_path: Path) -> None:
    assert Ignore.of_workspace(tmp_path).ignored("x.pyc", is_dir=False)


def test_rules_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/rsync_runtime.exclude").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError) as caught:
        Ignore.of_workspace(tmp_path)
    assert caught.value.code == "IGNORE_UNREADABLE"


def test_rules_written_out_read_back_the_same() -> None:
    ignore = Ignore.parse("+ keep\n*.pyc\ncache/\n/deep/**\n")
    assert Ignore.parse(ignore.text()).rules[-4:] == ignore.rules[-4:]


def test_the_hosts_of_a_rollout_share_the_rules(tmp_path: Path) -> None:
    """The rules are read again for each host, and compiled once."""
    one = Ignore.of_workspace(tmp_path)
    assert one is Ignore.of_workspace(tmp_path)
    (tmp_path / "config.yaml").touch()
    assert Ignore.of_workspace(tmp_path).ignores_file("reports/x")
    assert not one.ignores_file("reports/x")
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops/rsync_runtime.exclude").write_text("*.tmp")
    assert Ignore.of_workspace(tmp_path).ignores_file("a.tmp")
    assert Ignore.of_workspace(tmp_path).ignores_file("reports/x")
