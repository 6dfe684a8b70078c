"""The shipped tree: manifest, translations, image, services and lock agree with each other and the code."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bb8_core.app_options import Options, parse_options
from bb8_core.motion.motion_watchdog import EXIT_CODE

ADDON = Path(__file__).parents[2] / "addon"
yaml = pytest.importorskip("yaml", reason="SKIPPED: PyYAML is not installed")


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return dict(yaml.safe_load((ADDON / "config.yaml").read_text()))


def test_the_version_is_the_same_everywhere(manifest: dict[str, Any]) -> None:
    version = manifest["version"]
    assert re.fullmatch(r"\d{4}\.\d{1,2}\.\d{1,2}\.\d+", version)
    assert tomllib.loads((ADDON / "pyproject.toml").read_text())["project"]["version"] == version
    assert f"## {version}\n" in (ADDON / "CHANGELOG.md").read_text()


def test_it_asks_for_no_more_rights_than_bluetooth_over_dbus_needs(manifest: dict[str, Any]) -> None:
    assert manifest["host_dbus"] is True
    assert manifest["ingress"] is True
    asked = {"apparmor", "devices", "docker_api", "full_access", "hassio_api", "hassio_role", "host_network",
             "host_pid", "kernel_modules", "privileged", "uart", "usb", "udev", "image"}  # fmt: skip
    assert not asked & set(manifest)


def test_each_option_is_checked_explained_and_known_to_the_program(manifest: dict[str, Any]) -> None:
    known = {field.name for field in dataclasses.fields(Options)} - {"problems"}
    told = yaml.safe_load((ADDON / "translations" / "en.yaml").read_text())["configuration"]
    assert set(manifest["schema"]) == set(told) == known
    lists = {key: kind[0] for key, kind in manifest["schema"].items() if isinstance(kind, list)}
    assert all(set(told[key]["fields"]) == set(entry) for key, entry in lists.items())
    texts = [*told.values(), *(text for key in lists for text in told[key]["fields"].values())]
    assert all(text["name"] and text["description"] for text in texts)
    optional = {key for key, kind in manifest["schema"].items() if str(kind).endswith("?")}
    assert set(manifest["options"]) == known - optional


def test_the_manifests_defaults_are_the_programs_defaults(manifest: dict[str, Any]) -> None:
    assert parse_options(manifest["options"]) == Options()


def test_what_the_schema_lets_through_at_its_ends_the_program_takes(manifest: dict[str, Any]) -> None:
    for key, kind in manifest["schema"].items():
        for end in re.findall(r"\d+", kind) if str(kind).startswith("int(") else ():
            assert parse_options({key: int(end)}).problems == ()


def test_the_docs_explain_every_option(manifest: dict[str, Any]) -> None:
    docs = (ADDON / "DOCS.md").read_text()
    assert [key for key in manifest["schema"] if f"`{key}`" not in docs] == []


def test_the_build_block_names_the_base_that_the_dockerfile_uses(manifest: dict[str, Any]) -> None:
    base = re.search(r"^ARG BUILD_FROM=(\S+)$", (ADDON / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    assert manifest["build"]["args"]["BUILD_FROM"] == base[1]


def test_every_requirement_is_pinned_and_hashed() -> None:
    text = (ADDON / "requirements.txt").read_text()
    blocks = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(blocks) > 3
    assert all(re.match(r"[a-z0-9-]+==\S+ ", block) and "--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("name", ["run.sh", "services.d/ble_bridge/run", "services.d/echo_responder/run"])
def test_scripts_are_executable_and_end_in_an_exec(name: str) -> None:
    script = ADDON / name
    assert os.access(script, os.X_OK)
    lines = script.read_text().splitlines()
    assert lines[0].startswith("#!/")
    assert lines[-1].startswith("exec ")


def test_the_profile_is_named_as_the_slug_and_parses(manifest: dict[str, Any]) -> None:
    profile = (ADDON / "apparmor.txt").read_text()
    assert f"\nprofile {manifest['slug']} " in profile
    allowed = re.sub(r"#.*|^ *deny .*$", "", profile, flags=re.MULTILINE)
    assert "capability" not in allowed
    parser = shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin")
    if parser is None or not Path("/etc/apparmor.d/abstractions/base").exists():
        pytest.skip("SKIPPED: apparmor_parser is not installed")
    command = [
        parser,
        "--skip-kernel-load",
        "--skip-cache",
        "-I",
        "/etc/apparmor.d",
        str(ADDON / "apparmor.txt"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("name", "size"), [("icon.png", (128, 128)), ("logo.png", (250, 100))])
def test_the_pictures_have_the_sizes_that_the_store_wants(name: str, size: tuple[int, int]) -> None:
    data = (ADDON / name).read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == size


def run_echo_service(options: Path, python: str) -> subprocess.Popen[str]:
    """The service script with `python` in the place of the venv's, as s6 would run it."""
    venv = options.parent / "venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").write_text(python)
    (venv / "python").chmod(0o755)
    environment = {
        **os.environ,
        "VIRTUAL_ENV": str(venv.parent),
        "BB8_OPTIONS": str(options),
        "BB8_APP": "/app",
    }
    script = str(ADDON / "services.d" / "echo_responder" / "run")
    return subprocess.Popen(["bash", script], env=environment, stdout=subprocess.PIPE, text=True)


