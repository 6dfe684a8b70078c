"""The states of the link, why it is in one, and what the user can do about it; a pure mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class LinkState(StrEnum):
    """The states of the connection to the robot."""

    ABSENT = "absent"
    ASLEEP = "asleep"
    ADAPTER_OFF = "adapter_off"
    HELD_BY_OTHER = "held_by_other"
    CONNECTING = "connecting"
    WAKING = "waking"
    READY = "ready"
    LOST = "lost"
    RELEASED = "released"


class Cause(StrEnum):
    """What brought the link into its state."""

    SEARCHING = "searching"
    NEVER_SEEN = "never_seen"
    SILENT = "silent"
    SLEEP_REPORTED = "sleep_reported"
    SLEEP_COMMANDED = "sleep_commanded"
    ADAPTER_OFF = "adapter_off"
    NO_ADAPTER = "no_adapter"
    NO_BLUETOOTH = "no_bluetooth"
    NO_PERMISSION = "no_permission"
    RADIO_BUSY = "radio_busy"
    REFUSED = "refused"
    FOUND = "found"
    LINK_UP = "link_up"
    ANSWERED = "answered"
    CONNECT_ABORTED = "connect_aborted"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_FAILED = "connect_failed"
    NO_SLOT = "no_slot"
    STALE_SERVICES = "stale_services"
    NOT_A_BB8 = "not_a_bb8"
    NO_ANSWER = "no_answer"
    DROPPED = "dropped"
    WRITE_FAILED = "write_failed"
    STOP_UNANSWERED = "stop_unanswered"
    IDLE = "idle"
    USER = "user"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Status:
    """A state with its cause, a sentence with the reason, and one with what to do (may be empty)."""

    state: LinkState
    cause: Cause
    reason: str
    remedy: str


_WAIT: Final = "Nothing to do."
_RETRIES: Final = "Nothing to do: the bridge tries again by itself."
_NEARER: Final = (
    "Bring the robot nearer to the Bluetooth adapter, away from USB 3 devices; it is tried again."
)

_WORDS: Final[Mapping[Cause, tuple[LinkState, str, str]]] = {
    Cause.SEARCHING: (
        LinkState.ABSENT,
        "Looking for the robot: no advertisement heard yet.",
        "Wait a few seconds; if it lasts, put the robot on its charger once.",
    ),
    Cause.NEVER_SEEN: (
        LinkState.ABSENT,
        "The robot was not heard since the start.",
        "Put it on its charger once and close the Sphero app on phones. For another robot set robot_address.",
    ),
    Cause.SILENT: (
        LinkState.ABSENT,
        "The robot was heard earlier and is silent now: out of range, deeply asleep, or held by another app.",
        "Close the Sphero app on phones nearby, bring the robot nearer, or put it on its charger once.",
    ),
    Cause.SLEEP_REPORTED: (
        LinkState.ASLEEP,
        "The robot reported that it falls asleep.",
        "Press Wake; if that does not help, put it on its charger once.",
    ),
    Cause.SLEEP_COMMANDED: (LinkState.ASLEEP, "The robot was sent to sleep.", "Press Wake."),
    Cause.ADAPTER_OFF: (
        LinkState.ADAPTER_OFF,
        "The Bluetooth adapter {adapter} is off.",
        "Switch Bluetooth on at the host (Settings, System, Hardware) or plug the adapter in again.",
    ),
    Cause.NO_ADAPTER: (
        LinkState.ADAPTER_OFF,
        "The host has no Bluetooth adapter {adapter}.",
        "Plug in a Bluetooth adapter, or correct the option adapter.",
    ),
    Cause.NO_BLUETOOTH: (
        LinkState.ADAPTER_OFF,
        "The host's Bluetooth service does not answer.",
        "Check that the host runs BlueZ and D-Bus, then restart the app.",
    ),
    Cause.NO_PERMISSION: (
        LinkState.ADAPTER_OFF,
        "The host does not let this app use Bluetooth.",
        "Reinstall the app so that its host_dbus right takes effect.",
    ),
    Cause.RADIO_BUSY: (
        LinkState.LOST,
        "The Bluetooth adapter {adapter} is busy with another operation.",
        "Nothing to do: the bridge waits and tries again; a second adapter helps if it lasts.",
    ),
    Cause.REFUSED: (
        LinkState.HELD_BY_OTHER,
        "The robot advertises but refuses connections: another app or device is probably connected to it.",
        "Close the Sphero app and switch Bluetooth off on phones that drove the robot.",
    ),
    Cause.FOUND: (LinkState.CONNECTING, "The robot is heard; connecting.", _WAIT),
    Cause.LINK_UP: (LinkState.WAKING, "Connected; waking the robot.", _WAIT),
    Cause.ANSWERED: (LinkState.READY, "The robot answers.", ""),
    Cause.CONNECT_ABORTED: (LinkState.LOST, "The connection was aborted by the radio.", _NEARER),
    Cause.CONNECT_TIMEOUT: (LinkState.LOST, "The robot did not accept the connection in time.", _NEARER),
    Cause.CONNECT_FAILED: (LinkState.LOST, "The connection attempt failed.", _RETRIES),
    Cause.NO_SLOT: (
        LinkState.LOST,
        "The Bluetooth adapter {adapter} has no free connection.",
        "Disconnect another Bluetooth device or add an adapter.",
    ),
    Cause.STALE_SERVICES: (
        LinkState.LOST,
        "The list of the robot's services was outdated; it was cleared.",
        _RETRIES,
    ),
    Cause.NOT_A_BB8: (
        LinkState.LOST,
        "The device lacks the services of a BB-8.",
        "Correct robot_address or robot_name; if they are right, restart the Bluetooth adapter.",
    ),
    Cause.NO_ANSWER: (
        LinkState.LOST,
        "Connected, but the robot does not answer.",
        "Put the robot on its charger once; it is tried again.",
    ),
    Cause.DROPPED: (LinkState.LOST, "The link to the robot broke.", _NEARER),
    Cause.WRITE_FAILED: (LinkState.LOST, "A command could not be handed to the robot.", _NEARER),
    Cause.STOP_UNANSWERED: (
        LinkState.LOST,
        "A stop could not be sent or was not answered, so the link was cut: the robot stops by itself then.",
        _NEARER,
    ),
    Cause.IDLE: (
        LinkState.RELEASED,
        "Released after being idle, to save the battery.",
        "Press Connect, or send a command that needs the robot.",
    ),
    Cause.USER: (LinkState.RELEASED, "Released on request.", "Press Connect."),
    Cause.SHUTDOWN: (LinkState.RELEASED, "The bridge is shutting down.", ""),
}


_OF_THE_HOST: Final = frozenset(
    {Cause.ADAPTER_OFF, Cause.NO_ADAPTER, Cause.NO_BLUETOOTH, Cause.NO_PERMISSION, Cause.RADIO_BUSY}
)
"""Causes that only the host's own adapter has."""


def explain(cause: Cause, adapter: str = "", proxy: str = "") -> Status:
    """Return the state that a cause means, in words.

    `adapter` names the adapter (`hci0`) or is empty; `proxy` names the Bluetooth proxy through which the
    robot is or was connected, and is empty if it was the adapter.
    """
    state, reason, remedy = _WORDS[cause]
    if proxy and cause not in _OF_THE_HOST:
        reason = reason.replace("Bluetooth adapter {adapter}", f"Bluetooth proxy {proxy}")
        remedy = remedy.replace("Bluetooth adapter", f"Bluetooth proxy {proxy}")
    named = reason.replace(" {adapter}", f" {adapter}" if adapter else "")
    return Status(state, cause, named, remedy)


REACHABLE: Final = frozenset(
    {LinkState.READY, LinkState.RELEASED, LinkState.ASLEEP, LinkState.CONNECTING, LinkState.WAKING}
)
"""States in which a command that may wait can be expected to reach the robot."""

CONNECTABLE: Final = REACHABLE | {LinkState.LOST}
"""States in which asking for a connection is worth the wait."""
