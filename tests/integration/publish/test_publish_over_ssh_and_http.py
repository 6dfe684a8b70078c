"""Publishing to real ssh and HTTP remotes: credentials come from git's own helpers and show up nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.integration.desk import Desk
from tests.integration.publish.githttp import serve
from tests.integration.sshlab import start_sshd

from bb8deploy.base.errors import Refused
from bb8deploy.lanes.publish.publish import publish

USER, PASSWORD = "zoe", "hunter22-hunter22"


def published(desk: Desk) -> bool:
    return desk.at_store("rev-parse", "main^{tree}") == desk.git("rev-parse", "HEAD:addon")


def test_http_takes_the_password_from_the_credential_helper(desk: Desk) -> None:
    helper = f"!f() {{ echo username={USER}; echo password={PASSWORD}; }}; f"
    desk.git("config", "credential.helper", helper)
    desk.at_store("config", "http.receivepack", "true")
    with serve(desk.store, USER, PASSWORD) as address:
        run = desk.run(remote=address)
        publish(run)
    assert published(desk)
    written = [path.read_text() for path in (desk.root / "reports").rglob("*") if path.is_file()]
    assert written
    assert not any(PASSWORD in text for text in written)


def test_http_takes_a_password_in_the_address_and_never_shows_it(desk: Desk) -> None:
    desk.at_store("config", "http.receivepack", "true")
    with serve(desk.store, USER, PASSWORD) as address:
        publish(desk.run(remote=address.replace("http://", f"http://{USER}:{PASSWORD}@")))
    assert published(desk)
    written = [path.read_text() for path in (desk.root / "reports").rglob("*") if path.is_file()]
    assert not any(PASSWORD in text for text in [*written, *desk.recorder.notes])


def test_http_without_credentials_is_refused_without_asking(desk: Desk) -> None:
    with serve(desk.store, USER, PASSWORD) as address, pytest.raises(Refused) as caught:
        publish(desk.run(remote=address))
    assert caught.value.code == "REMOTE_DENIED"
    assert desk.at_store("for-each-ref") == ""


def test_http_with_a_wrong_password_is_refused(desk: Desk) -> None:
    with serve(desk.store, USER, PASSWORD) as address, pytest.raises(Refused) as caught:
        publish(desk.run(remote=address.replace("http://", f"http://{USER}:wrong-wrong@")))
    assert caught.value.code == "REMOTE_DENIED"
    assert not any("wrong-wrong" in line for line in (caught.value.cause, *caught.value.details))


@pytest.mark.needs_sshd
def test_ssh_publishes_with_the_repositorys_own_ssh_command(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    with start_sshd(folder) as sshd:
        options = f"-i {sshd.key} -o IdentitiesOnly=yes -o UserKnownHostsFile={sshd.known_hosts}"
        desk.git("config", "core.sshCommand", f"ssh -F none {options}")
        publish(desk.run(remote=f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{desk.store}"))
    assert published(desk)


@pytest.mark.needs_sshd
def test_an_unknown_host_key_is_refused_without_asking(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    with start_sshd(folder) as sshd:
        options = f"-i {sshd.key} -o UserKnownHostsFile={os.devnull} -o GlobalKnownHostsFile={os.devnull}"
        desk.git("config", "core.sshCommand", f"ssh -F none {options}")
        with pytest.raises(Refused) as caught:
            publish(desk.run(remote=f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{desk.store}"))
    assert caught.value.code == "REMOTE_DENIED"
