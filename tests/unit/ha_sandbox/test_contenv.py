"""Scripts for with-contenv and bashio, on a machine that has neither."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ha_sandbox.runtime.container_services import COMMAND, use_contenv
from ha_sandbox.runtime.s6_tools import TOOLS


def test_scripts_are_pointed_at_the_stand_in_and_keep_their_executable_bit(tmp_path: Path) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/usr/bin/with-contenv bashio\n# not a #!/usr/bin/with-contenv line\n")
    script.chmod(0o755)
    use_contenv(tmp_path)
    assert script.read_text() == f"#!{COMMAND} bashio\n# not a #!/usr/bin/with-contenv line\n"
    assert script.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "data",
    [
        b"#!/bin/sh\n#!/usr/bin/with-contenv bashio\n",
        b"#!/usr/bin/with-contenvy\n",
        b"\x7fELF #!/usr/bin/with-contenv",
        b"",
    ],
)
def test_other_files_stay_as_they_are(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    use_contenv(tmp_path)
    assert (tmp_path / "file").read_bytes() == data


def test_a_link_is_not_followed_out_of_the_image(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("#!/usr/bin/with-contenv bash\n")
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "link").symlink_to(outside)
    use_contenv(tmp_path / "image")
    assert outside.read_text() == "#!/usr/bin/with-contenv bash\n"


def ran(tmp_path: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a script by the stand-in, as a kernel would for its first line."""
    tool, script = tmp_path / "with-contenv", tmp_path / "run.sh"
    tool.write_text(TOOLS["with-contenv"])
    tool.chmod(0o755)
    script.write_text(text)
    command = [str(tool), *words, str(script)]
    environment = {"PATH": "/usr/bin:/bin", "GREETING": "hello"}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_bash_runs_a_bashio_script_and_the_log_reports_it(tmp_path: Path) -> None:
    done = ran(tmp_path, 'a=(1 2)\necho "$GREETING ${#a[@]}"\n', "bashio")
    assert done.stdout.splitlines()[1:] == ["hello 2"]
    assert "bashio is not on this machine" in done.stdout


def test_a_function_of_bashio_ends_the_script_as_a_missing_program(tmp_path: Path) -> None:
    assert ran(tmp_path, "bashio::log.info hello\necho on\n", "bashio").returncode == 127


def test_another_interpreter_is_just_run(tmp_path: Path) -> None:
    done = ran(tmp_path, 'echo "$GREETING"\n', "bash")
    assert (done.stdout, done.returncode) == ("hello\n", 0)
