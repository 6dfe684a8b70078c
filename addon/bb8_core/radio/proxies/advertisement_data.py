"""Reads the raw bytes of an advertisement, as proxies pass them on; pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_UUIDS_128: Final = (0x06, 0x07)
_NAMES: Final = (0x08, 0x09)
_MANUFACTURER: Final = 0xFF
"""Data types of Bluetooth's Assigned Numbers, section 2.3."""


MOST_KEPT: Final = 16
"""Companies or services that are kept of one device, which may advertise others each time."""


@dataclass(frozen=True, slots=True)
class Advertised:
    """What identifies a robot; 16-bit services are left out, because a BB-8 has none."""

    name: str | None = None
    company_ids: frozenset[int] = frozenset()
    service_uuids: frozenset[str] = frozenset()

    def with_later(self, later: Advertised) -> Advertised:
        """Add a later part: the name often comes in a scan response of its own."""
        companies, services = self.company_ids | later.company_ids, self.service_uuids | later.service_uuids
        return Advertised(
            later.name or self.name,
            companies if len(companies) <= MOST_KEPT else later.company_ids,
            services if len(services) <= MOST_KEPT else later.service_uuids,
        )


def parse(data: bytes) -> Advertised:
    """Read an advertisement, a scan response, or both in a row; what is cut short is left out."""
    name: str | None = None
    companies: set[int] = set()
    services: set[str] = set()
    for kind, value in _structures(data):
        if kind in _NAMES:
            name = value.decode("utf-8", "replace")
        elif kind == _MANUFACTURER and len(value) >= 2:
            companies.add(int.from_bytes(value[:2], "little"))
        elif kind in _UUIDS_128:
            services.update(_uuids(value))
    return Advertised(name, frozenset(companies), frozenset(services))


def _structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split into length, type and value; a length of 0 is padding."""
    at = 0
    while at < len(data):
        end = at + 1 + data[at]
        if end > len(data):
            return
        if end > at + 1:
            yield data[at + 1], data[at + 2 : end]
        at = end


def _uuids(value: bytes) -> Iterator[str]:
    for at in range(0, len(value) - 15, 16):
        yield str(uuid.UUID(bytes=value[at : at + 16][::-1]))
