"""Finds and clears the retained MQTT messages of an app that is removed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from bb8deploy.base.errors import Bb8Error
from bb8deploy.host.supervisor.route_interface import AddonState
from bb8deploy.plan.retained_messages import of_app
from bb8deploy.runs.run import Run
from bb8deploy.settings.settings_table import MQTT_BASE_TOPIC
from bb8deploy.transport.mqtt import Address, BrokerLink, address_of
from bb8deploy.workspace.project import find_project

QUIET = 0.7
"""Seconds without a retained message after which the broker has sent all."""
DEADLINE = 15.0
PREFIX = "homeassistant"


@dataclass(frozen=True, slots=True)
class Topics:
    """Where the app publishes: its base topic and Home Assistant's discovery prefix."""

    base: str
    prefix: str


@dataclass(frozen=True, slots=True)
class RetainedMessages:
    """The topics of the app's retained messages at a broker, or why they are not known."""

    topics: tuple[str, ...] = ()
    where: str = ""
    skipped: str = ""


def find_retained(run: Run, state: AddonState | None) -> RetainedMessages:
    """Looks for them. A broker that cannot be asked is a reason, not an error."""
    where = topics_of(run, state)
    if isinstance(where, str):
        return RetainedMessages(skipped=where)
    address = address_of(run.settings)
    try:
        return RetainedMessages(_look(address, where), str(address))
    except Bb8Error as error:
        return RetainedMessages(skipped=error.cause)


def clear_retained(run: Run, found: RetainedMessages, state: AddonState | None) -> RetainedMessages:
    """Clears them, and what the app published while it ended; returns what is left after a look.

    `state` is the app's as it was before it was uninstalled. Raises Unreachable or Refused.
    """
    where = topics_of(run, state)
    if isinstance(where, str) or found.skipped:
        return found
    address, end = address_of(run.settings), time.monotonic() + DEADLINE
    while left := _look(address, where):
        if time.monotonic() > end:
            break
        with BrokerLink(address, lambda *_: None) as link:
            for topic in left:
                link.clear(topic)
    return RetainedMessages(left, found.where)


def topics_of(run: Run, state: AddonState | None) -> Topics | str:
    """Where this app, and no other one, publishes; a sentence if that is not known."""
    settings = run.settings
    if not settings.mqtt.host:
        return "MQTT_HOST is not set"
    options = state.raw.get("options") if state and state.installed else None
    own = options if isinstance(options, dict) else {}
    base = str(own.get("base_topic") or "")
    prefix = str(own.get("discovery_prefix") or PREFIX)
    if settings.instance:
        if not base or base == settings.mqtt.base_topic:
            return "the instance has no base topic of its own"
        return Topics(base, prefix)
    named = settings.origin_of(MQTT_BASE_TOPIC) != "default"
    if not named and find_project(run.workspace, addon=run.addon).profile != "bb8":
        return Topics(base, prefix) if base else "MQTT_BASE_TOPIC is not set"
    return Topics(base or settings.mqtt.base_topic, prefix)


def _look(address: Address, where: Topics) -> tuple[str, ...]:
    """The topics of the app's retained messages at this moment."""
    messages: dict[str, bytes] = {}
    news = threading.Event()

    def listen(topic: str, payload: bytes, retained: bool) -> None:
        if retained and payload:
            messages[topic] = payload
            news.set()

    with BrokerLink(address, listen) as link:
        link.subscribe(f"{where.base}/#", f"{where.prefix}/+/+/config", f"{where.prefix}/+/+/+/config")
        while news.wait(QUIET):
            news.clear()
    return of_app(dict(messages), where.base, where.prefix)
