"""The commands as a user runs them: exit codes, stdout and stderr, JSON alone where asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.desk import Desk

ROOT = Path(__file__).parents[3]


def bb8(desk: Desk, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs bb8deploy in the desk's workspace."""
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HA_PUBLISH_REMOTE": str(desk.store), **settings}
    return subprocess.run(
        [sys.executable, "-m", "bb8deploy", *words],
        cwd=desk.root, env=env, capture_output=True, text=True, timeout=110,
    )  # fmt: skip


def test_publish_prints_tokens_on_stdout_and_ends_with_zero(desk: Desk) -> None:
    done = bb8(desk, "publish")
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["SUBTREE_PUBLISH_OK", "TAG_OK"]
    assert "evidence:" in done.stderr


def test_publish_json_is_one_document(desk: Desk) -> None:
    done = bb8(desk, "publish", "--json")
    document = json.loads(done.stdout)
    assert document["verdict"] == "PASS"
    assert [t["name"] for t in document["tokens"]] == ["SUBTREE_PUBLISH_OK", "TAG_OK"]
    assert document["result"]["tree"] == desk.git("rev-parse", "HEAD:addon")


def test_a_refused_publish_ends_with_one_cause_and_one_remedy(desk: Desk, tmp_path: Path) -> None:
    done = bb8(desk, "publish", HA_PUBLISH_REMOTE=str(tmp_path / "nowhere"))
    assert done.returncode == 3
    assert "REMOTE_NOT_FOUND" in done.stderr
    assert done.stderr.count("remedy:") == 1
    assert "TOKEN:" not in done.stdout
    receipt = (desk.root / "reports" / "publish_receipt.txt").read_text()
    assert receipt.startswith("DRIFT: REMOTE_NOT_FOUND")


def test_verify_evidence_passes_elsewhere_and_names_the_byte(desk: Desk, tmp_path: Path) -> None:
    bb8(desk, "publish")
    (folder,) = (desk.root / "reports" / "runs").iterdir()
    (tmp_path / "kept").mkdir()
    there = folder.rename(tmp_path / "kept" / folder.name)
    assert bb8(desk, "verify-evidence", str(there)).returncode == 0
    receipt = there / "receipts" / "publish_receipt.txt"
    receipt.write_bytes(receipt.read_bytes().replace(b"TAG_OK", b"TAG_KO", 1))
    done = bb8(desk, "verify-evidence", str(there))
    assert done.returncode == 1
    assert "receipts/publish_receipt.txt: more than one byte differs" in done.stderr


def test_verify_evidence_gives_a_program_the_exact_byte(desk: Desk) -> None:
    bb8(desk, "publish")
    (folder,) = (desk.root / "reports" / "runs").iterdir()
    receipt = folder / "receipts" / "publish_receipt.txt"
    data = bytearray(receipt.read_bytes())
    data[7] ^= 0x20
    receipt.write_bytes(data)
    done = bb8(desk, "verify-evidence", "--json", str(folder))
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (1, "FAIL")
    (flaw,) = document["flaws"]
    assert (flaw["path"], flaw["offset"]) == ("receipts/publish_receipt.txt", 7)
    assert flaw["what"] == f"byte 7 is 0x{data[7]:02x}, it was 0x{data[7] ^ 0x20:02x}"


def test_a_dry_run_of_publish_reports_on_stdout_what_it_would_push(desk: Desk) -> None:
    planned = bb8(desk, "publish", "--dry-run").stdout
    assert planned == (
        "layout: subtree (the repository has no repository.yaml at its root); tag 2026.1.2.0\n"
        f"would push to {desk.store}: refs/heads/main, refs/tags/2026.1.2.0\n"
    )
    bb8(desk, "publish")
    assert bb8(desk, "publish", "--dry-run").stdout.splitlines()[1].startswith("Nothing to publish: ")


@pytest.mark.parametrize("words", [("release",), ("release", "patch", "--resume"), ("release", "--resume")])
def test_a_release_without_a_clear_wish_is_a_usage_error(desk: Desk, words: tuple[str, ...]) -> None:
    done = bb8(desk, *words)
    assert done.returncode == 2
    assert "RELEASE_WHAT" in done.stderr or "RESUME_NOTHING" in done.stderr


def test_a_release_without_a_host_stops_before_the_bump_with_json_alone(desk: Desk) -> None:
    before = desk.refs()
    done = bb8(desk, "release", "patch", "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 2
    assert document["error"]["code"] == "HOST_MISSING"
    assert document["tokens"] == []
    assert desk.refs() == before


@pytest.mark.parametrize(
    ("script", "words", "expected"),
    [
        ("ops/workspace/validate_paths_map.sh", ["--no-tests"], ["validate", "--no-tests"]),
        ("ops/release/bump_version.sh", [], ["release", "patch", "--until", "bump"]),
        ("ops/release/bump_version.sh", ["date"], ["release", "date", "--until", "bump"]),
        ("ops/release/publish_addon_archive.sh", ["--dry-run"], ["publish", "--dry-run"]),
        ("ops/release/deploy_ha_over_ssh.sh", ["-t", "lab"], ["deploy", "-t", "lab"]),
        ("ops/release/deploy_ha_over_ssh.sh", ["diagnose", "--json"], ["diagnose", "--json"]),
    ],
)
def test_a_script_at_the_old_path_runs_the_command(
    tmp_path: Path, script: str, words: list[str], expected: list[str]
) -> None:
    stub = tmp_path / "bb8deploy"
    stub.write_text('#!/bin/sh\npwd\nprintf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    done = subprocess.run(
        [str(ROOT / script), *words], cwd=tmp_path, env={**os.environ, "BB8DEPLOY": str(stub)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [str(ROOT), *expected]


@pytest.mark.parametrize(
    ("script", "words", "shown"),
    [
        ("ops/workspace/validate_paths_map.sh", [], "validate"),
        ("ops/release/bump_version.sh", ["patch"], "release"),
        ("ops/release/publish_addon_archive.sh", [], "publish"),
        ("ops/release/deploy_ha_over_ssh.sh", [], "deploy"),
        ("ops/release/deploy_ha_over_ssh.sh", ["diagnose"], "diagnose"),
    ],
)
def test_what_a_script_runs_takes_its_words(
    tmp_path: Path, script: str, words: list[str], shown: str
) -> None:
    program = tmp_path / "bb8deploy"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m bb8deploy "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "BB8DEPLOY": str(program), "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [str(ROOT / script), *words, "--help"], env=env, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert f"Usage: bb8deploy {shown} " in done.stdout
