"""Runs the tests of an app (add-on) in their own venv and counts what really ran."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from bb8deploy.base.cache_folder import cache_dir, cache_errors
from bb8deploy.base.errors import CheckFailed
from bb8deploy.base.os_differences import end_group, ended, exclusive, real_path, tethered
from bb8deploy.catalogue.errors.workspace import TEST_ENVIRONMENT, TESTS_TIMEOUT

INSTALL_DEADLINE = 900.0
TEST_DEADLINE = 1800.0
TAIL_LINES = 40
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TestPlan:
    """What to run: the app's folder, its tests, the package to measure coverage of, the report files."""

    __test__ = False

    addon: Path
    tests: Path
    package: str
    coverage_xml: Path
    junit_xml: Path
    deadline: float = TEST_DEADLINE


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The counts of the reports. `coverage` is per cent of lines, None if it was not measured."""

    __test__ = False

    passed: int
    failed: int
    errors: int
    skipped: int
    coverage: float | None
    seconds: float
    exit_code: int
    tail: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True if at least one test ran, none failed, and pytest exited with 0."""
        return self.passed > 0 and self.failed == 0 and self.errors == 0 and self.exit_code == 0


def run_tests(plan: TestPlan, note: Note) -> TestOutcome:
    """Installs the requirements, runs the tests with warnings as errors, reads the reports.

    Raises CheckFailed if the venv cannot be made or the tests exceed their deadline, and UsageError if the
    cache cannot be written.
    """
    python = ready_venv(plan, note)
    for report in (plan.coverage_xml, plan.junit_xml):
        report.parent.mkdir(parents=True, exist_ok=True)
        report.unlink(missing_ok=True)
    note(f"running {plan.tests.name}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bb8-tests-") as scratch:
        command = [str(python), "-m", "pytest", str(plan.tests), *_arguments(plan, Path(scratch))]
        bytecode = python.parents[1] / "bytecode"
        code, log = _run(command, _root(plan), plan.deadline, _environment(plan, Path(scratch), bytecode))
        # Keep the bytecode of pytest and its plugins only: the workspace may be a copy with a new path.
        shutil.rmtree(bytecode.joinpath(*real_path(_root(plan)).parts[1:]), ignore_errors=True)
    return _outcome(plan, code, log, time.monotonic() - started)


def ready_venv(plan: TestPlan, note: Note) -> Path:
    """The python of the venv for these requirements; created once and kept under their hash."""
    requirements = requirement_files(plan)
    folder = cache_dir("venvs") / _key(requirements)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / ".complete").is_file() and python.is_file():
        return python
    note("installing the tests' requirements")
    with cache_errors(folder), exclusive(folder.with_suffix(".lock")):
        if not (folder / ".complete").is_file():
            _install(folder, python, requirements)
    return python


def requirement_files(plan: TestPlan) -> list[Path]:
    """The requirements.txt of the app and that of its tests, those that exist."""
    candidates = (plan.addon / "requirements.txt", plan.tests / "requirements.txt")
    return [path for path in candidates if path.is_file()]


def _key(requirements: Sequence[Path]) -> str:
    total = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform} {sys.prefix}".encode())
    for path in (file for top in requirements for file in _included(top)):
        total.update(path.read_bytes() + b"\0")
    return total.hexdigest()[:20]


