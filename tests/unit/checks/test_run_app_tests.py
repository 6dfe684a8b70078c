"""The tests lane's engine against real pytest runs: passes, failures, warnings, nothing at all, a hang."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bb8deploy.base.errors import CheckFailed
from bb8deploy.checks import run_app_tests
from bb8deploy.checks.run_app_tests import TestOutcome, TestPlan, run_tests

# Silences a plugin of this interpreter that warns where its setting is missing.
SETTINGS = '[tool.pytest.ini_options]\nasyncio_default_fixture_loop_scope = "function"\n'
HANG = (
    "import subprocess, time\ndef test_it():\n    subprocess.Popen(['sleep', '600'])\n    time.sleep(600)\n"
)


@pytest.fixture(autouse=True)
def own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """This very interpreter instead of a fresh venv: no index is asked here."""
    monkeypatch.setattr(run_app_tests, "ready_venv", lambda _plan, _note: Path(sys.executable))


def run(folder: Path, text: str, **how: object) -> TestOutcome:
    """Runs one test file against an app with one package."""
    package = folder / "addon" / "small_core"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def one():\n    return 1\n\ndef two():\n    return 2\n")
    (folder / "tests").mkdir()
    (folder / "pyproject.toml").write_text(SETTINGS)
    (folder / "tests" / "test_small.py").write_text(text)
    reports = {name: folder / "out" / f"{name}.xml" for name in ("coverage_xml", "junit_xml")}
    plan = TestPlan(folder / "addon", folder / "tests", "small_core", **reports, **how)  # type: ignore[arg-type]
    return run_tests(plan, lambda _text: None)


def test_what_passes_is_counted_with_its_coverage(tmp_path: Path) -> None:
    outcome = run(tmp_path, "from small_core import one\ndef test_it():\n    assert one() == 1\n")
    assert (outcome.ok, outcome.passed, outcome.coverage) == (True, 1, 75.0)


def test_a_failure_is_not_a_success(tmp_path: Path) -> None:
    outcome = run(tmp_path, "def test_a():\n    assert 0\ndef test_b():\n    pass\n")
    assert (outcome.ok, outcome.passed, outcome.failed) == (False, 1, 1)
    assert any("test_a" in line for line in outcome.tail)


def test_a_warning_is_a_failure(tmp_path: Path) -> None:
    outcome = run(tmp_path, "import warnings\ndef test_it():\n    warnings.warn('old')\n")
    assert (outcome.ok, outcome.failed) == (False, 1)


@pytest.mark.parametrize(
    "text", ["", "import pytest\n@pytest.mark.skip(reason='x')\ndef test_it():\n    pass\n", "syntax error("]
)
def test_a_run_that_executed_nothing_is_not_a_success(tmp_path: Path, text: str) -> None:
    outcome = run(tmp_path, text)
    assert (outcome.ok, outcome.passed) == (False, 0)


def test_a_test_that_hangs_is_stopped_with_everything_it_started(tmp_path: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        run(tmp_path, HANG, deadline=8.0)
    assert caught.value.code == "TESTS_TIMEOUT"


def test_requirements_decide_which_venv_is_used(tmp_path: Path) -> None:
    plan = TestPlan(tmp_path, tmp_path / "tests", "", tmp_path / "c", tmp_path / "j")
    (tmp_path / "requirements.txt").write_text("a==1\n")
    first = run_app_tests._key(run_app_tests.requirement_files(plan))
    (tmp_path / "requirements.txt").write_text("a==2\n")
    assert run_app_tests._key(run_app_tests.requirement_files(plan)) != first


def test_an_included_file_decides_too(tmp_path: Path) -> None:
    plan = TestPlan(tmp_path, tmp_path / "tests", "", tmp_path / "c", tmp_path / "j")
    (tmp_path / "requirements.txt").write_text("-r base.txt\n")
    (tmp_path / "base.txt").write_text("a==1\n")
    first = run_app_tests._key(run_app_tests.requirement_files(plan))
    (tmp_path / "base.txt").write_text("a==2\n")
    assert run_app_tests._key(run_app_tests.requirement_files(plan)) != first


@pytest.mark.parametrize(
    ("text", "locked"),
    [
        ("a==1 \\\n    --hash=sha256:00\n", True),
        ("\ufeffa==1 \\\r\n    --hash=sha256:00\r\n", True),
        ("# a comment\n--index-url https://example.org\na==1 --hash=sha256:00\n", True),
        ("-r locked.txt\n", True),
        ("-r requirements.txt\na==1\n", False),
        ("a==1 --hash=sha256:00\nb==1\n", False),
        ("", False),
    ],
)
def test_a_file_is_locked_if_each_requirement_has_a_hash(tmp_path: Path, text: str, locked: bool) -> None:
    (tmp_path / "locked.txt").write_text("a==1 --hash=sha256:00\n")
    (tmp_path / "requirements.txt").write_text(text)
    assert run_app_tests._is_locked(tmp_path / "requirements.txt") is locked


def test_the_failing_assertion_is_shown_although_the_project_lists_its_skips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import pytest\n" + "".join(
        f"def test_s{number}():\n    pytest.skip('reason {number}')\n" for number in range(60)
    )
    monkeypatch.setattr(sys.modules[__name__], "SETTINGS", f'{SETTINGS}addopts = "-ra"\n')
    outcome = run(tmp_path, text + f"def test_{'wrong_' * 12}():\n    assert 1 + 1 == 3\n")
    assert outcome.skipped == 60
    assert any("assert (1 + 1) == 3" in line or "assert 2 == 3" in line for line in outcome.tail)
