"""A host that cannot build gets nothing: each obstacle is its own error before a file is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, config
from tests.integration.witness import runtime

from bb8deploy.base.errors import Bb8Error, UsageError
from bb8deploy.lanes.deploy.deploy import DeployOptions, deploy
from bb8deploy.lanes.deploy.rollback import roll_back_host
from ha_sandbox.situations import Situation


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("situation", "code"),
    [
        (Situation.UPDATE_PENDING, "SUPERVISOR_OUTDATED"),
        (Situation.NO_INTERNET, "HOST_OFFLINE"),
        (Situation.UNHEALTHY_SETUP, "SUPERVISOR_UNHEALTHY"),
        (Situation.LOW_DISK_SPACE, "HOST_DISK_LOW"),
    ],
)
def test_nothing_is_sent_to_a_host_that_cannot_build(lab: Lab, situation: Situation, code: str) -> None:
    lab.deploy()
    lab.write(config=config("1.0.1"))
    lab.deploy()
    before, earlier = files(runtime(lab)), config("1.0.1")
    lab.write(config=config("1.0.2"))
    with lab.box.faults.during(situation):
        with pytest.raises(Bb8Error) as caught:
            lab.deploy()
        assert (caught.value.code, caught.value.details) == (code, ())
        with pytest.raises(Bb8Error) as caught:
            roll_back_host(lab.run())
        assert caught.value.code == code
    assert files(runtime(lab)) == before
    assert (runtime(lab) / "config.yaml").read_text() == earlier
    assert lab.tokens == []


def test_options_without_a_route_that_can_set_them_are_refused_before_anything_is_sent(lab: Lab) -> None:
    lab.environ = {name: value for name, value in lab.environ.items() if name not in {"HA_URL", "HA_LLAT"}}
    for dry_run in (True, False):
        with pytest.raises(UsageError) as caught:
            deploy(lab.run(dry_run=dry_run), DeployOptions(app_options={"speed": 3}))
        assert caught.value.code == "ROUTE_MISSING"
        assert "HA_LLAT" in caught.value.remedy
    assert not runtime(lab).exists()
