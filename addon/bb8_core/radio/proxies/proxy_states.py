"""The states of a Bluetooth proxy, in words; a pure mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ProxyState(StrEnum):
    """Whether a proxy can be used, or why not."""

    CONNECTING = "connecting"
    ONLINE = "online"
    UNREACHABLE = "unreachable"
    WRONG_KEY = "wrong_key"
    KEY_MISSING = "key_missing"
    NOT_ENCRYPTED = "not_encrypted"
    NOT_A_PROXY = "not_a_proxy"
    IN_USE = "in_use"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """A proxy's state with a sentence that gives the reason, and one with what to do (may be empty)."""

    name: str
    state: ProxyState
    reason: str
    remedy: str = ""


_WORDS: Final[Mapping[ProxyState, tuple[str, str]]] = {
    ProxyState.CONNECTING: ("The app is connecting to it.", ""),
    ProxyState.ONLINE: ("It listens for the robot.", ""),
    ProxyState.UNREACHABLE: (
        "It does not answer on the network.",
        "Check its power, its Wi-Fi and the address in the option proxies.",
    ),
    ProxyState.WRONG_KEY: (
        "The encryption key is wrong.",
        "Copy api: encryption: key: from the node's ESPHome configuration to the option proxies.",
    ),
    ProxyState.KEY_MISSING: (
        "The node requires an encryption key, and none is set.",
        "Copy api: encryption: key: from the node's ESPHome configuration to the option proxies.",
    ),
    ProxyState.NOT_ENCRYPTED: (
        "An encryption key is set, but the node does not use encryption.",
        "Add api: encryption: to the node's ESPHome configuration, or remove the key in the option proxies.",
    ),
    ProxyState.NOT_A_PROXY: (
        "The node does not offer Bluetooth connections.",
        "Add bluetooth_proxy: with active: true to its ESPHome configuration and update its firmware.",
    ),
    ProxyState.IN_USE: (
        "It forwards nothing, so another program probably uses it: a node serves one program only.",
        "Remove the node from Home Assistant's ESPHome integration, or use another node for the robot.",
    ),
    ProxyState.FULL: (
        "All of its connections are in use.",
        "Disconnect other Bluetooth devices from it, or raise connection_slots in its ESPHome configuration.",
    ),
}


def explain_proxy(name: str, state: ProxyState) -> ProxyStatus:
    """Put a state into words."""
    reason, remedy = _WORDS[state]
    return ProxyStatus(name, state, reason, remedy)
