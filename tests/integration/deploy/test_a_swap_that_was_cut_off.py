"""A host whose swap was cut off between its renames: `status` names it, the next deploy repairs it."""

from __future__ import annotations

import shutil
from itertools import count

import pytest
from tests.integration.deploylab import Lab, command, config, env_file
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.supervisor.ha_cli_route import HaCli
from bb8deploy.host.supervisor.route_interface import STATE_AND_LOG, Look, LookExtras

pytestmark = pytest.mark.e2e

ROUTES = ["ssh", "mount"]


@pytest.mark.parametrize("route", ROUTES)
def test_status_names_a_folder_that_is_missing_after_a_cut(lab: Lab, route: str) -> None:
    if route == "mount":
        lab.leave_ssh_for_the_mount()
    for version in ("1.0.0", "1.0.1"):
        lab.write(config=config(version))
        lab.deploy()
    folder = runtime(lab)
    state = folder.parent / ".bb8deploy" / folder.name
    shutil.rmtree(state / "previous")
    folder.rename(state / "previous")
    (state / "swapping").write_text("1\n")
    env_file(lab)
    shown = command(lab, "status")
    assert "a sync was cut off" in " ".join(shown.stdout.split()), shown.stdout + shown.stderr
    assert "TOKEN" not in shown.stdout
    assert not folder.exists(), "status changes nothing"
    lab.deploy()
    assert {"CLEAN_RUNTIME_OK", "RUNTIME_TOPOLOGY_OK", "VERIFY_OK"} <= set(lab.tokens)


def test_a_swap_under_the_last_look_is_never_a_tidy_folder(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    folder, real, numbers = runtime(lab), HaCli.look, count()

    def look(self: HaCli, slug: str, lines: int, extras: LookExtras = STATE_AND_LOG) -> Look:
        if extras.program and folder.exists():  # the look that carries the last hash of the tree
            state = folder.parent / ".bb8deploy" / folder.name
            folder.rename(lab.folder / f"gone{next(numbers)}")
            (state / "swapping").write_text("1\n")
        return real(self, slug, lines, extras)

    monkeypatch.setattr(HaCli, "look", look)
    with pytest.raises(Bb8Error):
        lab.deploy()
    assert not {"RUNTIME_TOPOLOGY_OK", "VERIFY_OK", "ROLLBACK_OK"} & set(lab.tokens), lab.lines()
