"""Drives the `ha` route through a real shell with `ha` commands of all ages on its PATH."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pytest

from bb8deploy.base.errors import Refused, Unreachable
from bb8deploy.host.supervisor.ha_cli_route import HaCli
from bb8deploy.host.supervisor.route_interface import LookExtras, NoAnswer, RefusalKind, SupervisorError
from bb8deploy.transport.transport_interface import Completed, Stats, Stream, Transport

INFO = {"version": "1.0", "version_latest": "1.1", "state": "started", "build": True}


class Shell(Transport):
    """A Transport whose machine is this one, with a PATH and an environment of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self.environ = {"PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", **environ}
        self.calls = 0

    @property
    def where(self) -> str:
        return "user@here"

    @property
    def stats(self) -> Stats:
        return Stats()

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", deadline: float) -> Completed:
        self.calls += 1
        done = subprocess.run(argv, input=stdin, capture_output=True, env=self.environ, timeout=30)
        return Completed(tuple(argv), done.returncode, None, done.stdout, done.stderr, 0.0)

    def open(self, argv: Sequence[str]) -> Stream:
        raise Unreachable("SSH_LOST", "no streams here", "none")

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ha(folder: Path, script: str) -> None:
    """Puts an `ha` onto the PATH; `$*` is without --no-progress."""
    file = folder / "ha"
    file.write_text(f"#!/bin/sh\nshift\n{script}\n")
    file.chmod(0o755)


def ok(data: object) -> str:
    """A shell line that prints an envelope."""
    return f"printf '%s\\n' '{json.dumps({'result': 'ok', 'data': data})}'"


def test_state_log_and_rider_come_in_one_command(tmp_path: Path) -> None:
    ha(tmp_path, f'case "$*" in *info*) {ok(INFO)};; *logs*) printf "one\\n\\033[31mtwo\\033[0m\\n";; esac')
    shell = Shell(tmp_path, SUPERVISOR_TOKEN="t")
    look = HaCli(shell).look("local_x", 50, LookExtras("echo once"))
    assert look.state
    assert (look.state.version, look.log, look.program_output, shell.calls) == (
        "1.0",
        ("one", "two"),
        b"once\n",
        1,
    )


def test_documents_come_in_the_command_of_the_look(tmp_path: Path) -> None:
    refused = json.dumps({"result": "error", "message": "no such thing"})
    host, app = ok({"disk_free": 3.5}), ok(INFO)
    ha(
        tmp_path,
        f"case \"$*\" in *host*) {host};; *jobs*) echo '{refused}';; *info*) {app};; *logs*) echo one;; esac",
    )
    shell = Shell(tmp_path, SUPERVISOR_TOKEN="t")
    asked = ("host/info", "jobs/info")
    look = HaCli(shell).look("local_x", 50, LookExtras("echo once", 0.01, asked))
    assert look.documents == {"host/info": {"disk_free": 3.5}}
    assert (look.log, look.program_output, shell.calls) == (("one",), b"once\n", 1)
    assert look.later
    assert look.later.log == ("one",)


def test_a_banner_before_the_json_does_not_matter(tmp_path: Path) -> None:
    ha(tmp_path, f"echo '   {{ Home Assistant }}'; echo; {ok(INFO)}")
    assert HaCli(Shell(tmp_path, SUPERVISOR_TOKEN="t")).info("local_x").listed == "1.1"


def test_an_error_envelope_counts_although_the_exit_code_is_0(tmp_path: Path) -> None:
    words = json.dumps({"result": "error", "message": "Another job is running for job group app_local_x"})
    ha(tmp_path, f"echo '{words}'; exit 0")
    with pytest.raises(SupervisorError) as caught:
        HaCli(Shell(tmp_path, SUPERVISOR_TOKEN="t")).act("rebuild", "local_x", deadline=5)
    assert caught.value.problem is RefusalKind.BUSY