PYTHON = f"""#!/usr/bin/env bash
if [ "$1" = -c ]; then exec {sys.executable} "$@"; fi
echo "$*|$BB8_ECHO_MAX_INFLIGHT|$BB8_ECHO_MIN_INTERVAL_MS|$PYTHONPATH"
"""


@pytest.mark.parametrize(
    ("options", "limits"),
    [({"echo_max_inflight": 3, "echo_min_interval_ms": 20}, "3|20"), ({}, "16|0"), (None, "16|0")],
    ids=["set", "defaults", "no file"],
)
def test_the_echo_service_exports_its_options_and_becomes_the_responder(
    tmp_path: Path, options: dict[str, int] | None, limits: str
) -> None:
    file = tmp_path / "options.json"
    if options is not None:
        file.write_text(json.dumps(options))
    output, _ = run_echo_service(file, PYTHON).communicate(timeout=100)
    command, _, rest = output.strip().partition("|")
    assert command == "-m bb8_core.echo_responder"
    assert rest.startswith(f"{limits}|/app")


def test_an_echo_service_that_is_off_waits_instead_of_ending(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"enable_echo": false}')
    process = run_echo_service(file, PYTHON)
    assert process.stdout is not None
    assert "off" in process.stdout.readline()
    assert process.poll() is None
    process.terminate()
    assert process.wait(60) != 0
    process.stdout.close()


def seconds_held_up(folder: Path, service: str, code: str) -> str:
    """How long the finish script would have slept, empty if it did not."""
    slept = folder / "slept"
    slept.unlink(missing_ok=True)
    sleep = folder / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" >"{slept}"\n')
    sleep.chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    script = str(ADDON / "services.d" / service / "finish")
    assert subprocess.run(["bash", script, code], env=environment).returncode == 0
    return slept.read_text().strip() if slept.exists() else ""


def test_the_bridge_is_not_held_up_after_the_dead_man_ended_it(tmp_path: Path) -> None:
    assert seconds_held_up(tmp_path, "ble_bridge", str(EXIT_CODE)) == ""
    assert seconds_held_up(tmp_path, "ble_bridge", "1") == "4"


@pytest.mark.parametrize("code", ["0", "256"])
def test_a_clean_end_of_a_service_is_not_held_up(tmp_path: Path, code: str) -> None:
    for service in ("ble_bridge", "echo_responder"):
        assert seconds_held_up(tmp_path, service, code) == ""
