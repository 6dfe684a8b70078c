"""The release: its shell steps run with stubs, and the bill of materials is valid and the same every time."""

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
from ops.release.pushed_image import outputs
from ops.release.sbom import bill, pinned

ROOT = Path(__file__).parents[3]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
JOB = JOBS["draft"]
LOCKS = ["requirements.lock", "requirements-mcp.lock", "addon/requirements.txt"]


def run(step: str, work: Path, job: str = "draft", **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a step of a job in a folder, as GitHub does."""
    (text,) = [one["run"] for one in JOBS[job]["steps"] if one.get("name") == step]
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


IMAGE, LIST = "ghcr.io/me/app:1.2.3-aarch64", "ghcr.io/me/app:1.2.3"


@pytest.mark.parametrize(
    ("job", "step", "digest"),
    [
        ("images", "Build, push and read back the image", "sha256:2"),
        ("publish", "List the images, publish tree and tag", "sha256:3"),
    ],
)
def test_what_was_read_back_is_what_is_attested(tmp_path: Path, job: str, step: str, digest: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    (programs / "git").write_text("#!/bin/sh\n")
    images = {IMAGE: "sha256:2"} if job == "images" else {IMAGE: "sha256:2", LIST: "sha256:3"}
    said = json.dumps({"result": {"version": "1.2.3", "images": images}})
    (programs / "bb8deploy").write_text(f"#!/bin/sh\necho \"$@\" > words\necho '{said}'\n")
    for name in ("git", "bb8deploy"):
        (programs / name).chmod(0o755)
    (tmp_path / "ops").symlink_to(ROOT / "ops")
    github = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_ACTOR": "me"}
    done = run(step, tmp_path, job, ARCH="aarch64", **github)
    assert done.returncode == 0, done.stderr
    words = {"images": "publish --only-image aarch64 --json", "publish": "publish --image --json"}
    assert (tmp_path / "words").read_text().strip() == words[job]
    found = dict(line.split("=") for line in (tmp_path / "output").read_text().splitlines())
    assert found == {"name": "ghcr.io/me/app", "digest": digest, "version": "1.2.3"}
    (own,) = [one["id"] for one in JOBS[job]["steps"] if one.get("name") == step]
    attested = [one["with"] for one in JOBS[job]["steps"] if "actions/attest@" in one.get("uses", "")]
    assert attested
    for one in attested:
        assert one["subject-name"] == f"${{{{ steps.{own}.outputs.name }}}}"
        assert one["subject-digest"] == f"${{{{ steps.{own}.outputs.digest }}}}"


def test_a_step_that_fails_shows_what_was_said(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bb8deploy").write_text('#!/bin/sh\necho \'{"verdict": "FAIL"}\'\nexit 4\n')
    (tmp_path / "bin" / "bb8deploy").chmod(0o755)
    github = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output")}
    done = run("Build, push and read back the image", tmp_path, "images", ARCH="aarch64", **github)
    assert (done.returncode, done.stdout.strip()) == (1, '{"verdict": "FAIL"}')
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("images", "arch", "found"),
    [
        ({IMAGE: "sha256:2"}, "aarch64", ("ghcr.io/me/app", "sha256:2")),
        ({"ghcr.io/me/aarch64-app:1.2.3": "sha256:2"}, "aarch64", ("ghcr.io/me/aarch64-app", "sha256:2")),
        ({IMAGE: "sha256:2", LIST: "sha256:3"}, "", ("ghcr.io/me/app", "sha256:3")),
        ({"ghcr.io/me/a-app:1.2.3": "sha256:1", "ghcr.io/me/b-app:1.2.3": "sha256:2"}, "", ("", "")),
        ({}, "", ("", "")),
    ],
)
def test_the_image_of_an_architecture_or_the_list(
    images: dict[str, str], arch: str, found: tuple[str, str]
) -> None:
    document = json.dumps({"result": {"version": "1.2.3", "images": images}})
    assert outputs(document, arch) == {"name": found[0], "digest": found[1], "version": "1.2.3"}


def test_each_architecture_of_the_app_has_a_runner_of_its_own_kind() -> None:
    """Nothing is emulated, and only the jobs that push images may write packages."""
    rows = {row["arch"]: row["runner"] for row in JOBS["images"]["strategy"]["matrix"]["include"]}
    assert set(rows) == set(yaml.safe_load((ROOT / "addon/config.yaml").read_text())["arch"])
    assert {arch: runner.endswith("-arm") for arch, runner in rows.items()} == {
        "amd64": False,
        "aarch64": True,
    }
    assert "qemu" not in (ROOT / ".github/workflows/release.yml").read_text()
    rights = {"contents": "read", "packages": "write", "id-token": "write", "attestations": "write"}
    assert [JOBS[name].get("permissions", {}) for name in ("validate", "images", "publish")] == [
        {},
        rights,
        rights,
    ]
    assert all(JOBS[name]["environment"] == "release" for name in ("images", "publish"))


def test_only_the_job_of_the_draft_may_write_to_the_repository() -> None:
    assert JOB["permissions"] == {"contents": "write"}
    assert JOB["needs"] == "publish"
    assert all("${{" not in step.get("run", "") for step in JOB["steps"])


HASH = {
    "type": "object",
    "required": ["alg", "content"],
    "properties": {"alg": {"const": "SHA-256"}, "content": {"pattern": "^[a-fA-F0-9]{64}$"}},
    "additionalProperties": False,
}
PLACE = {
    "type": "object",
    "required": ["type", "url"],
    "properties": {
        "type": {"enum": ["distribution", "website", "vcs", "license"]},
        "url": {"type": "string", "pattern": "^https://"},
        "hashes": {"type": "array", "items": HASH},
    },
    "additionalProperties": False,
}
COMPONENT = {
    "type": "object",
    "required": ["type", "name"],
    "properties": {
        "type": {"enum": ["application", "library"]},
        "bom-ref": {"type": "string", "minLength": 1},
        "name": {"type": "string"},
        "version": {"type": "string", "maxLength": 1024},
        "purl": {"type": "string", "pattern": r"^pkg:pypi/[a-z0-9-]+@[^\s@]+$"},
        "externalReferences": {"type": "array", "items": PLACE},
        "properties": {"type": "array", "items": {"type": "object", "required": ["name"]}},
    },
    "additionalProperties": False,
}
CYCLONEDX = {
    "type": "object",
    "required": ["bomFormat", "specVersion"],
    "properties": {
        "$schema": {"const": "http://cyclonedx.org/schema/bom-1.6.schema.json"},
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {
            "pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
        },
        "version": {"type": "integer", "minimum": 1},
        "metadata": {
            "type": "object",
            "properties": {"component": COMPONENT},
            "additionalProperties": False,
        },
        "components": {"type": "array", "uniqueItems": True, "items": COMPONENT},
        "dependencies": {"type": "array", "items": {"type": "object", "required": ["ref"]}},
    },
    "additionalProperties": False,
}
"""The part of CycloneDX 1.6 that the bills use, with nothing else allowed."""


@pytest.mark.parametrize("lock", LOCKS)
def test_a_bill_is_valid_cyclonedx(lock: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="SKIPPED: no jsonschema")
    document = bill("app", "1.2.3", pinned((ROOT / lock).read_text()))
    jsonschema.Draft7Validator(CYCLONEDX).validate(json.loads(json.dumps(document)))


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
