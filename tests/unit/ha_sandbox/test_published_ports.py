"""Where this machine reaches the TCP and UDP ports of an app."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ha_sandbox.http_server import free_port
from ha_sandbox.runtime.published_ports import PublishedPorts, moved, on_shared_network, through
from ha_sandbox.runtime.runtime_interface import ContainerSpec, PortInUse


def spec_of(udp_port: int, tcp_port: int = 0) -> ContainerSpec:
    """A container that publishes these ports at the same numbers."""
    return ContainerSpec(
        "local_x",
        "1",
        Path(),
        {},
        on_line=print,
        on_exit=print,
        on_health=print,
        ports={tcp_port: tcp_port} if tcp_port else {},
        udp_ports={udp_port: udp_port},
    )


def test_a_udp_port_has_a_door_at_its_host_port_beside_tcp() -> None:
    ports, port = PublishedPorts(), free_port()
    doors = ports.of(spec_of(port, tcp_port=port))
    reached = through(doors)
    assert (reached.ports, reached.udp_ports) == ({port: ("127.0.0.1", port)},) * 2
    assert moved(doors) == []
    ports.close()


def test_a_udp_port_in_use_is_moved_in_a_network_of_its_own_and_refused_in_a_shared_one() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        ports = PublishedPorts()
        doors = ports.of(spec_of(port))
        (line,) = moved(doors)
        address = through(doors).udp_ports[port]
        ports.close()
        assert line.startswith(
            f"[sandbox] port {port}/udp is at 127.0.0.1:{address[1]}, because host port {port} "
        )
        with pytest.raises(PortInUse, match=f"port {port} "):
            on_shared_network(spec_of(port))
    assert on_shared_network(spec_of(port))[0].udp_ports == {port: ("127.0.0.1", port)}
