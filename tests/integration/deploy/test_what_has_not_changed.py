"""What has not changed is not built again by any workstation: the host knows what was put in."""

from __future__ import annotations

import shutil

import pytest
from tests.integration.deploylab import Lab, command, env_file
from tests.integration.small_addon import SILENT

PLAIN = 'FROM x\nCOPY run.sh /usr/src/app/\nCMD ["sh", "/usr/src/app/run.sh"]\n'


@pytest.fixture(params=["ssh", "mount"])
def plain(lab: Lab, request: pytest.FixtureRequest) -> Lab:
    """An app that knows nothing of a stamp, over each way to its folder."""
    lab.write(run_sh=SILENT, dockerfile=PLAIN)
    if request.param == "mount":
        lab.leave_ssh_for_the_mount()
    return lab


def action(lab: Lab) -> str:
    """What a deploy of the workspace as it is has the Supervisor do."""
    outcome = lab.deploy()
    assert outcome.verified
    assert outcome.verified.running
    return outcome.verified.action


def test_another_workstation_or_a_lost_journal_changes_nothing(plain: Lab) -> None:
    assert action(plain) == "install"
    shutil.rmtree(plain.folder / "reports")
    assert action(plain) == "none"


def test_what_another_workstation_only_synced_is_put_in(plain: Lab) -> None:
    assert action(plain) == "install"
    (plain.addon / "new.txt").write_text("new\n")
    env_file(plain)
    assert command(plain, "sync").returncode == 0
    shutil.rmtree(plain.folder / "reports")
    assert action(plain) == "rebuild"
    assert action(plain) == "none"


def test_an_older_content_that_was_synced_again_is_put_in(plain: Lab) -> None:
    assert action(plain) == "install"
    (plain.addon / "new.txt").write_text("new\n")
    assert action(plain) == "rebuild"
    (plain.addon / "new.txt").unlink()
    env_file(plain)
    assert command(plain, "sync").returncode == 0
    assert action(plain) == "rebuild"
