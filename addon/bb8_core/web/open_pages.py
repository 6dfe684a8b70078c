"""The open pages: what each of them asks for, and the updates that all of them get."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from bb8_core.manual_driving.control_owner import Pilot
from bb8_core.motion.motion_gate import Refused
from bb8_core.requests.acknowledgement import Outcome
from bb8_core.web.page_messages import (
    Ask,
    BadMessage,
    Beat,
    Hello,
    Lateness,
    Look,
    Message,
    ShowScene,
    Signal,
    read,
)
from bb8_core.web.robot_thread import Wheel, outcome_json
from bb8_core.web.websocket import BUSY, POLICY, PageSocket, SocketEnded

MAX_PAGES = 8
MAX_TICKETS = 64
TICKET_S = 20.0
HELLO_S = 5.0
SILENCE_S = 20.0
"""An open page sends something every 5 seconds."""
NEWS_S = 0.1
NEWS_AT_LEAST_S = 1.0
"""A page that gets no news for longer knows that it is cut off."""
MAX_LATE_S = 0.12
"""A beat that comes later than this has waited on the way: it does not move the robot."""
MAX_BAD = 10
LATE = Refused("LATE", "the connection is too slow to drive by hand")

_log = logging.getLogger(__name__)


class OpenPage:
    """One page and what it has seen."""

    def __init__(self, socket: PageSocket, pilot: Pilot, wheel: Wheel) -> None:
        """Serve one page."""
        self.pilot = pilot
        self.look = Look(path=False, packets=False)
        self._socket = socket
        self._wheel = wheel
        self._loop = asyncio.get_running_loop()
        self._lateness = Lateness()
        self._refused = ""
        self._marks = self._packets = self._bad = 0

    def take(self, message: Message) -> None:
        """Carry out a message."""
        match message:
            case Beat():
                self._beat(message)
            case Signal():
                self._wheel.signal(self.pilot, message.kind)
            case Look():
                self.look = message
            case Ask(number=number):
                self._wheel.ask(
                    self.pilot, message, lambda step: self._there(self._acknowledge, number, step)
                )
            case ShowScene(name=name):
                self.tell(self._wheel.preview(name))
            case Hello():
                raise BadMessage("hello comes once")

    def bad(self, error: BadMessage) -> None:
        """Count a message that makes no sense; SocketEnded after some."""
        self._bad += 1
        if self._bad >= MAX_BAD:
            raise SocketEnded(POLICY, f"too many bad messages: {error}")
        self.tell({"type": "bad", "reason": str(error)})

    def tell(self, value: Mapping[str, Any]) -> bool:
        """Send an object."""
        return self._socket.send(json.dumps(value, separators=(",", ":")))

    def tell_text(self, text: str) -> None:
        """Send what is JSON already."""
        self._socket.send(text)

    def tell_ring(self) -> None:
        """Send what is new on the map and of the packets, if the page shows them."""
        if self.look.path:
            self._marks = self._tell_new("path", self._wheel.marks(self._marks), self._marks)
        if self.look.packets:
            self._packets = self._tell_new("packets", self._wheel.packets(self._packets), self._packets)

    def _tell_new(self, kind: str, items: list[list[Any]], seen: int) -> int:
        if items and self.tell({"type": kind, "items": items}):
            return int(items[-1][0])
        return seen

    def _beat(self, beat: Beat) -> None:
        late_s = self._lateness.of(beat.sent_ms, self._loop.time())
        if late_s > MAX_LATE_S:
            self._tell_refused(LATE)
        else:
            self._wheel.beat(self.pilot, beat.hold, late_s, self._heard)

    def _heard(self, refused: Refused | None) -> None:
        """On the robot's loop: pass on only what changes."""
        if (refused.code if refused else "") != self._refused:
            self._there(self._tell_refused, refused)

    def _tell_refused(self, refused: Refused | None) -> None:
        code = refused.code if refused else ""
        if code != self._refused:
            self._refused = code
            self.tell({"type": "hold", "code": code, "reason": refused.reason if refused else ""})

    def _acknowledge(self, number: int, outcome: Outcome) -> None:
        self.tell(outcome_json(number, outcome))

    def _there(self, action: Callable[..., None], *arguments: Any) -> None:
        """From the robot's loop to the pages'; when the app ends, that one may be gone."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(action, *arguments)


class Cockpit:
    """All open pages. Belongs to the pages' loop."""

    def __init__(self, wheel: Wheel, snapshot: Callable[[], Mapping[str, Any]]) -> None:
        """Drive through `wheel`; `snapshot` returns the state of the moment."""
        self._wheel = wheel
        self._snapshot = snapshot
        self._pages: dict[Pilot, OpenPage] = {}
        self._tickets: dict[str, float] = {}
        self._numbers = itertools.count(1)
        self._news: asyncio.Task[None] | None = None
        self._looking = False

    def ticket(self) -> str:
        """A word that opens one WebSocket soon; only our own page can ask for it."""
        now = asyncio.get_running_loop().time()
        self._tickets = {word: until for word, until in self._tickets.items() if until > now}
        while len(self._tickets) >= MAX_TICKETS:
            self._tickets.pop(next(iter(self._tickets)))
        word = secrets.token_urlsafe(24)
        self._tickets[word] = now + TICKET_S
        return word

    async def serve(self, socket: PageSocket, name: str) -> None:
        """Serve a page until it ends; what it set in motion ends with it."""
        try:
            await self._admit(socket)
            page = self._open(socket, name)
        except (BadMessage, TimeoutError) as error:
            raise SocketEnded(POLICY, str(error) or "no hello") from error
        try:
            await self._listen(page, socket)
        finally:
            self._close(page)

    def close(self) -> None:
        """The server ends."""
        if self._news is not None:
            self._news.cancel()

    async def _admit(self, socket: PageSocket) -> None:
        async with asyncio.timeout(HELLO_S):
            hello = read(await socket.receive())
        now = asyncio.get_running_loop().time()
        if not isinstance(hello, Hello) or self._tickets.pop(hello.ticket, 0.0) < now:
            raise BadMessage("the ticket is not valid")
        if len(self._pages) >= MAX_PAGES:
            raise SocketEnded(BUSY, f"{MAX_PAGES} pages are open already")

    def _open(self, socket: PageSocket, name: str) -> OpenPage:
        number = next(self._numbers)
        pilot = Pilot(number, name or f"page {number}")
        page = self._pages[pilot] = OpenPage(socket, pilot, self._wheel)
        page.tell({"type": "welcome", "number": number, "name": pilot.name})
        page.tell(self._state())
        if self._news is None or self._news.done():
            self._news = asyncio.get_running_loop().create_task(self._tell_news())
        return page

    async def _listen(self, page: OpenPage, socket: PageSocket) -> None:
        while True:
            try:
                async with asyncio.timeout(SILENCE_S):
                    text = await socket.receive()
            except TimeoutError:
                raise SocketEnded(POLICY, "the page is silent") from None
            try:
                page.take(read(text))
            except BadMessage as error:
                page.bad(error)

    def _close(self, page: OpenPage) -> None:
        del self._pages[page.pilot]
        self._wheel.signal(page.pilot, "leave")
        self._look()

    def _look(self) -> None:
        """Ask the robot for its position only while a page shows the map."""
        looking = any(page.look.path for page in self._pages.values())
        if looking != self._looking:
            self._looking = looking
            self._wheel.look(looking)

    def _state(self) -> dict[str, Any]:
        return {"type": "state", **self._snapshot(), **self._wheel.news(), "pages": len(self._pages)}

    async def _tell_news(self) -> None:
        """Send all pages what has changed, until no page is open."""
        loop = asyncio.get_running_loop()
        last, told_at = "", float("-inf")
        while self._pages:
            text = json.dumps(self._state(), separators=(",", ":"), default=str)
            news = text != last or loop.time() - told_at >= NEWS_AT_LEAST_S
            if news:
                last, told_at = text, loop.time()
            for page in list(self._pages.values()):
                if news:
                    page.tell_text(text)
                page.tell_ring()
            self._look()
            await asyncio.sleep(NEWS_S)
