"""Faults as people meet them: the command in a process of its own, its words, its exit code, its tokens."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.integration.deploylab import Lab, command, config, env_file
from tests.integration.relay import Relay
from tests.integration.small_addon import DIES, RUN_SH
from tests.integration.sshlab import keygen
from tests.integration.witness import Witness, runtime, tokens_of

from bb8deploy.host.open_host import open_host
from ha_sandbox.runtime import bubblewrap
from ha_sandbox.situations import Situation

pytestmark = pytest.mark.e2e

CASES = json.loads((Path(__file__).parents[2] / "cases/faults/commands.json").read_text())["cases"]
BAD_DOCKERFILE = "FROM x\nRUN echo no such package >&2; false\n"
BAD_REQUIREMENTS = """FROM x
COPY requirements.txt /
RUN python3 -m venv /v && /v/bin/pip install --no-index -r /requirements.txt
"""
DIES_LATE = RUN_SH.replace("while :; do sleep 0.2; done", "sleep 0.5; echo lost the robot; exit 1")
BUMPED = config("1.0.1")


def wrong_key(lab: Lab, _stack: ExitStack) -> None:
    lab.environ["HA_SSH_KEY"] = str(keygen(lab.folder / "wrong"))


def known_hosts(lab: Lab, text: str) -> None:
    path = lab.folder / "reports" / "known_hosts"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    lab.environ["HA_SSH_KNOWN_HOSTS"] = str(path)


def changed_host_key(lab: Lab, _stack: ExitStack) -> None:
    other = Path(f"{keygen(lab.folder / 'other')}.pub").read_text()
    known_hosts(lab, f"[127.0.0.1]:{lab.box.ssh.port} {other}")


def cut_while_sending(lab: Lab, stack: ExitStack) -> None:
    lab.write(config=BUMPED)
    (lab.addon / "big").write_bytes(os.urandom(400_000))
    relay = stack.enter_context(Relay(("127.0.0.1", lab.box.ssh.port), cut_up=100_000))
    known = Path(lab.environ["HA_SSH_KNOWN_HOSTS"]).read_text()
    known_hosts(lab, known.replace(f":{lab.box.ssh.port} ", f":{relay.port} "))
    lab.environ["HA_SSH_HOST_ALIAS"] = f"root@127.0.0.1:{relay.port}"


def disk_full(lab: Lab, stack: ExitStack) -> None:
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces")
    (lab.addon / "big").write_bytes(b"x" * 400_000)
    lab.box.faults.free_bytes = 100_000
    lab.box.faults.begin(Situation.DISK_FULL)
    stack.callback(lab.box.faults.end, Situation.DISK_FULL)


def bad_requirements(lab: Lab, _stack: ExitStack) -> None:
    (lab.addon / "requirements.txt").write_text("nosuchpackage==1.0\n")
    lab.write(config=BUMPED, dockerfile=BAD_REQUIREMENTS)


def dies_late(lab: Lab, _stack: ExitStack) -> None:
    lab.write(run_sh=DIES_LATE, config=BUMPED)
    lab.environ["BB8_SETTLE_SECONDS"] = "3"


def hand_edit(lab: Lab, _stack: ExitStack) -> None:
    (runtime(lab) / "run.sh").write_text("edited by hand\n")


def repository(lab: Lab, _stack: ExitStack) -> None:
    (runtime(lab) / ".git").mkdir()


def locked(lab: Lab, stack: ExitStack) -> None:
    """This very process is the other bb8deploy."""
    run = lab.run()
    host = stack.enter_context(open_host(run.settings, run.progress))
    stack.enter_context(host.lock(run))


def new_profile(lab: Lab, _stack: ExitStack) -> None:
    (lab.addon / "apparmor.txt").write_text("profile beep_boop_bb8 { file, }\n")


def bad_options(lab: Lab, _stack: ExitStack) -> None:
    lab.write(config=BUMPED.replace("schema: {}", "schema:\n  robot: str"))


def no_token(lab: Lab, _stack: ExitStack) -> None:
    only_ssh = {k: v for k, v in lab.environ.items() if k not in {"HA_URL", "HA_LLAT"}}
    lab.environ = only_ssh
    shim = lab.box.root / "bin" / "ha"
    shim.write_text("#!/bin/sh\nunset SUPERVISOR_TOKEN\n" + shim.read_text().removeprefix("#!/bin/sh\n"))


def mounted(lab: Lab) -> None:
    environ = {k: v for k, v in lab.environ.items() if not k.startswith("HA_SSH")}
    lab.environ = {**environ, **lab.box.mount_env()}


def wrong_llat(lab: Lab, _stack: ExitStack) -> None:
    mounted(lab)
    lab.environ["HA_LLAT"] = "not-the-token"


def mount_gone(lab: Lab, _stack: ExitStack) -> None:
    mounted(lab)
    lab.environ["HA_MOUNT"] = str(lab.folder / "nowhere" / "beep")


def pulled(lab: Lab, text: str) -> None:
    """The app names an image and has nothing to build it from, so the host pulls it."""
    lab.write(config=text + "image: registry.invalid/x\n")
    (lab.addon / "Dockerfile").unlink()


DO: dict[str, Callable[[Lab, ExitStack], object]] = {
    "wrong key": wrong_key,
    "unknown host key": lambda lab, _: known_hosts(lab, ""),
    "changed host key": changed_host_key,
    "host down": lambda lab, _: lab.environ.update(HA_SSH_HOST_ALIAS="root@127.0.0.1:1"),
    "cut while sending": cut_while_sending,
    "disk full": disk_full,
    "bad Dockerfile": lambda lab, _: lab.write(dockerfile=BAD_DOCKERFILE),
    "bad Dockerfile, bumped": lambda lab, _: lab.write(dockerfile=BAD_DOCKERFILE, config=BUMPED),
    "bad requirements": bad_requirements,
    "dies": lambda lab, _: lab.write(run_sh=DIES),
    "dies, bumped": lambda lab, _: lab.write(run_sh=DIES, config=BUMPED),
    "dies late, bumped": dies_late,
    "hand edit": hand_edit,
    "repository": repository,
    "locked": locked,
    "bad config": lambda lab, _: lab.write(config=BUMPED.replace("arch: [amd64, aarch64]\n", "")),
    "new profile": new_profile,
    "image": lambda lab, _: pulled(lab, config("1.0.0")),
    "image, bumped": lambda lab, _: pulled(lab, BUMPED),
    "bad options": bad_options,
    "no token": no_token,
    "mount, wrong llat": wrong_llat,
    "mount gone": mount_gone,
    "wrong broker password": lambda lab, _: lab.environ.update(MQTT_PASSWORD="not-the-password"),
    "no broker": lambda lab, _: lab.environ.update(MQTT_PORT="1"),
    "no host": lambda lab, _: lab.environ.update(HA_SSH_HOST_ALIAS=""),
    "bad setting": lambda lab, _: lab.environ.update(BB8_SETTLE_SECONDS="soon"),
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What a fault has opened, closed after the look."""
    with ExitStack() as opened:
        yield opened


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_fault_ends_as_in_the_table(lab: Lab, stack: ExitStack, case: dict[str, Any]) -> None:
    if not case.get("fresh"):
        lab.deploy()
    if "do" in case:
        DO[case["do"]](lab, stack)
    env_file(lab, **lab.environ)
    witness = Witness.of(lab)
    done = command(lab, *case.get("words", ["deploy"]))
    assert done.returncode == case["exit"], done.stderr
    speaks_plainly(done, case)
    stack.close()
    lines = done.stdout.splitlines()
    assert [token.name for token in tokens_of(lines)] == case["tokens"]
    assert witness.refutes(lines) == []
    if "runs" in case:
        assert (lab.state()["version"], lab.state()["state"]) == (case["runs"], "started")


def speaks_plainly(done: subprocess.CompletedProcess[str], case: dict[str, Any]) -> None:
    """One sentence of cause, one of remedy, the lines between them, and no traceback."""
    assert "Traceback" not in done.stderr + done.stdout
    told = re.search(r"^error ([A-Z_]+): (.+)\n((?:    .*\n)*)  remedy: (.+)$", done.stderr, re.MULTILINE)
    assert told, done.stderr
    code, cause, lines, remedy = told.groups()
    assert code == case["error"], done.stderr
    assert not cause.endswith(".")
    assert remedy.endswith(".")
    assert case.get("says", "") in f"{cause} {remedy}", done.stderr
    assert case.get("shows", "") in lines, done.stderr
