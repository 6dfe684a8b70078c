"""Decide whether an advertisement is the robot we are looking for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bb8_core.robot.gatt_uuids import is_bb8


@dataclass(frozen=True, slots=True)
class Target:
    """The robot that was asked for: an address counts alone, then a name, else any BB-8."""

    address: str = ""
    name: str = ""


def matches(
    target: Target,
    address: str,
    name: str | None,
    company_ids: Collection[int],
    service_uuids: Collection[str],
) -> bool:
    """Return whether an advertisement is the target's."""
    if target.address:
        return address.upper() == target.address.upper()
    if target.name:
        return name == target.name
    return is_bb8(name, company_ids, service_uuids)
