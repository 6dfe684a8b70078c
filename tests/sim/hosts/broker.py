"""The broker of the simulated host, the app's echo responder, and attest's connection to both."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from tests.sim.engine.faults import Fault
from tests.sim.engine.swap import Swap
from tests.sim.engine.tasks import Task, Tasks
from tests.sim.engine.wire import Wire
from tests.sim.hosts.world import Host

from bb8deploy.catalogue.errors.broker import BROKER_UNREACHABLE
from bb8deploy.lanes.attest import attest
from bb8deploy.transport import mqtt

Listener = Callable[[str, bytes, bool], None]
BASE = "bb8"
ANSWER = 0.03
"""Seconds that the responder takes."""


@dataclass(slots=True)
class Condition:
    """`threading.Condition` of one thread: who waits sleeps in the schedule's own time."""

    tasks: Tasks
    waiting: list[Task] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def notify_all(self) -> None:
        """Wakes everybody who waits."""
        for task in self.waiting:
            task.wakes = self.tasks.now

    def wait_for(self, holds: Callable[[], bool], timeout: float) -> bool:
        """Waits until it holds."""
        end, task = self.tasks.now + timeout, self.tasks.current
        while not holds() and self.tasks.now < end and task is not None:
            self.waiting.append(task)
            self.tasks.sleep(end - self.tasks.now)
            self.waiting.remove(task)
        return holds()


@dataclass(slots=True)
class Broker:
    """`answered` is the truth about each echo: when it was asked, and when its answer came back first."""

    wire: Wire
    host: Host
    links: list[Link] = field(default_factory=list)
    answered: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def tasks(self) -> Tasks:
        """The schedule's tasks and clock."""
        return self.wire.tasks

    @property
    def identity(self) -> bytes:
        """What the app that was started last has said about itself, retained."""
        app = self.host.installed
        container = app.container if app else None
        if container is None or not container.identity:
            return b""
        stamp = container.stamp
        said = {name: stamp.get(name, "unknown") for name in ("tree", "commit", "run", "version")}
        return json.dumps({**said, "python": "3.13.1"}).encode()

    def asked(self, payload: str) -> None:
        """An echo reached the broker: the app answers it, if it runs."""
        cid, at = json.loads(payload)["cid"], self.tasks.now
        self.answered.pop(cid, None)  # a resumed release asks by the same names again
        self.tasks.later(ANSWER, lambda: self._answer(cid, at))

    def _answer(self, cid: str, at: float) -> None:
        if self.host.running() is None:
            return
        self.answered.setdefault(cid, (at, self.tasks.now))
        self.tell(f"{BASE}/echo/ack", json.dumps({"cid": cid}).encode())

    def tell(self, topic: str, payload: bytes) -> None:
        """Hands a message to everybody who is connected."""
        for link in self.links:
            if not link.lost:
                link.listener(topic, payload, False)


class Link:
    """`BrokerLink` to the simulated broker; it ends with the host's boot."""

    end = "the connection was lost"

    def __init__(self, broker: Broker, listener: Listener) -> None:
        self.address = "sim:1883"
        self.listener = listener
        self._broker = broker
        self._boots = broker.host.boots
        self._ended = False

    @property
    def lost(self) -> bool:
        """True once the connection is gone."""
        return self._ended or self._boots != self._broker.host.boots

    def open(self) -> Self:
        """Connects."""
        self._call("log in to the broker", lambda: None)
        self._broker.links.append(self)
        return self

    def subscribe(self, *_filters: str) -> None:
        """What is retained comes at once."""
        self._call("subscribe", lambda: None)
        if self._broker.identity:
            self.listener(f"{BASE}/status/identity", self._broker.identity, True)

    def publish(self, topic: str, payload: str, *, qos: int = 1) -> bool:
        """An echo, which quality of service 1 may repeat; False if the connection is gone."""
        if self.lost or topic != f"{BASE}/echo/cmd":
            return False
        also = (Fault.DOUBLED, Fault.REORDERED) if qos else ()
        try:
            self._broker.wire.call("echo", lambda: self._broker.asked(payload), ConnectionError, also=also)
        except ConnectionError:
            self._ended = True
        return not self.lost

    def _call(self, what: str, effect: Callable[[], object]) -> None:
        self._broker.wire.call(what, effect, lambda: BROKER_UNREACHABLE("the broker is gone"))

    def close(self) -> None:
        """Logs out."""
        self._ended = True


def attest_swaps(broker: Broker) -> list[Swap]:
    """What makes attest talk to this broker."""
    heard = attest._Heard

    def listener(base: str) -> Any:
        return heard(base, changed=Condition(broker.tasks))  # type: ignore[arg-type]

    def link(_address: object, listener: Listener) -> Link:
        return Link(broker, listener)

    return [
        (attest, "BrokerLink", link),
        (mqtt, "BrokerLink", link),
        (attest, "_Heard", listener),
        (attest, "address_of", lambda _settings: "sim:1883"),
    ]
