"""Runs an add-on's tests in a venv of their own and reads off what really ran."""

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

from bb8deploy.base.cache import cache_dir
from bb8deploy.base.errors import CheckFailed
from bb8deploy.base.machine import end_group, exclusive, tethered

INSTALL_DEADLINE = 900.0
TEST_DEADLINE = 1800.0
TAIL_LINES = 40
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TestPlan:
    """What to run: the add-on, its tests, the package whose coverage counts, where the reports go."""

    __test__ = False

    addon: Path
    tests: Path
    package: str
    coverage_xml: Path
    junit_xml: Path
    deadline: float = TEST_DEADLINE


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """What the reports say. `coverage` is per cent of lines, None where unmeasured."""

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
        """At least one test ran, every one that ran passed, and pytest itself ended well."""
        return self.passed > 0 and self.failed == 0 and self.errors == 0 and self.exit_code == 0


def run_tests(plan: TestPlan, note: Note) -> TestOutcome:
    """Installs what is needed, runs the tests with warnings as errors, reads the reports.

    Raises CheckFailed where the venv cannot be made or the tests overrun their deadline.
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
        # What is kept is that of pytest and its plugins: the workspace may be a scratch copy, new each time.
        shutil.rmtree(bytecode.joinpath(*_root(plan).resolve().parts[1:]), ignore_errors=True)
    return _outcome(plan, code, log, time.monotonic() - started)


def ready_venv(plan: TestPlan, note: Note) -> Path:
    """The python of the venv for these requirements; made once and kept by their hash."""
    requirements = requirement_files(plan)
    folder = cache_dir("venvs") / _key(requirements)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / ".complete").is_file() and python.is_file():
        return python
    note("installing the tests' requirements")
    with exclusive(folder.with_suffix(".lock")):  # one installer at a time
        if not (folder / ".complete").is_file():
            _install(folder, python, requirements)
    return python


def requirement_files(plan: TestPlan) -> list[Path]:
    """The add-on's requirements and the tests' own, those that exist."""
    candidates = (plan.addon / "requirements.txt", plan.tests / "requirements.txt")
    return [path for path in candidates if path.is_file()]


def _key(requirements: Sequence[Path]) -> str:
    total = hashlib.sha256(f"{sys.version_info[:2]} {sys.platform} {sys.prefix}".encode())
    for path in requirements:
        total.update(path.read_bytes() + b"\0")
    return total.hexdigest()[:20]


def _install(folder: Path, python: Path, requirements: Sequence[Path]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    pip, bare = _pip(python)
    _must([sys.executable, "-m", "venv", *bare, str(folder)], "the venv for the tests cannot be made")
    hashed = [path for path in requirements if "--hash=" in path.read_text(encoding="utf-8")]
    plain = [path for path in requirements if path not in hashed]
    for chosen, how in ((hashed, ["--no-deps", "--require-hashes"]), (plain, [])):
        if chosen:
            names = " and ".join(f"{path.name} of {path.parent.name}/" for path in chosen)
            files = [word for path in chosen for word in ("-r", str(path))]
            _must([*pip, "install", *_PIP_OPTIONS, *how, *files], f"{names} cannot be installed")
    (folder / ".complete").touch()


_PIP_OPTIONS = ("--quiet", "--disable-pip-version-check", "--no-compile")


def _pip(python: Path) -> tuple[list[str], list[str]]:
    """How to call pip for that Python, and how its venv is made: without a pip where ours can do it.

    Putting a pip into the venv costs more than all the rest.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(python)], ["--without-pip"]
    return [str(python), "-m", "pip"], []


def _must(command: Sequence[str], cause: str) -> None:
    code, log = _run(command, None, INSTALL_DEADLINE, dict(os.environ))
    if code:
        raise CheckFailed(
            "TEST_ENVIRONMENT",
            cause,
            "Read the lines above, mend the requirements or the network, and run again.",
            details=log.splitlines()[-TAIL_LINES:],
        )


def _root(plan: TestPlan) -> Path:
    """Where pytest runs: the workspace that the tests lie in, so that its settings count."""
    return next((p for p in plan.tests.parents if (p / "pyproject.toml").is_file()), plan.tests.parent)


def _arguments(plan: TestPlan, scratch: Path) -> list[str]:
    covered = ["--cov", plan.package, f"--cov-report=xml:{plan.coverage_xml}"] if plan.package else []
    cache = ["-o", f"cache_dir={scratch / 'cache'}"]
    return ["-q", "-W", "error", f"--junitxml={plan.junit_xml}", *cache, *covered, *_workers(plan)]


def _workers(plan: TestPlan) -> list[str]:
    """One worker for each core where the tests' requirements bring pytest-xdist, for they allow it then."""
    texts = [path.read_text(encoding="utf-8") for path in requirement_files(plan)]
    wanted = any(re.search(r"^pytest-xdist\b", text, re.MULTILINE) for text in texts)
    return ["-n", "auto", "--dist", "worksteal"] if wanted else []


def _environment(plan: TestPlan, scratch: Path, bytecode: Path) -> dict[str, str]:
    """No setting of ours or of another venv reaches the tests; bytecode is kept, but not in the workspace."""
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
    }


def _run(command: Sequence[str], cwd: Path | None, deadline: float, env: dict[str, str]) -> tuple[int, str]:
    """Runs to the end or to the deadline; no process of its group stays behind, whatever happens to us."""
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
            code = process.wait(deadline)
        except subprocess.TimeoutExpired as error:
            raise CheckFailed(
                "TESTS_TIMEOUT",
                f"the tests did not end within {deadline:.0f} s and were stopped",
                "Find the test that hangs (pytest -x -v), or make it faster.",
                details=_tail(log),
            ) from error
        finally:
            end_group(process)
        log.seek(0)
        return code, log.read()


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
