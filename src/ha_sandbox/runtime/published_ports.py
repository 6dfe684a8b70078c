"""Ports of this machine's loopback that lead into containers with a network of their own."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ha_sandbox.http_server import free_port
from ha_sandbox.runtime.runtime_interface import Address, ContainerSpec, PortInUse

_LOOPBACK = "127.0.0.1"


class Purpose(StrEnum):
    """What comes through a door: TCP or UDP of everybody, or the Supervisor's requests for the page."""

    TCP = "tcp"
    UDP = "udp"
    PAGE = "page"


_KINDS = {
    Purpose.TCP: socket.SOCK_STREAM,
    Purpose.UDP: socket.SOCK_DGRAM,
    Purpose.PAGE: socket.SOCK_STREAM,
}


@dataclass(frozen=True, slots=True)
class Door:
    """A bound socket that leads to `port` of a container.

    `asked` is the host port that the app asks for, 0 if it does not matter.
    """

    listener: socket.socket
    port: int
    purpose: Purpose
    asked: int = 0

    @property
    def address(self) -> Address:
        """Where this machine reaches the port."""
        name: Address = self.listener.getsockname()
        return name


@dataclass(frozen=True, slots=True)
class Reached:
    """Where this machine reaches a container: its TCP and UDP ports, and its page through ingress."""

    ports: Mapping[int, Address]
    page: Address | None
    udp_ports: Mapping[int, Address] = field(default_factory=dict)


class PublishedPorts:
    """The doors of all containers of one sandbox. An app keeps its addresses when it starts again.

    A door is bound, but does not listen: until the container opens it, connections are refused.
    """

    def __init__(self) -> None:
        self._doors: dict[tuple[str, int, Purpose], Door] = {}

    def of(self, spec: ContainerSpec) -> tuple[Door, ...]:
        """The doors for a container: at the host port that the app asks for, else at a free one."""
        wanted = [(port, host or 0, Purpose.TCP) for port, host in spec.ports.items()]
        wanted += [(port, host or 0, Purpose.UDP) for port, host in spec.udp_ports.items()]
        wanted += [(spec.ingress_port, 0, Purpose.PAGE)] if spec.ingress_port else []
        return tuple(self._door(spec.slug, port, host, purpose) for port, host, purpose in wanted)

    def shut(self, slug: str) -> None:
        """Refuses connections again, after the end of the container."""
        for key, door in list(self._doors.items()):
            if key[0] != slug:
                continue
            address = door.address
            door.listener.close()
            del self._doors[key]
            with contextlib.suppress(OSError):
                self._doors[key] = replace(door, listener=_bound(address, door.purpose, again=True))

    def close(self) -> None:
        """Gives every port back."""
        for door in self._doors.values():
            door.listener.close()
        self._doors.clear()

    def _door(self, slug: str, port: int, host: int, purpose: Purpose) -> Door:
        key = (slug, port, purpose)
        if key in self._doors and self._doors[key].asked != host:
            self._doors.pop(key).listener.close()
        if key not in self._doors:
            self._doors[key] = Door(_bound_near(host, purpose), port, purpose, host)
        return self._doors[key]


def _bound_near(port: int, purpose: Purpose) -> socket.socket:
    """A socket at `port`, or at a free one if that is taken or not allowed."""
    with contextlib.suppress(OSError):
        return _bound((_LOOPBACK, port), purpose)
    return _bound((_LOOPBACK, 0), purpose)


def _bound(address: Address, purpose: Purpose, *, again: bool = False) -> socket.socket:
    """A bound socket. `again`: connections to an earlier one may linger, which does not matter."""
    made = socket.socket(socket.AF_INET, _KINDS[purpose])
    try:
        if again and purpose is not Purpose.UDP:  # which has no connections, and would share the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made


MOVABLE = "local_beep_boop_bb8"
"""Slug of the app, or the start of its instances' slugs, that reads its page's port from BB8_PAGE_PORT."""


def through(doors: Sequence[Door]) -> Reached:
    """What the doors reach."""
    found = {purpose: {d.port: d.address for d in doors if d.purpose is purpose} for purpose in Purpose}
    page = next(iter(found[Purpose.PAGE].values()), None)
    return Reached(found[Purpose.TCP], page, found[Purpose.UDP])


def moved(doors: Sequence[Door]) -> list[str]:
    """A line for each port whose host port is not the one that the app asks for."""
    return [
        f"[sandbox] port {door.port}/{door.purpose} is at {_LOOPBACK}:{door.address[1]}, because host port "
        f"{door.asked} is in use or not allowed on this machine"
        for door in doors
        if door.asked and door.address[1] != door.asked
    ]


def on_shared_network(spec: ContainerSpec) -> tuple[Reached, int]:
    """What is reached of a container that uses this machine's network, and the port of its page.

    Such a container listens at its own ports on this machine, so nothing can be moved. Raises PortInUse.
    """
    movable = spec.slug.startswith(MOVABLE)
    page = free_port() if movable else spec.ingress_port
    needed = [(port, Purpose.TCP) for port, host in spec.ports.items() if host]
    needed += [(port, Purpose.UDP) for port, host in spec.udp_ports.items() if host]
    needed += [] if movable or not page else [(page, Purpose.PAGE)]
    for port, purpose in needed:
        _need_unused(port, purpose)
    tcp, udp = ({port: (_LOOPBACK, port) for port in ports} for ports in (spec.ports, spec.udp_ports))
    return Reached(tcp, (_LOOPBACK, page) if spec.ingress_port else None, udp), page


def _need_unused(port: int, purpose: Purpose) -> None:
    with socket.socket(socket.AF_INET, _KINDS[purpose]) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("", port))
        except PermissionError:
            return  # a container may have more rights
        except OSError as error:
            raise PortInUse(port) from error
