"""Looks for Home Assistant on the local network: it announces itself by multicast DNS."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

# Source: Home Assistant Core, components/zeroconf: the type, and the keys of its TXT record.
SERVICE = "_home-assistant._tcp.local."
_DETAILS_DEADLINE = 2000  # milliseconds for one host's record


@dataclass(frozen=True, slots=True)
class Found:
    """A Home Assistant that announced itself; `url` is what it calls its own address in this network."""

    name: str
    version: str
    url: str

    @property
    def host(self) -> str:
        """The name or address in `url`."""
        return urlsplit(self.url).hostname or ""


def find(seconds: float, *, settle: float = 1.0) -> tuple[Found, ...]:
    """Every Home Assistant that answers, by name; none without a network.

    The first may take `seconds`, the others have `settle` seconds more; Core answers within one.
    """
    from zeroconf import InterfaceChoice, IPVersion, ServiceBrowser, Zeroconf

    ear = _Announced()
    try:
        network = Zeroconf(interfaces=InterfaceChoice.All, ip_version=IPVersion.V4Only)
    except OSError:
        return ()
    try:
        browser = ServiceBrowser(network, SERVICE, handlers=[ear.heard])
        ear.listen(seconds, settle)
        browser.cancel()
        infos = [network.get_service_info(SERVICE, name, _DETAILS_DEADLINE) for name in sorted(ear.names)]
    finally:
        network.close()
    found = (_found(info) for info in infos if info)
    return tuple(sorted({one for one in found if one.url}, key=lambda one: (one.name, one.url)))


class _Announced:
    """Collects the names that are announced; zeroconf's thread fills it."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._first = threading.Event()

    def heard(
        self,
        zeroconf: Zeroconf,  # noqa: ARG002 - zeroconf passes these by name
        service_type: str,  # noqa: ARG002
        name: str,
        state_change: ServiceStateChange,  # noqa: ARG002
    ) -> None:
        """Keeps a name."""
        self.names.add(name)
        self._first.set()

    def listen(self, seconds: float, settle: float) -> None:
        """Waits for the first answer, and then for others."""
        if self._first.wait(seconds):
            time.sleep(settle)


def _found(info: ServiceInfo) -> Found:
    told = {_text(key): _text(value or b"") for key, value in info.properties.items()}
    addresses = info.parsed_addresses()
    own = f"http://{addresses[0]}:{info.port}" if addresses else ""
    url = next((url for key in ("internal_url", "base_url") if (url := told.get(key, ""))), own)
    return Found(
        name=told.get("location_name") or info.name.removesuffix(f".{SERVICE}"),
        version=told.get("version", ""),
        url=url.rstrip("/") if urlsplit(url).scheme in {"http", "https"} else own,
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
