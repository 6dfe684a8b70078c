"""The shell programs: shellcheck finds nothing, and they do the same under dash, bash and busybox."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.unit.host.localhost import LocalTransport

from bb8deploy.host.files.app_folder_interface import Transfer
from bb8deploy.host.files.ssh_folder import SshFiles
from bb8deploy.host.lock.lock_owner import Owner
from bb8deploy.host.lock.ssh_lock import SshHolding
from bb8deploy.host.shell import load_programs
from bb8deploy.host.shell.run_programs import Shell
from bb8deploy.workspace.tree_digest import STAMP, bytes_entry

AWKWARD = ("config.yaml", "a b/it's.txt", "-dash", "new\nline", "back\\slash %s $(x)", "é/ü")


@pytest.mark.parametrize("name", load_programs.names())
def test_shellcheck_finds_nothing(name: str) -> None:
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("SKIPPED: shellcheck is not installed")
    file = Path(load_programs.__file__).with_name(load_programs.FOLDER) / f"{name}.sh"
    for text in (file.read_text(), load_programs.program(name)):
        words = [shellcheck, "-s", "sh", "-e", "SC1090,SC2034,SC2086,SC2016,SC2154", "-"]
        done = subprocess.run(words, input=text, text=True, capture_output=True)
        assert done.stdout == ""
    assert subprocess.run([shellcheck, str(file)], capture_output=True, text=True).stdout == ""


def test_every_program_states_in_its_first_line_what_it_does() -> None:
    folder = Path(load_programs.__file__).with_name(load_programs.FOLDER)
    for file in folder.glob("*.sh"):
        first = file.read_text().splitlines()[0]
        assert first.startswith("# ")
        assert first.endswith(".")


def test_comments_do_not_travel() -> None:
    for name in load_programs.names():
        assert not any(line.lstrip().startswith("#") for line in load_programs.program(name).splitlines())


def test_a_needed_program_is_sent_once() -> None:
    assert load_programs.program("list_app_folder", "apply_transfer").count("tree() {") == 1


def test_the_record_beside_the_app_folder_is_answered_by_one_program() -> None:
    folder = Path(load_programs.__file__).with_name(load_programs.FOLDER)
    answering = [file.stem for file in folder.glob("*.sh") if 'say "PUT_IN' in file.read_text()]
    assert answering == ["put_in_record"]


def test_a_sync_and_a_lock_work_under_every_shell(transport: LocalTransport, tmp_path: Path) -> None:
    runtime, source = tmp_path / "addons/beep é", tmp_path / "here"
    runtime.parent.mkdir()
    files = SshFiles(Shell(transport, str(runtime)))
    owner = Owner.of_run("run-1", "deploy")
    holding = SshHolding(Shell(transport, str(runtime)), owner, lease=60, receipt=str(tmp_path / "r/receipt"))
    session = holding.take_session()
    assert session is not None
    assert not session.tree.present
    for name in AWKWARD:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    made = {STAMP: b'{"run": "run-1"}\n'}
    entries = (*(bytes_entry(name, name.encode()) for name in AWKWARD), bytes_entry(STAMP, made[STAMP]))
    found = session.apply(Transfer(source, (), entries, made))
    assert {entry.path: entry.sha256 for entry in found.manifest.entries} == {
        entry.path: entry.sha256 for entry in entries
    }
    assert found.stamp == made[STAMP].decode()
    assert holding.append_receipt(["TOKEN: X"])
    assert (tmp_path / "r/receipt").read_text() == "TOKEN: X\n"
    holding.release()
    assert not (runtime.parent / ".bb8deploy" / f"{runtime.name}.lock").exists()
    assert files.look() == found
    assert files.fetch(["new\nline", "gone"]) == {"new\nline": b"new\nline"}
    assert files.read(f"{runtime}/config.yaml") == b"config.yaml"
    assert files.read(f"{runtime}/gone") is None


def test_a_program_travels_in_one_line_without_what_other_shells_treat_specially() -> None:
    for name in load_programs.names():
        words = load_programs.in_sh(load_programs.program(name))
        assert not set("\n'!") & set(words[3])
        assert "\\\\" not in words[3]
