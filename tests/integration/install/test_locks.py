"""Each lock installs exactly what it pins, with old and new pip, whatever has been published since."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.integration.install.indexlab import (
    PIPS,
    Index,
    Pin,
    bare_venv,
    installed,
    pip_environment,
    read_lock,
)

ROOT = Path(__file__).parents[3]
LOCKS = {
    "requirements.lock": ROOT / "Makefile",
    "requirements-dev.lock": ROOT / "Makefile",
    "requirements-mcp.lock": ROOT / "docs" / "mcp.md",
    "requirements-site.lock": ROOT / "Makefile",
    "addon/requirements.txt": ROOT / "addon" / "Dockerfile",
}
"""Each lock and the file that installs it. tests/addon/requirements.txt is installed by lane 1."""
DEADLINE = 240.0  # seconds


def options(lock: str) -> list[str]:
    """The options with which the project itself installs that lock."""
    line = next(
        line for line in LOCKS[lock].read_text().splitlines() if re.search(rf"-r {Path(lock).name}\b", line)
    )
    return re.findall(r"(?<=\s)--(?:no-deps|require-hashes|only-binary=:all:)(?=\s)", line)


def install(release: str, index: Index, folder: Path, lock: str, how: list[str]) -> tuple[int, str, Path]:
    """Installs the text of a lock into a new environment; the exit code, the output, its python."""
    python = bare_venv(folder / "venv")
    (folder / "lock.txt").write_text(lock)
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        *how,
        "-r",
        str(folder / "lock.txt"),
    ]
    done = subprocess.run(
        command, env=pip_environment(release, index), capture_output=True, text=True, timeout=DEADLINE
    )
    return done.returncode, done.stdout + done.stderr, python


@pytest.mark.parametrize("release", PIPS)
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_installs_what_it_pins_although_everything_has_a_newer_release(
    lock: str, release: str, tmp_path: Path
) -> None:
    pins = read_lock(ROOT / lock)
    index = Index(tmp_path / "index")
    index.publish_all(pins)
    code, output, python = install(release, index, tmp_path, index.lock(pins), options(lock))
    assert code == 0, output
    found = set(installed(python).items())
    assert found <= {(pin.name, pin.version) for pin in pins}
    assert found >= {(pin.name, pin.version) for pin in pins if not pin.marker}


def test_the_lab_shows_the_fault_of_a_lock_without_extras(tmp_path: Path) -> None:
    """pip before 23.3 takes the newest release for a requirement with an extra."""
    index = Index(tmp_path / "index")
    pins = [Pin("cover", "7.0", ("toml",), parents=("plug",)), Pin("plug", "1.0")]
    index.publish_all(pins)
    stripped = index.lock([Pin("cover", "7.0"), Pin("plug", "1.0")])
    code, output, _python = install("23.2.1", index, tmp_path, stripped, ["--require-hashes"])
    assert code != 0
    assert "cover[toml]" in output


@pytest.mark.parametrize("path", [*LOCKS, "tests/addon/requirements.txt"])
def test_a_lock_pins_and_hashes_every_line(path: str) -> None:
    text = (ROOT / path).read_text()
    pins = read_lock(ROOT / path)
    assert len(pins) == len(re.findall(r"^[a-zA-Z]", text, re.MULTILINE))
    assert text.count("--hash=sha256:") >= len(pins)


def test_locks_keep_their_extras() -> None:
    assert any(pin.extras for pin in read_lock(ROOT / "requirements-dev.lock"))


INSTALLERS = [
    ROOT / "Makefile",
    ROOT / "addon" / "Dockerfile",
    ROOT / "action.yml",
    ROOT / "docs" / "mcp.md",
    *(ROOT / ".github" / "workflows").glob("*.yml"),
]


@pytest.mark.parametrize("path", INSTALLERS, ids=lambda path: path.name)
def test_nothing_resolves_a_complete_lock(path: Path) -> None:
    for line in path.read_text().splitlines():
        if re.search(r"-r \S*requirements\S*\.(?:lock|txt)", line):
            assert "--no-deps" in line, line
            assert "--require-hashes" in line, line
