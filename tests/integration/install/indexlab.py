"""A package index of tiny wheels in a folder, and the releases of pip that install from it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
import pytest

NEWER = "99999.0"
"""The version of the release that another user published after the lock was made."""
PIPS = ("22.3", "23.0.1", "23.2.1", "24.0", "newest")
_PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[(?P<extras>[\w,.-]+)\])?==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\\n]+)?"
)
_DOWNLOAD_DEADLINE = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock; `parents` are the packages that require it."""

    name: str
    version: str
    extras: tuple[str, ...] = ()
    marker: str = ""
    parents: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """The requirement as its parents state it."""
        return f"{self.name}{self._brackets}>={self.version}"

    @property
    def pinned(self) -> str:
        """The requirement as the lock states it."""
        return f"{self.name}{self._brackets}=={self.version}{self.marker}"

    @property
    def _brackets(self) -> str:
        return f"[{','.join(self.extras)}]" if self.extras else ""


def read_lock(path: Path) -> list[Pin]:
    """The pins of a lock that uv wrote, with their parents from its comments."""
    entries = re.split(r"\n(?=[\w.-]+(?:\[[\w,.-]+\])?==)", path.read_text(encoding="utf-8"))
    return [_pin(entry) for entry in entries if _PIN.match(entry)]


def _pin(entry: str) -> Pin:
    found = _PIN.match(entry)
    assert found is not None
    parents = re.findall(r"^    #(?: via)? +([\w.-]+)$", entry, re.MULTILINE)
    extras = tuple((found["extras"] or "").split(",")) if found["extras"] else ()
    return Pin(found["name"], found["version"], extras, (found["marker"] or "").rstrip(), tuple(parents))


@dataclass(slots=True)
class Index:
    """A simple index (PEP 503) in a folder."""

    folder: Path
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """What `--index-url` takes."""
        return self.folder.as_uri()

    def publish(
        self, name: str, version: str, requires: Iterable[str] = (), extras: Iterable[str] = ()
    ) -> None:
        """Adds a wheel with no content but its metadata."""
        page = self.folder / re.sub(r"[-_.]+", "-", name).lower()
        page.mkdir(parents=True, exist_ok=True)
        wheel = _wheel(page, name, version, requires, extras)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        self.hashes[name, version] = digest
        with (page / "index.html").open("a", encoding="utf-8") as html:
            html.write(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>\n')

    def publish_all(self, pins: Sequence[Pin]) -> None:
        """Adds each pinned release, and a newer one of the same package."""
        for pin in pins:
            requires = [child.wanted for child in pins if pin.name in child.parents]
            for version in (pin.version, NEWER):
                self.publish(pin.name, version, requires, pin.extras)

    def lock(self, pins: Iterable[Pin]) -> str:
        """The same pins with the hashes of the wheels here."""
        return "".join(f"{p.pinned} \\\n    --hash=sha256:{self.hashes[p.name, p.version]}\n" for p in pins)


def _wheel(page: Path, name: str, version: str, requires: Iterable[str], extras: Iterable[str]) -> Path:
    stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    files = {
        "METADATA": "\n".join(lines) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{stem}.dist-info/{file},,\n" for file in (*files, "RECORD"))
    path = page / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, "RECORD": record}.items():
            archive.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{file}"), text)
    return path


def unpacked_pip(release: str) -> Path:
    """The folder to put on PYTHONPATH for that release of pip; downloaded once, then kept.

    Skips the test if this Python cannot run the release, or no index has it.
    """
    if sys.version_info >= (3, 12) and release in {"22.3", "23.0.1"}:
        pytest.skip(f"SKIPPED: pip {release} does not run on Python 3.12 and later")
    home = platformdirs.user_cache_path("bb8deploy-tests", appauthor=False) / "pips"
    home.mkdir(parents=True, exist_ok=True)
    folder = home / release
    with (home / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not (folder / "pip").is_dir():
            _download(release, folder)
    return folder


def _download(release: str, folder: Path) -> None:
    which = "pip" if release == "newest" else f"pip=={release}"
    scratch = folder.with_name(f"{release}.new")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch), which]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_DEADLINE)
    wheels = list(scratch.glob("pip-*.whl"))
    if done.returncode or not wheels:
        pytest.skip("SKIPPED: no package index has the old releases of pip that this test runs")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(scratch)
    scratch.rename(folder)


def pip_environment(release: str, index: Index) -> dict[str, str]:
    """The environment in which `python -m pip` is that release, and knows no index but this one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    return {
        **kept,
        "PYTHONPATH": str(unpacked_pip(release)),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index.url,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def bare_venv(folder: Path) -> Path:
    """The python of a new virtual environment without pip."""
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def installed(python: Path) -> dict[str, str]:
    """Each distribution of that environment and its version."""
    code = "from importlib.metadata import distributions as d\nfor x in d(): print(x.name, x.version)"
    done = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())
