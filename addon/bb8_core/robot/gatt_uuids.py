"""Where things are on the robot's GATT server, and how its advertisement is recognised.

Sources: sphero.js lib/adaptors/ble.js, spherov2.py toy/__init__.py, sphero-and-mousr-qt-controller Uuids.h,
the vendor's Android RadioDescriptor. The deep-sleep characteristic has no name here on purpose: a robot
that was put into deep sleep comes back only on external power.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final


def _uuid(short: str) -> str:
    return f"22bb746f-{short}-7554-2d6f-726568705327"


SERVICE_CONTROL: Final = _uuid("2ba0")
COMMANDS: Final = _uuid("2ba1")
"""Takes command frames, written in pieces of at most 20 bytes."""
RESPONSES: Final = _uuid("2ba6")
"""Notifies answers and events; is subscribed to and never read."""

ANTI_DOS: Final = _uuid("2bbd")
TX_POWER: Final = _uuid("2bb2")
WAKE: Final = _uuid("2bbf")

ANTI_DOS_KEY: Final = b"011i3"
TX_POWER_MAX: Final = b"\x07"
WAKE_UP: Final = b"\x01"

COMPANY_ID: Final = 0x3033
"""Manufacturer-data company id (12339) that BB-8 advertises."""
NAME_PATTERN: Final = re.compile(r"BB-[0-9A-F]{4}")
REQUIRED: Final = (COMMANDS, RESPONSES, ANTI_DOS, TX_POWER, WAKE)
"""Characteristics without which the GATT table is stale or not a BB-8's."""


def is_bb8(name: str | None, company_ids: Collection[int], service_uuids: Collection[str]) -> bool:
    """Return whether an advertisement is a BB-8's, by name, company id or service."""
    return (
        (name is not None and NAME_PATTERN.fullmatch(name) is not None)
        or COMPANY_ID in company_ids
        or SERVICE_CONTROL in service_uuids
    )
