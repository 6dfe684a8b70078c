"""Where a Bluetooth proxy is reached, and with which key; pure."""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

API_PORT: Final = 6053
"""The port of ESPHome's native API."""
MOST_PROXIES: Final = 8
KEY_BYTES: Final = 32

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]{2,64}\]|[^\s/:\[\]]{1,253})(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class ProxyAddress:
    """One ESPHome node; without a key the connection is not encrypted."""

    host: str
    port: int = API_PORT
    key: str = field(default="", repr=False)

    @property
    def title(self) -> str:
        """The address as the user wrote it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == API_PORT else f"{host}:{self.port}"


def parse_proxies(value: Any) -> tuple[ProxyAddress, ...]:
    """Read the option `proxies`; ValueError names the first entry that is wrong, never its key."""
    if not isinstance(value, list) or len(value) > MOST_PROXIES:
        raise ValueError(f"must be a list of at most {MOST_PROXIES} proxies")
    proxies = tuple(_entry(number, entry) for number, entry in enumerate(value, 1))
    titles = [proxy.title.lower() for proxy in proxies]
    if len(set(titles)) < len(titles):
        raise ValueError("must not have the same address twice")
    return proxies


def _entry(number: int, entry: Any) -> ProxyAddress:
    if not isinstance(entry, Mapping) or not set(entry) <= {"address", "encryption_key"}:
        raise ValueError(f"must have an address and an encryption_key in entry {number}")
    address, key = entry.get("address"), entry.get("encryption_key") or ""
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    port = int(found["port"] or API_PORT) if found else 0
    if found is None or not 1 <= port <= 65535:
        raise ValueError(f"must have an address such as bb8-proxy.local or 192.168.1.20 in entry {number}")
    if not isinstance(key, str) or (key and not _is_key(key)):
        raise ValueError(f"must have the 44 characters of the node's api encryption key in entry {number}")
    return ProxyAddress(found["host"].strip("[]"), port, key)


def _is_key(key: str) -> bool:
    try:
        return len(binascii.a2b_base64(key, strict_mode=True)) == KEY_BYTES
    except ValueError:
        return False