def test_the_spelling_of_old_clis_is_found_once(tmp_path: Path) -> None:
    ha(
        tmp_path,
        'case "$*" in *apps*) echo "Error: unknown command \\"apps\\" for \\"ha\\"" >&2; exit 1;; '
        f"*addons*) {ok(INFO)};; esac",
    )
    shell = Shell(tmp_path, SUPERVISOR_TOKEN="t")
    cli = HaCli(shell)
    assert cli.info("local_x").version == "1.0"
    assert cli.info("local_x").version == "1.0"
    assert shell.calls == 3


@pytest.mark.parametrize("bash", [True, False], ids=["bash", "plain sh"])
def test_a_user_without_a_token_gets_it_from_the_profile(tmp_path: Path, bash: bool) -> None:
    profile = tmp_path / "profile.sh"
    read = "source <(echo export SUPERVISOR_TOKEN=secret)" if bash else "export SUPERVISOR_TOKEN=secret"
    profile.write_text(f"echo a banner\n{read}\n")
    ha(tmp_path, f'[ "$SUPERVISOR_TOKEN" = secret ] && {ok(INFO)}')
    assert HaCli(Shell(tmp_path), profile=str(profile)).info("local_x").version == "1.0"


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ("echo '401: Unauthorized'; exit 0", Refused, "SUPERVISOR_DENIED"),
        (
            "echo 'Error: unexpected server response. Status code: 403' >&2; exit 1",
            Refused,
            "SUPERVISOR_DENIED",
        ),
        (
            "echo 'Post \"http://supervisor\": context deadline exceeded' >&2; exit 1",
            NoAnswer,
            "SUPERVISOR_NO_ANSWER",
        ),
        ("echo; exit 0", NoAnswer, "SUPERVISOR_NO_ANSWER"),
        ("echo '[1, 2'", NoAnswer, "SUPERVISOR_NO_ANSWER"),
        ("kill -9 $PPID", NoAnswer, "SUPERVISOR_NO_ANSWER"),
    ],
)
def test_what_is_not_an_envelope_is_not_a_success(tmp_path: Path, script: str, kind: type, code: str) -> None:
    ha(tmp_path, script)
    with pytest.raises(kind) as caught:
        HaCli(Shell(tmp_path, SUPERVISOR_TOKEN="t")).act("update", "local_x", deadline=5)
    assert caught.value.code == code


def test_a_host_without_ha_is_named(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        HaCli(Shell(tmp_path, SUPERVISOR_TOKEN="t")).info("local_x")
    assert caught.value.code == "HA_CLI_MISSING"


def test_the_reload_is_the_stores_and_a_backup_is_passed_on(tmp_path: Path) -> None:
    ha(tmp_path, f'echo "$*" >> "{tmp_path}/calls"; {ok({})}')
    cli = HaCli(Shell(tmp_path, SUPERVISOR_TOKEN="t"))
    cli.reload_store()
    cli.act("update", "local_x", backup=True, deadline=5)
    cli.act("rebuild", "local_x", backup=True, deadline=5)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert calls == [
        "--raw-json store reload",
        "--raw-json apps update local_x --backup",
        "--raw-json apps info local_x",
        "--raw-json apps rebuild local_x",
        "--raw-json apps info local_x",
    ]


def test_a_verbs_own_command_sees_what_it_left_and_only_the_next_question_gets_that(tmp_path: Path) -> None:
    ha(tmp_path, f'echo "$*" >> "{tmp_path}/calls"; {ok({"version": "1", "version_latest": "2"})}')
    cli = HaCli(Shell(tmp_path, SUPERVISOR_TOKEN="t"))
    cli.act("rebuild", "local_x", deadline=5)
    assert cli.info("local_x").version == "1"
    assert len((tmp_path / "calls").read_text().splitlines()) == 2
    assert cli.info("local_x").version == "1"
    cli.act("rebuild", "local_x", deadline=5)
    assert cli.info("local_y").version == "1"
    cli.jobs()
    cli.info("local_x")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[-2:] for call in calls[2:]] == [
        ["info", "local_x"],
        ["rebuild", "local_x"],
        ["info", "local_x"],
        ["info", "local_y"],
        ["jobs", "info"],
        ["info", "local_x"],
    ]
