"""The wheel: small, complete, and of use in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAX_WHEEL = 1_100_000  # bytes. The aim of 600 kB is out of reach: the source alone is 900 kB once compressed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def site(wheel: Path) -> Path:
    """The wheel's content, to be put on PYTHONPATH: what it needs is that of this environment."""
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def bb8deploy(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the wheel's own bb8deploy in `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(site), "BB8DEPLOY_PLAIN": "1"}
    return subprocess.run(
        [sys.executable, "-m", "bb8deploy", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size <= MAX_WHEEL


def test_it_has_the_sample_app_with_its_tests_and_no_litter(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sample = "bb8deploy/lanes/demo/sample"
    wanted = ("addon/config.yaml", "addon/CHANGELOG.md", "tests/test_main.py", "tests/requirements.txt")
    assert {f"{sample}/{name}" for name in wanted} <= names
    assert not [name for name in names if "__pycache__" in name or ".pytest_cache" in name]


def test_alone_in_an_empty_folder_it_explains_how_to_start(site: Path, tmp_path: Path) -> None:
    done = bb8deploy(site, tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("bb8deploy demo", "bb8deploy validate", "bb8deploy init", "bb8deploy --help"):
        assert words in done.stdout


@pytest.mark.parametrize("command", [["release", "patch"], ["init"], ["deploy"], ["status"]])
def test_a_command_in_an_empty_folder_reports_how_to_start(
    site: Path, tmp_path: Path, command: list[str]
) -> None:
    done = bb8deploy(site, tmp_path, *command)
    assert done.returncode == 2
    assert "WORKSPACE_NOT_FOUND" in done.stderr
    assert "`bb8deploy new NAME`" in done.stderr


def test_an_app_elsewhere_gets_its_verdict(site: Path, tmp_path: Path) -> None:
    done = bb8deploy(site, tmp_path, "validate", "--no-tests", "--addon", str(ROOT / "addon"))
    assert done.returncode == 0, done.stdout + done.stderr
