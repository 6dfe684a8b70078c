"""Home Assistant is found by a real announcement over multicast DNS on loopback."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator

import pytest
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from bb8deploy.lanes.init import find_home_assistant as init_find
from bb8deploy.lanes.init.find_home_assistant import SERVICE, Found, find

RUN = uuid.uuid4().hex[:8]
"""Part of every name: another run on this network announces the same ones."""


@pytest.fixture
def network() -> Iterator[Zeroconf]:
    try:
        network = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    except OSError as error:
        pytest.skip(f"SKIPPED: no multicast on loopback here: {error}")
    try:
        yield network
    finally:
        network.close()


def announce(network: Zeroconf, name: str, **told: str) -> None:
    network.register_service(
        ServiceInfo(
            SERVICE, f"{name}.{SERVICE}", addresses=[socket.inet_aton("127.0.0.1")], port=8123,
            properties=told, server=f"bb8-test-{RUN}.local.",
        )
    )  # fmt: skip


def test_each_one_that_announces_itself_is_found_with_its_own_address(network: Zeroconf) -> None:
    announce(network, f"bb8 home {RUN}", location_name=f"Home {RUN}", version="2026.11.1",
             internal_url="http://homeassistant.local:8123/", base_url="http://old:8123")  # fmt: skip
    announce(network, f"bb8 barn {RUN}", base_url="")
    found = find(30.0, settle=5.0)
    assert Found(f"Home {RUN}", "2026.11.1", "http://homeassistant.local:8123") in found
    assert Found(f"bb8 barn {RUN}", "", "http://127.0.0.1:8123") in found
    assert next(one for one in found if one.name == f"Home {RUN}").host == "homeassistant.local"


def test_an_address_that_is_none_is_replaced_by_the_announced_one(network: Zeroconf) -> None:
    announce(network, f"bb8 odd {RUN}", internal_url="javascript:alert(1)")
    assert Found(f"bb8 odd {RUN}", "", "http://127.0.0.1:8123") in find(30.0)


def test_an_empty_network_is_not_an_error(network: Zeroconf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init_find, "SERVICE", f"_bb8-{RUN}._tcp.local.")  # others announce the real one here
    assert find(0.3) == ()