def _install(folder: Path, python: Path, requirements: Sequence[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip, bare = _pip(python)
    code, log = _run(
        [sys.executable, "-m", "venv", *bare, str(folder)], None, INSTALL_DEADLINE, dict(os.environ)
    )
    if code:
        raise _no_environment("the venv for the tests cannot be created", log)
    locked = [path for path in requirements if _is_locked(path)]
    plain = [path for path in requirements if path not in locked]
    for files, options in ((locked, _LOCKED), (plain, ())):
        if files:
            _install_files([*pip, "install", *_PIP_OPTIONS, *options], files)
    (folder / ".complete").touch()


# A file with hashes is complete. pip before 23.3 would resolve its extras again, to the newest release.
_LOCKED = ("--no-deps", "--require-hashes")
_PIP_OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-compile")


def _is_locked(path: Path) -> bool:
    """True if each requirement of the file, and of the files that it includes, has a hash."""
    lines = [line for file in _included(path) for line in _requirements(file)]
    return bool(lines) and all("--hash=" in line for line in lines)


def _included(path: Path) -> list[Path]:
    """The file and those that its `-r` and `-c` lines name, each once, outermost first."""
    found, waiting = [], [path]
    while waiting:
        file = real_path(waiting.pop(0))
        if file not in found and file.is_file():
            found.append(file)
            waiting += [file.parent / name for name in _INCLUDE.findall(_text(file))]
    return found


_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*([^\s#]+)", re.MULTILINE)


def _requirements(file: Path) -> list[str]:
    """The lines that name a package, each with its continuation lines."""
    text = re.sub(r"\\\r?\n", " ", _text(file))
    return [line for line in text.splitlines() if re.match(r"\s*[A-Za-z0-9]", line)]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _install_files(install: Sequence[str], files: Sequence[Path]) -> None:
    """Installs the files together, so that they agree. If that fails, finds the file that is at fault."""
    code, log = _run_pip(install, files)
    if not code:
        return
    if len(files) > 1:
        for path in files:
            alone, words = _run_pip(install, [path])
            if alone:
                raise _no_environment(f"{path} cannot be installed", words)
        raise _no_environment(f"{' and '.join(map(str, files))} cannot be installed together", log)
    raise _no_environment(f"{files[0]} cannot be installed", log)


def _run_pip(install: Sequence[str], files: Sequence[Path]) -> tuple[int, str]:
    words = [word for path in files for word in ("-r", str(path))]
    return _run([*install, *words], None, INSTALL_DEADLINE, dict(os.environ))


def _pip(python: Path) -> tuple[list[str], list[str]]:
    """How to call pip for that Python, and the options of `venv`: without pip if ours can install into it.

    Installing pip into the venv takes longer than everything else.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(python)], ["--without-pip"]
    return [str(python), "-m", "pip"], []


def _no_environment(cause: str, log: str) -> CheckFailed:
    return TEST_ENVIRONMENT(cause, details=log.splitlines()[-TAIL_LINES:])


def _root(plan: TestPlan) -> Path:
    """The folder to run pytest in: the workspace of the tests, so that its settings apply."""
    return next((p for p in plan.tests.parents if (p / "pyproject.toml").is_file()), plan.tests.parent)


def _arguments(plan: TestPlan, scratch: Path) -> list[str]:
    covered = ["--cov", plan.package, f"--cov-report=xml:{plan.coverage_xml}"] if plan.package else []
    cache = ["-o", f"cache_dir={scratch / 'cache'}"]
    return ["-q", "-rfE", "-W", "error", f"--junitxml={plan.junit_xml}", *cache, *covered, *_workers(plan)]


def _workers(plan: TestPlan) -> list[str]:
    """One worker for each core if the tests' requirements include pytest-xdist."""
    texts = [_text(path) for top in requirement_files(plan) for path in _included(top)]
    wanted = any(re.search(r"^pytest-xdist\b", text, re.MULTILINE) for text in texts)
    return ["-n", "auto", "--dist", "worksteal"] if wanted else []


def _environment(plan: TestPlan, scratch: Path, bytecode: Path) -> dict[str, str]:
    """Our environment without our settings and other venvs; bytecode is kept outside of the workspace."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if k not in {"PYTHONPATH", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"}
    }
    paths = f"{plan.addon}{os.pathsep}{plan.tests.parent}"
    return {
        **kept,
        "PYTHONPATH": paths,
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "COVERAGE_FILE": str(scratch / ".coverage"),
        # A folder for this run alone: another pytest that cleans up the shared one would disturb it.
        "PYTEST_DEBUG_TEMPROOT": str(scratch),
    }


def _run(command: Sequence[str], cwd: Path | None, deadline: float, env: dict[str, str]) -> tuple[int, str]:
    """Runs to the end or to the deadline; no process of its group survives, even if we are killed."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            tethered(command),
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            if not ended(process, deadline):
                raise TESTS_TIMEOUT(
                    f"the tests did not end within {deadline:.0f} s and were stopped", details=_tail(log)
                )
        finally:
            end_group(process)
        log.seek(0)
        return process.returncode, log.read()


def _tail(log: IO[str]) -> list[str]:
    log.seek(0)
    return log.read().splitlines()[-TAIL_LINES:]


def _outcome(plan: TestPlan, code: int, log: str, seconds: float) -> TestOutcome:
    total, failed, errors, skipped = _counts(plan.junit_xml)
    return TestOutcome(
        passed=total - failed - errors - skipped,
        failed=failed,
        errors=errors,
        skipped=skipped,
        coverage=_coverage(plan.coverage_xml) if plan.package else None,
        seconds=seconds,
        exit_code=code,
        tail=tuple(log.splitlines()[-TAIL_LINES:]),
    )


def _counts(junit: Path) -> tuple[int, int, int, int]:
    root = _parsed(junit)
    suites = list(root.iter("testsuite")) if root is not None else []
    keys = ("tests", "failures", "errors", "skipped")
    tests, failed, errors, skipped = (sum(int(s.get(key, "0")) for s in suites) for key in keys)
    return tests, failed, errors, skipped


def _coverage(report: Path) -> float | None:
    root = _parsed(report)
    if root is None or not int(root.get("lines-valid", "0")):
        return None
    return round(100 * int(root.get("lines-covered", "0")) / int(root.get("lines-valid", "1")), 1)


def _parsed(path: Path) -> ET.Element | None:
    try:
        return ET.parse(path).getroot()  # noqa: S314 - a file that this run has just written
    except (OSError, ET.ParseError):
        return None
