"""What other folders of the local apps do to a deploy over a share, by Core's WebSocket and the REST API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.deploylab import Lab, config, open_lab

from bb8deploy.base.errors import Bb8Error

ROUTES = ("websocket", "rest")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A host without ssh."""
    with open_lab(tmp_path) as made:
        made.environ.update(made.box.mount_env(), HA_SSH_HOST_ALIAS="")
        yield made


def flags(lab: Lab, route: str) -> dict[str, str]:
    """The settings that leave one route."""
    if route == "websocket":
        return {}
    box = lab.box
    rest = {"SUPERVISOR_URL": box.supervisor_url, "SUPERVISOR_TOKEN": box.supervisor_token}
    return {"HA_URL": "", "HA_LLAT": "", **rest}


def test_a_neighbour_stops_a_deploy_only_if_it_may_be_this_app(lab: Lab) -> None:
    beside = lab.box.local_root / "neighbour"
    beside.mkdir()
    (beside / "config.yaml").write_text("name: [\n")
    (beside / "again").symlink_to(".")
    lab.deploy(**flags(lab, "websocket"))
    assert "RUNTIME_TOPOLOGY_OK" in lab.tokens

    lab.write(config=config("1.0.1"))
    (beside / "config.yaml").write_text(config("9.9.9"))
    assert [refusal(lab, route) for route in ROUTES] == ["TOPOLOGY_WRONG"] * 2
    (beside / "config.yaml").unlink()
    (beside / "config.yaml").symlink_to("config.yaml")  # a loop
    assert [refusal(lab, route) for route in ROUTES] == ["TOPOLOGY_UNREADABLE"] * 2

    (beside / "config.yaml").unlink()
    (beside / "config.yaml").write_text("name: [\n")
    lab.deploy(**flags(lab, "rest"))
    assert "RUNTIME_TOPOLOGY_OK" in lab.tokens
    assert lab.state()["version"] == "1.0.1"


def refusal(lab: Lab, route: str) -> str:
    """The code with which a deploy stops; the app that runs is left alone."""
    with pytest.raises(Bb8Error) as caught:
        lab.deploy(**flags(lab, route))
    assert "RUNTIME_TOPOLOGY_OK" not in lab.tokens
    assert "VERIFY_OK" not in lab.tokens
    assert (lab.state()["version"], lab.state()["state"]) == ("1.0.0", "started")
    return caught.value.code
