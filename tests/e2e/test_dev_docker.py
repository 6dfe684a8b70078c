"""The dev loop in real containers: services under s6 on Alpine, and a plain entry point on Debian."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from ops.lab import bases
from ops.lab.engine import Engine
from ops.lab.errors import LabUnavailable
from tests.integration.deploylab import Lab, command, env_file, open_lab
from tests.integration.dev.conftest import running

from bb8deploy.plan.logs.identity_line import identities
from ha_sandbox.runtime.docker_runtime import DockerRuntime

ROOT = Path(__file__).parents[2]
LOG = "local_beep_boop_bb8"
S6 = """ARG BUILD_FROM=ghcr.io/home-assistant/base-python:3.13-alpine3.23
FROM ${BUILD_FROM}
COPY services.d /etc/services.d
COPY src /usr/src/app
"""
SERVICE = "#!/bin/sh\nexec sh /usr/src/app/run.sh\n"
PLAIN = """FROM debian:stable
COPY src /usr/src/app
USER {user}
CMD ["sh", "/usr/src/app/run.sh"]
"""
RUN = "#!/bin/sh\necho \"says $(cat /usr/src/app/word)\"\ntrap 'exit 0' TERM\nwhile :; do sleep 0.1; done\n"


@pytest.fixture(scope="module")
def engine(docker: Engine) -> Iterator[Engine]:
    """The lab's engine with both bases under the names that bb8deploy knows."""
    try:
        alpine, debian = bases.alpine_base(), bases.debian_base()
    except LabUnavailable as reason:
        pytest.skip(f"SKIPPED: {reason}")
    found = re.search(r"^ARG BUILD_FROM=(\S+)", (ROOT / "addon" / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    docker.docker("import", "--change", 'ENTRYPOINT ["/init"]', str(alpine), found[1])
    docker.docker("import", str(debian), "debian:stable")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{docker.socket}")
        yield docker


@pytest.fixture
def lab(engine: Engine, tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path, DockerRuntime) as made:
        env_file(made, BB8_BUILD_DEADLINE="300")
        (made.addon / "run.sh").unlink()
        (made.addon / "src").mkdir()
        (made.addon / "src" / "run.sh").write_text(RUN)
        (made.addon / "src" / "word").write_text("one")
        yield made


def reported(lab: Lab) -> list[str]:
    return [one.tree for one in identities(lab.box.manager.log_of(LOG).latest(1000).splitlines())]


def said(lab: Lab) -> list[str]:
    return [x for x in lab.box.manager.log_of(LOG).latest(1000).splitlines() if x.startswith("says ")]


def play(lab: Lab) -> None:
    """A save, a new file and a deletion; then the end."""
    with running(lab) as loop:
        first = loop.wait_for("live")
        assert (first["way"], reported(lab)[-1]) == ("build", first["tree"])
        loop.save(word="two", new="new")
        second = loop.wait_for("live")
        assert (second["way"], reported(lab)[-1], said(lab)[-1]) == ("live", second["tree"], "says two")
        loop.save(new=None, word="three")
        third = loop.wait_for("live")
        assert (third["way"], reported(lab)[-1], said(lab)[-1]) == ("live", third["tree"], "says three")
        lab.box.call("POST", f"/addons/{LOG}/restart")
        loop.wait_for("note")
        while not said(lab):
            loop.wait_for("log")
        assert said(lab) == ["says three"]
    ended = command(lab, "dev", "--end")
    assert (ended.returncode, "TOKEN: RUNNING_OK" in ended.stdout or "TOKEN: VERIFY_OK" in ended.stdout) == (
        0,
        True,
    ), ended.stderr
    assert not (lab.box.local_root / "beep_boop_bb8" / ".bb8dev").exists()


def test_services_under_s6_are_restarted_without_a_new_container(lab: Lab) -> None:
    service = lab.addon / "services.d" / "one" / "run"
    service.parent.mkdir(parents=True)
    service.write_text(SERVICE)
    service.chmod(0o755)
    lab.write(dockerfile=S6)
    play(lab)


def test_services_of_s6_overlay_2_are_found_in_their_own_folder(lab: Lab) -> None:
    service = lab.addon / "services.d" / "one" / "run"
    service.parent.mkdir(parents=True)
    service.write_text(SERVICE)
    service.chmod(0o755)
    moved = "RUN sed -i s#/run/service#/var/run/s6/services# /init && mkdir -p /var/run/s6\n"
    lab.write(dockerfile=S6.replace("COPY services.d", f"{moved}COPY services.d"))
    play(lab)


def test_read_only_files_of_another_user_are_replaced_and_keep_their_mode(lab: Lab) -> None:
    """New files need a build: only the image knows the owner that COPY gives them."""
    own = PLAIN.format(user="nobody").replace("COPY src", "COPY --chown=nobody src")
    lab.write(dockerfile=own.replace("USER", "RUN chmod 444 /usr/src/app/word\nUSER"))
    (lab.addon / "src" / "run.sh").write_text(
        RUN.replace("trap", "stat -c 'mode %a %U' $W\ntrap").replace(
            "#!/bin/sh", "#!/bin/sh\nW=/usr/src/app/word"
        )
    )
    with running(lab) as loop:
        loop.wait_for("live")
        loop.save(word="two")
        second = loop.wait_for("live")
        assert (second["way"], reported(lab)[-1], said(lab)[-1]) == ("live", second["tree"], "says two")
        assert lab.box.manager.log_of(LOG).latest(1000).count("mode 444 nobody") == 2
        loop.save(new="new")
        third = loop.wait_for("live")
        assert (third["way"], "owner" in third["reason"]) == ("build", True)


def test_a_plain_entry_point_is_started_again_below_the_launcher(lab: Lab) -> None:
    lab.write(dockerfile=PLAIN.format(user="root"))
    play(lab)


def test_a_user_who_may_not_write_gets_a_build_and_the_reason(lab: Lab) -> None:
    lab.write(dockerfile=PLAIN.format(user="nobody"))
    with running(lab) as loop:
        assert loop.wait_for("live")["way"] == "build"
        loop.save(word="two")
        second = loop.wait_for("live")
        assert second["way"] == "build"
        assert "cannot be written by nobody" in second["reason"]
        assert said(lab)[-1] == "says two"
    shutil.rmtree(lab.folder / "reports", ignore_errors=True)
