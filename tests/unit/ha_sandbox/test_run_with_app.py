"""A command finds the app's ports where they can be reached."""

from __future__ import annotations

from ha_sandbox.run_with_app import port_addresses

PORTS = {"8080/tcp": 80, "53/udp": None, "90": 90}


def test_each_port_has_its_address_on_loopback() -> None:
    assert port_addresses(PORTS, "127.0.0.1") == {
        "SANDBOX_PORT_8080_TCP": "127.0.0.1:8080",
        "SANDBOX_PORT_53_UDP": "127.0.0.1:53",
        "SANDBOX_PORT_90_TCP": "127.0.0.1:90",
    }


def test_no_address_is_made_up_for_a_network_of_its_own() -> None:
    assert port_addresses(PORTS, "core-mosquitto") == {}
