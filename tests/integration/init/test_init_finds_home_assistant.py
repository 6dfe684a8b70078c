"""Home Assistant is found by a real announcement over multicast DNS on loopback."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Iterator

import pytest
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from bb8deploy.lanes.init import find_home_assistant as init_find
from bb8deploy.lanes.init.find_home_assistant import Found, find

RUN = uuid.uuid4().hex[:8]
SERVICE = f"_bb8-{RUN}._tcp.local."
"""A type of our own: whatever else is announced on this network would end the search before ours is heard."""
DEADLINE = 60.0


@pytest.fixture(autouse=True)
def own_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the search look for our type."""
    monkeypatch.setattr(init_find, "SERVICE", SERVICE)
    monkeypatch.setattr(init_find, "_DETAILS_DEADLINE", 60_000)


def found_with(*wanted: Found) -> tuple[Found, ...]:
    """What is found; on a busy machine one may answer later than the search waits after the first."""
    end = time.monotonic() + DEADLINE
    while not {*wanted} <= {*(found := find(DEADLINE))}:
        assert time.monotonic() < end, found
    return found


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
    found = found_with(
        Found(f"Home {RUN}", "2026.11.1", "http://homeassistant.local:8123"),
        Found(f"bb8 barn {RUN}", "", "http://127.0.0.1:8123"),
    )
    assert next(one for one in found if one.name == f"Home {RUN}").host == "homeassistant.local"


def test_an_address_that_is_none_is_replaced_by_the_announced_one(network: Zeroconf) -> None:
    announce(network, f"bb8 odd {RUN}", internal_url="javascript:alert(1)")
    assert found_with(Found(f"bb8 odd {RUN}", "", "http://127.0.0.1:8123"))


def test_an_empty_network_is_not_an_error(network: Zeroconf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(init_find, "SERVICE", "_bb8-empty._tcp.local.")
    assert find(0.3) == ()
