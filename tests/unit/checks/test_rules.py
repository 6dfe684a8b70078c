"""One spoiled app for each rule: the right code at the right line, and no token's ground left."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

import bb8deploy
from bb8deploy.base.findings import Finding, Level
from bb8deploy.checks.install_mode import Mode
from bb8deploy.checks.run_rules import CheckReport

Check = Callable[..., CheckReport]
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhYmMifQ." + "a" * 43


def codes(report: CheckReport, level: Level | None = None) -> set[str]:
    """The codes of a report's findings."""
    return {f.code for f in report.findings if level is None or f.level is level}


def only(report: CheckReport, code: str) -> Finding:
    """The one finding with this code."""
    (found,) = [finding for finding in report.findings if finding.code == code]
    return found


def change(path: Path, old: str, new: str) -> None:
    """Replaces text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_sound_addon_has_no_error_and_holds_everything(check: Check) -> None:
    report = check()
    assert codes(report) - {"SHELLCHECK_SKIPPED"} == set()
    assert (report.structure_ok, report.manifest_ok, report.local_build) == (True, True, True)
    assert (report.mode, report.rating, report.version) == (Mode.LOCAL_DEV, 5, "1.4.2")


@pytest.mark.parametrize(
    ("path", "text", "code"),
    [
        (".git/HEAD", "ref: x", "ADDON_IS_REPOSITORY"),
        ("docs/a.md", "x", "WORKSPACE_FOLDER_INSIDE"),
        (".github/a.yml", "x: 1", "WORKSPACE_FOLDER_INSIDE"),
        ("addon/a", "x", "WORKSPACE_FOLDER_INSIDE"),
        ("tools/a", "x", "RUNTIME_FOLDER_UNUSED"),
        ("deep/config.json", "{}", "CONFIG_STRAY"),
        ("config.json", "{}", "CONFIG_STRAY"),
        ("deep/build.yaml", "args: {}", "BUILD_STRAY"),
        ("requirements.txt", "loose>=1\n", "REQUIREMENT_UNPINNED"),
        ("run.sh", "#!/bin/sh\npython -m bb8_core.main\n", "RUN_SH_NO_EXEC"),
        ("services.d/ble_bridge/run", "#!/bin/sh\n/usr/src/app/run.sh\n", "SERVICE_NO_EXEC"),
        ("services.d/ble_bridge/run", "exec /usr/src/app/run.sh\n", "SCRIPT_NO_SHEBANG"),
        ("run.sh", "#!/usr/bin/env bash\r\nexec x\r\n", "SCRIPT_CRLF"),
        ("Dockerfile", "RUN true\n", "DOCKERFILE_NO_FROM"),
        ("Dockerfile", "ARG BUILD_FROM\nFROM $BUILD_FROM\n", "FROM_WITHOUT_DEFAULT"),
        ("Dockerfile", "ARG BUILD_FROM=a/b\nFROM ${BUILD_FROM}\nRUN apt-get update\n", "PACKAGE_APT"),
        ("Dockerfile", "ARG BUILD_FROM=a/b\nFROM ${BUILD_FROM}\n", "VENV_MISSING"),
        ("Dockerfile", "ARG BUILD_FROM=a/b\nFROM ${BUILD_FROM}\n", "RUN_SH_NOT_COPIED"),
        ("bb8_core/x.py", f'token = "{JWT}"\n', "SECRET_TOKEN"),
        ("key.pem", "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3Bl" * 20, "SECRET_KEY"),
        ("pyproject.toml", '[project]\nname = "x"\nversion = "9.9.9"\n', "VERSION_DIFFERS"),
        ("translations/en.yaml", "configuration:\n  level: text\n", "TRANSLATION_INVALID"),
    ],
)
def test_a_spoiled_file_is_an_error_of_its_own(
    addon: Path, check: Check, path: str, text: str, code: str
) -> None:
    file = addon / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    report = check()
    assert code in codes(report, Level.ERROR)
    assert not (report.structure_ok and report.manifest_ok)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ('"1.4.2"', "1.10", "VERSION_UNQUOTED", 2),
        ("slug: small", "slug: Small", "SLUG_UPPER_CASE", 3),
        ("slug: small", "slug: small\nmap:", "CONFIG_CRASHES", 4),
        ("  - amd64", "  - sparc", "CONFIG_INVALID", 6),
        ("level: info", "level: loud", "OPTIONS_INVALID", 10),
        ("slug: small", "slug: small\nslug: again", "YAML_KEY_TWICE", 4),
        ("build:\n  dockerfile: Dockerfile\n", "", "BUILD_BLOCK_MISSING", 1),
        ("slug: small", "slug: small\nimage: a/b:1", "IMAGE_TAGGED", 4),
        ("slug: small", "slug: small\nimage: ghcr.io/A/b", "IMAGE_UPPER_CASE", 4),
        ("name: Small", "name: [Small", "YAML_INVALID", 2),
        ("name: Small", "\tname: Small", "YAML_TAB", 1),
    ],
)
def test_a_spoiled_config_is_an_error_at_its_line(
    addon: Path, check: Check, old: str, new: str, code: str, line: int
) -> None:
    change(addon / "config.yaml", old, new)
    report = check()
    finding = only(report, code)
    assert (finding.level, finding.path, finding.line) == (Level.ERROR, "config.yaml", line)
    assert not (report.manifest_ok and report.structure_ok)


@pytest.mark.parametrize(
    ("addition", "code"),
    [
        ("advanced: true", "CONFIG_NO_EFFECT"),
        ("ingres: true", "CONFIG_UNKNOWN_KEY"),
        ("map: [addons:rw]", "CONFIG_OLD_WORD"),
        ("machine: [raspberrypi3]", "CONFIG_OLD_WORD"),
        ("privileged: [NET_ADMIN]", "PRIVILEGE_COSTS"),
        ("docker_api: true", "PRIVILEGE_COSTS"),
        ("hassio_role: manager", "PRIVILEGE_IDLE"),
    ],
)
def test_what_the_supervisor_lets_pass_is_a_warning(
    addon: Path, check: Check, addition: str, code: str
) -> None:
    change(addon / "config.yaml", "slug: small", f"slug: small\n{addition}")
    report = check()
    assert code in codes(report, Level.WARNING)
    assert report.passed


def test_a_misspelt_key_is_reported_with_the_nearest_known_one(addon: Path, check: Check) -> None:
    change(addon / "config.yaml", "slug: small", "slug: small\ningres: true")
    assert only(check(), "CONFIG_UNKNOWN_KEY").hint == "Did you mean `ingress`?"


def test_an_image_is_refused_if_local_development_was_requested(addon: Path, check: Check) -> None:
    change(addon / "config.yaml", "slug: small", "slug: small\nimage: ghcr.io/a/b")
    assert check().mode is Mode.PUBLISH
    report = check(mode=Mode.LOCAL_DEV)
    assert only(report, "IMAGE_OUTSIDE_PUBLISH").line == 4
    assert not report.local_build


def test_publishing_without_an_image_is_refused(check: Check) -> None:
    assert "IMAGE_MISSING" in codes(check(mode=Mode.PUBLISH), Level.ERROR)


def test_all_findings_come_in_one_run(addon: Path, check: Check) -> None:
    change(addon / "config.yaml", "  - amd64", "  - sparc")
    change(addon / "config.yaml", "description: An app for tests\n", "")
    (addon / "run.sh").unlink()
    report = check()
    assert [f.code for f in report.findings].count("CONFIG_INVALID") == 2
    assert "FILE_MISSING" in codes(report)


def test_tools_may_stay_if_the_dockerfile_copies_them_or_there_is_a_marker(addon: Path, check: Check) -> None:
    (addon / "tools").mkdir()
    (addon / "scripts").mkdir()
    (addon / ".allow_runtime_scripts").touch()
    change(addon / "Dockerfile", "COPY run.sh", "COPY tools /opt/tools\nCOPY run.sh")
    assert check().runtime_folders == (("tools", "dockerfile"), ("scripts", "marker"))


def test_a_missing_executable_bit_is_seen(addon: Path, check: Check) -> None:
    (addon / "run.sh").chmod(0o644)
    assert only(check(), "SCRIPT_NOT_EXECUTABLE").path == "run.sh"


def test_an_app_outside_of_any_workspace_is_checked_by_its_own_files_alone(
    addon: Path, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    opened = Path.open

    def remember(path: Path, *args: Any, **options: Any) -> IO[Any]:
        read.append(path)
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", remember)
    check(workspace=None)
    ours = Path(bb8deploy.__file__).parent
    assert [path for path in read if not path.is_relative_to(addon) and not path.is_relative_to(ours)] == []


def test_a_generic_addon_needs_none_of_our_files(addon: Path, check: Check) -> None:
    for name in ("run.sh", "services.d", "requirements.txt"):
        path = addon / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    change(addon / "Dockerfile", "COPY services.d /etc/services.d\nCOPY run.sh /usr/src/app/run.sh\n", "")
    assert check(profile="generic").passed


def test_defaults_that_wait_for_the_user_pass_a_generic_addon_but_not_its_manifest(
    addon: Path, check: Check
) -> None:
    change(addon / "config.yaml", "level: info", "level: null")
    report = check(profile="generic")
    assert report.passed
    assert not report.manifest_ok


def test_what_a_heredoc_holds_is_not_an_instruction(addon: Path, check: Check) -> None:
    change(addon / "Dockerfile", "COPY run.sh", "RUN <<EOT\nFROM $NOTHING\nEOT\nCOPY run.sh")
    assert check().structure_ok


def test_links_that_lead_out_or_in_circles_are_errors(addon: Path, check: Check) -> None:
    (addon / "out").symlink_to("../..")
    (addon / "a").symlink_to("b")
    (addon / "b").symlink_to("a")
    report = check()
    assert only(report, "SYMLINK_OUTSIDE").path == "out"
    assert {f.path for f in report.findings if f.code == "SYMLINK_BROKEN"} == {"a", "b"}


def test_a_socket_is_not_a_file_of_an_addon(addon: Path, check: Check) -> None:
    os.mkfifo(addon / "pipe")
    assert stat.S_ISFIFO((addon / "pipe").stat().st_mode)
    assert only(check(), "TREE_SPECIAL_FILE").path == "pipe"


def test_a_name_that_no_deploy_can_send_is_a_warning(addon: Path, check: Check) -> None:
    odd = os.fsdecode(b"od\xffd")
    try:
        (addon / odd).mkdir()
    except OSError:
        pytest.skip("SKIPPED: this file system takes UTF-8 names only")
    (addon / odd / "fine.txt").write_text("x")
    finding = only(check(), "TREE_NAME_NOT_UTF8")
    assert (finding.path, finding.level) == ("od\ufffdd", Level.WARNING)
    assert "b'od\\xffd'" in finding.message


def test_a_tree_without_end_is_cut_with_one_finding(
    addon: Path, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bb8deploy.checks.reading.folder_scan.MAX_FILES", 50)
    for number in range(200):
        (addon / f"f{number:03}").touch()
    assert only(check(), "TREE_TOO_LARGE").level is Level.ERROR
    assert not check().structure_ok


def test_a_tracked_secrets_file_is_found_and_an_example_is_not(addon: Path, check: Check) -> None:
    workspace = addon.parent
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    (addon / "secrets.yaml").write_text("a: b\n")
    (workspace / ".env.example").touch()
    add = ["git", "-C", str(workspace), "add", "-f", "addon/secrets.yaml", ".env.example"]
    subprocess.run(add, check=True)
    report = check(workspace=workspace)
    assert only(report, "SECRETS_TRACKED").message.startswith("addon/secrets.yaml")


HADOLINT = """#!/bin/sh
echo '[{"code": "DL3006", "level": "error", "message": "Tag it",'
echo '  "file": "./Dockerfile", "line": 2, "column": 1}]'
"""


def test_hadolint_gives_notes_only_from_the_folder_of_the_running_python(
    addon: Path, tmp_path: Path, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, elsewhere = tmp_path / "bin", tmp_path / "path"
    for folder in (beside, elsewhere):
        folder.mkdir()
    (elsewhere / "hadolint").write_text(HADOLINT)
    (elsewhere / "hadolint").chmod(0o755)
    monkeypatch.setattr("sys.executable", str(beside / "python"))
    monkeypatch.setenv("PATH", str(elsewhere), prepend=os.pathsep)
    assert "HADOLINT" not in codes(check())
    shutil.copy(elsewhere / "hadolint", beside / "hadolint")
    found = only(check(), "HADOLINT")
    assert (found.level, found.path, found.line) == (Level.NOTE, "Dockerfile", 2)
    assert found.message == "DL3006: Tag it"


def test_shellcheck_speaks(addon: Path, check: Check) -> None:
    """The package brings it: nothing has to be installed on the machine."""
    (addon / "more.sh").write_text("#!/bin/bash\nif [ $1 = ]; then\n")
    assert "SCRIPT_SHELLCHECK" in codes(check(), Level.WARNING)


def test_without_shellcheck_the_report_mentions_it(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name, **_where: None)
    assert only(check(), "SHELLCHECK_SKIPPED").message.startswith("SKIPPED:")


def test_a_file_too_large_to_search_is_named_and_fails_nothing(addon: Path, check: Check) -> None:
    (addon / "model.bin").write_bytes(b"x" * (1024 * 1024 + 1))
    report = check()
    assert only(report, "FILE_NOT_SEARCHED").path == "model.bin"
    assert report.structure_ok


def test_an_unreadable_config_leaves_no_ground_for_the_structure_token(addon: Path, check: Check) -> None:
    (addon / "config.yaml").write_text("name: [\n")
    assert not check().structure_ok
