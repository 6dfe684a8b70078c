"""The draft release: its shell steps run with stubs, and the bill of materials is the same every time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ops.release.sbom import bill, pinned

ROOT = Path(__file__).parents[3]
JOB: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]["draft"]
LOCKS = ["requirements.lock", "requirements-mcp.lock", "addon/requirements.txt"]


def run(step: str, work: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a step of the job in a folder, as GitHub does."""
    (text,) = [one["run"] for one in JOB["steps"] if one.get("name") == step]
    words = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", text]
    own = {"PATH": f"{work / 'bin'}:{os.environ['PATH']}", "VERSION": "1.2.3", **environ}
    return subprocess.run(words, cwd=work, env=own, capture_output=True, text=True)


def test_the_draft_has_the_notes_the_bills_and_the_evidence(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    (programs / "gh").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > words\n')
    (programs / "gh").chmod(0o755)
    (tmp_path / "ops").symlink_to(ROOT / "ops")
    (tmp_path / "addon").mkdir()
    (tmp_path / "addon" / "CHANGELOG.md").write_text("# C\n\n## 1.2.3\n\n- new\n\n## 1.2.2\n\n- old\n")
    for lock in ("requirements.lock", "addon/requirements.txt"):
        (tmp_path / lock).write_text((ROOT / lock).read_text())
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "latest.json").write_text("{}")
    for step in ("Collect notes, bills of materials and evidence", "Draft the release"):
        done = run(step, tmp_path)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes.md").read_text().strip() == "- new"
    words = (tmp_path / "words").read_text().splitlines()
    assert words[:5] == ["release", "create", "1.2.3", "--draft", "--verify-tag"]
    assert words[-3:] == ["evidence.tar.gz", "app.cdx.json", "bb8deploy.cdx.json"]
    assert all((tmp_path / name).stat().st_size for name in words[-3:])
    assert json.loads((tmp_path / "app.cdx.json").read_text())["metadata"]["component"]["version"] == "1.2.3"


def test_only_the_job_of_the_draft_may_write_to_the_repository() -> None:
    assert JOB["permissions"] == {"contents": "write"}
    assert JOB["needs"] == "publish"
    assert all("${{" not in step.get("run", "") for step in JOB["steps"])


@pytest.mark.parametrize("lock", LOCKS)
def test_a_bill_has_every_package_of_the_lock_with_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text()
    packages = pinned(text)
    assert len(packages) == len(re.findall(r"^[A-Za-z0-9]\S*==", text, re.MULTILINE))
    assert sum(len(one.hashes) for one in packages) == text.count("--hash=sha256:")
    assert all(one.hashes for one in packages)
    document: dict[str, Any] = bill("x", "1", packages)
    refs = [one["bom-ref"] for one in document["components"]]
    assert len(set(refs)) == len(refs)
    assert document["dependencies"] == [{"ref": "x", "dependsOn": refs}]


def test_the_same_lock_makes_the_same_bill_in_any_order() -> None:
    one = f"b[x]==2 ; sys_platform == 'linux' \\\n    --hash=sha256:{'b' * 64}\n    # via a\n"
    two = f"A_a==1 \\\n    --hash=sha256:{'c' * 64} \\\n    --hash=sha256:{'a' * 64}\n"
    assert bill("x", "1", pinned(one + two)) == bill("x", "1", pinned(two + one))
    first, second = pinned(one + two)
    assert (first.name, first.hashes[0][0], second.marker) == ("a-a", "a", "sys_platform == 'linux'")
    assert bill("x", "2", pinned(one))["serialNumber"] != bill("x", "1", pinned(one))["serialNumber"]
