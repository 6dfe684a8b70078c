"""The dev loop over OpenSSH's own server: lost and dead lines, two people, saves of editors, and the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ops.bench.parts.sshd import settings_for, sshd
from tests.integration.deploylab import Lab, command, env_file, open_lab
from tests.integration.dev.conftest import prepare, running
from tests.integration.relay import Relay

from bb8deploy.plan.logs.identity_line import identities
from bb8deploy.workspace.ignore_patterns import Ignore
from bb8deploy.workspace.tree_digest import walk
from ha_sandbox.runtime import bubblewrap

LOG = "local_beep_boop_bb8"
S6 = """ARG BUILD_FROM=ghcr.io/home-assistant/base-python:3.13-alpine3.23
FROM ${BUILD_FROM}
COPY services.d /etc/services.d
COPY src build_stamp.jso[n] /usr/src/app/
"""
SERVICE = "#!/bin/sh\necho 'service {word}'\nexec sh /usr/src/app/run.sh\n"
pytestmark = pytest.mark.e2e


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[Lab, Relay]]:
    """A sandbox behind a real sshd and a relay; the client's settings lead to the relay."""
    if not bubblewrap.allowed():
        pytest.skip("SKIPPED: no user namespaces, so the sandbox cannot replace files in a container")
    with open_lab(tmp_path) as lab:
        prepare(lab)
        environment = dict(lab.box.ssh._login.environment())  # what its own ssh server gives to commands
        place = tmp_path / "sshd"
        place.mkdir()
        with sshd(place, environment) as port, Relay(("127.0.0.1", port), rtt=0.04) as relay:
            env_file(lab, **settings_for(place, relay.port))
            yield lab, relay


def reported(lab: Lab) -> list[str]:
    return [one.tree for one in identities(lab.box.manager.log_of(LOG).latest(1000).splitlines())]


def tree_of(lab: Lab) -> str:
    return walk(lab.addon, Ignore.of_workspace(lab.folder)).digest


def said(lab: Lab) -> list[str]:
    return [x for x in lab.box.manager.log_of(LOG).latest(1000).splitlines() if x.startswith("says ")]


def runtime(lab: Lab) -> Path:
    return lab.box.local_root / "beep_boop_bb8"


def test_a_changed_service_script_comes_into_effect_by_a_restart(line: tuple[Lab, Relay]) -> None:
    """s6-overlay reads services.d once, while a container starts."""
    lab, _relay = line
    service = lab.addon / "services.d" / "one" / "run"
    service.parent.mkdir(parents=True)
    service.write_text(SERVICE.format(word="first"))
    service.chmod(0o755)
    lab.write(dockerfile=S6)
    with running(lab) as loop:
        loop.wait_for("live", way="build")
        loop.save(word="two")
        loop.wait_for("live", way="live")
        service.write_text(SERVICE.format(word="second"))
        restarted = loop.wait_for("live")
        assert (restarted["way"], reported(lab)[-1]) == ("restart", restarted["tree"])
        assert "services.d/one/run" in restarted["reason"]
        log = lab.box.manager.log_of(LOG).latest(1000)
        assert ("service second" in log, "service first" in log, said(lab)) == (True, False, ["says two"])
        loop.save(word="three")
        again = loop.wait_for("live")
        assert (again["way"], reported(lab)[-1], said(lab)[-1]) == ("live", again["tree"], "says three")


def test_a_save_during_a_build_is_what_is_reported(line: tuple[Lab, Relay]) -> None:
    lab, _relay = line
    with running(lab) as loop:
        loop.wait_for("live")
        (lab.addon / "requirements.txt").write_text("x==2\n")
        loop.wait_for("saved")
        loop.save(word="late")
        newest = tree_of(lab)
        loop.wait_for("live", tree=newest)
        assert (reported(lab)[-1], said(lab)[-1]) == (newest, "says late")
        trees = [event["tree"] for event in loop.events if event["event"] == "live"]
        assert trees[-1] == newest


def test_lost_and_dead_lines_come_back_with_the_newest_save(line: tuple[Lab, Relay]) -> None:
    """A dead line leaves the lock on the host: the host has not noticed the end of the connection."""
    lab, relay = line
    with running(lab) as loop:
        loop.wait_for("live")
        relay.drop()
        loop.save(word="after the drop")
        first = loop.wait_for("live", way="live")
        assert (reported(lab)[-1], said(lab)[-1]) == (first["tree"], "says after the drop")
        relay.strand()
        loop.save(word="after the dead line")
        second = loop.wait_for("live", way="live")
        assert (reported(lab)[-1], said(lab)[-1]) == (second["tree"], "says after the dead line")
        assert any("is locked by" in str(event.get("text")) for event in loop.events)


def test_what_a_second_person_delivered_meanwhile_is_not_replaced(line: tuple[Lab, Relay]) -> None:
    lab, relay = line
    colleague = lab.folder.parent / "colleague"
    with running(lab) as loop:
        loop.wait_for("live")
        shutil.copytree(lab.folder, colleague, ignore=shutil.ignore_patterns("reports"))
        relay.rtt = 3600.0  # the first person's line is dead
        relay.strand()
        theirs = Lab(colleague, lab.box, lab.environ, lab.commands)
        env_file(theirs)
        (theirs.addon / "src" / "word").write_text("theirs")
        refused = command(theirs, "dev", "--once", "--plain")
        assert (refused.returncode, "HOST_LOCKED" in refused.stderr) == (5, True), refused.stderr
        assert command(theirs, "unlock", "--yes").returncode == 0
        taken = command(theirs, "dev", "--once", "--plain")
        assert taken.returncode == 0, taken.stderr
        relay.rtt = 0.04
        loop.save(word="mine")
        assert loop.process.wait(90) == 1
    assert any("DEV_REPLACED" in one for one in loop.errors), loop.errors
    assert (runtime(lab) / "src" / "word").read_text() == "theirs"
    assert said(lab)[-1] == "says theirs"


def test_saves_of_editors_renames_and_deletions_arrive_and_the_end_leaves_nothing(
    line: tuple[Lab, Relay],
) -> None:
    lab, _relay = line
    source = lab.addon / "src"
    with running(lab) as loop:
        loop.wait_for("live")
        (source / ".word.swp").write_text("two")
        (source / ".word.swp").replace(source / "word")
        (source / "word").touch()
        (source / "deep").mkdir()
        (source / "deep" / "a.txt").write_text("a")
        tree = loop.wait_for("live")["tree"]
        while said(lab)[-1] != "says two" or not (runtime(lab) / "src/deep/a.txt").exists():
            tree = loop.wait_for("live")["tree"]
        (source / "deep" / "a.txt").rename(source / "deep" / "b.txt")
        tree = loop.wait_for("live", way="live")["tree"]
        (source / "deep" / "b.txt").unlink()
        (source / "word").write_text("three")
        tree = loop.wait_for("live", way="live")["tree"]
        assert (reported(lab)[-1], said(lab)[-1]) == (tree, "says three")
        assert not (runtime(lab) / "src" / "deep").exists()
        container = lab.box.manager.log_of(LOG).latest(1000)
        assert "cannot" not in container
        loop.stop()
    done = command(lab, "deploy")
    assert (done.returncode, "TOKEN: VERIFY_OK" in done.stdout) == (0, True), done.stderr
    assert not (runtime(lab) / ".bb8dev").exists()
    left = [p for p in runtime(lab).rglob("*") if p.is_file() and b"bb8live" in p.read_bytes()]
    assert (left, said(lab)) == ([], ["says three"])
    assert not list((runtime(lab).parent / ".bb8deploy" / "beep_boop_bb8").glob("live.*"))
