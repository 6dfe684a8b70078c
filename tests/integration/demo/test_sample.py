"""The sample app: valid without a finding, released by `bb8deploy demo` outside of any workspace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.desk import isolate_git, sh

from bb8deploy.checks.run_rules import check_addon
from bb8deploy.lanes.demo import sample

SAMPLE_TESTS = sample.SAMPLE / "tests"


def test_validate_has_nothing_to_say_about_it() -> None:
    report = check_addon(sample.SAMPLE / "addon", workspace=None)
    assert [finding.code for finding in report.findings if finding.level.name != "INFO"] == []


def test_its_own_tests_pass(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            # Without its own folder it would first remove those of earlier runs, which can take minutes.
            f"--basetemp={tmp_path / 'own'}",
            str(SAMPLE_TESTS),
        ],
        env={**os.environ, "PYTHONPATH": str(sample.SAMPLE / "addon"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_copy_is_a_clean_repository_with_a_start_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    isolate_git(tmp_path, monkeypatch)
    folder = tmp_path / "hello"
    for _ in range(2):  # what an earlier demo wrote is replaced
        sample.write_sample(folder)
        assert sh(folder, "git", "status", "--porcelain") == ""
        assert os.access(folder / "addon" / "run.sh", os.X_OK)
        assert not list(folder.rglob("__pycache__"))


@pytest.mark.timeout(600)
def test_two_demos_at_the_same_time_both_show_every_lane(tmp_path: Path) -> None:
    environment = {**os.environ, "BB8DEPLOY_CACHE": str(tmp_path / "cache"), "BB8DEPLOY_PLAIN": "1"}
    (tmp_path / "empty").mkdir()
    command = [sys.executable, "-m", "bb8deploy", "demo"]
    both = [
        subprocess.Popen(
            command,
            cwd=tmp_path / "empty",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    for process, output in zip(both, outputs, strict=True):
        if "TEST_ENVIRONMENT" in output:
            pytest.skip("SKIPPED: no package index has what the sample's tests need")
        assert process.returncode == 0, output
        tokens = re.findall(r"^TOKEN: (\w+)", output, re.MULTILINE)
        assert {"TESTS_OK", "RUN_SH_PRESENT", "VERIFY_OK", "TELEMETRY_ATTEST_OK", "TAG_OK"} <= set(tokens)
