"""Passes the pages' commands to the robot's event loop, and its updates back; callable from any thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bb8_core.bridge.request_dispatch import Bridge
from bb8_core.manual_driving.control_owner import Hold, Pilot
from bb8_core.motion.motion_gate import Refused
from bb8_core.requests.acknowledgement import Outcome, Report, rejected, silent
from bb8_core.requests.payload_parsing import BadPayload, Intent, Request, SetHeading, Tail, parse
from bb8_core.web.page_messages import Ask

TAIL_FULL = 255


class Wheel:
    """The bridge as the pages see it."""

    def __init__(self, bridge: Bridge, loop: asyncio.AbstractEventLoop) -> None:
        """Drive `bridge`, which runs on `loop`."""
        self._bridge = bridge
        self._loop = loop
        self._tail_before: dict[Pilot, int] = {}
        self._signals: dict[str, Callable[[Pilot], None]] = {
            "release": bridge.helm.release,
            "take": bridge.helm.take,
            "leave": self._leave,
            "aim": self._aim,
            "aimed": self._aimed,
            "unaim": self._unaim,
            "clear_map": lambda _: bridge.survey.clear(),
        }

    def beat(self, pilot: Pilot, hold: Hold, late_s: float, heard: Callable[[Refused | None], None]) -> None:
        """Take a beat of the stick; `heard` gets why it was not obeyed, or None, on the robot's loop."""
        self._loop.call_soon_threadsafe(lambda: heard(self._bridge.helm.hold(pilot, hold, late_s)))

    def signal(self, pilot: Pilot, kind: str) -> None:
        """Take a signal of a page."""
        action = self._signals.get(kind)
        if kind == "load_scenes":
            self._bridge.routines.scenes.load()
        elif action is not None:
            self._loop.call_soon_threadsafe(action, pilot)

    def look(self, wanted: bool) -> None:
        """Whether any page shows the map."""
        self._loop.call_soon_threadsafe(self._bridge.survey.look, wanted)

    def ask(self, pilot: Pilot, ask: Ask, heard: Report) -> None:
        """Carry out a command; `heard` gets each step, on the robot's loop."""
        self._loop.call_soon_threadsafe(self._ask, pilot, ask, heard)

    def news(self) -> dict[str, Any]:
        """Who drives now."""
        pilot = self._bridge.helm.seated
        return {"driver": None if pilot is None else asdict(pilot)}

    def preview(self, name: str) -> dict[str, Any]:
        """Where a scene would drive from here, for the map; computed on the pages' thread."""
        shown = self._bridge.routines.preview(name)
        points = shown.points if shown else ()
        return {"type": "preview", "name": name, "points": points, "seconds": shown.seconds if shown else 0}

    def marks(self, since: int) -> list[list[Any]]:
        """The marks on the map after this number, each as number, kind, x and y in cm."""
        ring = self._bridge.survey.path
        return [[number, mark.kind, mark.x_cm, mark.y_cm] for number, mark in ring.since(since)]

    def packets(self, since: int) -> list[list[Any]]:
        """The packets after this number, each as number, Unix time, direction, name and data."""
        ring = self._bridge.packets.ring
        return [[number, one.at, one.way, one.name, one.data] for number, one in ring.since(since)]

    # On the robot's loop

    def _ask(self, pilot: Pilot, ask: Ask, heard: Report) -> None:
        try:
            intent = parse(ask.name, ask.payload)
        except BadPayload as bad:
            heard(rejected(bad.code, bad.reason))
            return
        self._obey(pilot, ask.name, intent, heard)

    def _obey(self, pilot: Pilot, name: str, intent: Intent, heard: Report = silent) -> None:
        self._bridge.obey_page(Request(name, intent, None, self._loop.time()), pilot, heard)

    def _leave(self, pilot: Pilot) -> None:
        self._unaim(pilot)
        self._bridge.helm.leave(pilot)

    def _aim(self, pilot: Pilot) -> None:
        """The tail light shows where the robot's back is."""
        self._tail_before.setdefault(pilot, self._bridge.lamps.tail or 0)
        self._obey(pilot, "tail", Tail(TAIL_FULL))

    def _aimed(self, pilot: Pilot) -> None:
        self._bridge.helm.release(pilot)
        self._obey(pilot, "heading", SetHeading(0))
        self._unaim(pilot)

    def _unaim(self, pilot: Pilot) -> None:
        before = self._tail_before.pop(pilot, None)
        if before is not None:
            self._obey(pilot, "tail", Tail(before))


def outcome_json(number: int, outcome: Outcome) -> dict[str, Any]:
    """A step of a command, for the page."""
    return {
        "type": "ack",
        "id": number,
        "status": outcome.status.value,
        "code": outcome.code,
        "reason": outcome.reason,
        "lasting": outcome.lasting,
    }
