"""A robot on a workbench: a clock turned by hand, and everything it says written down."""

from __future__ import annotations

from bb8_core.robot import gatt_uuids
from bb8_core.robot.packet_framing import AsyncPacket, Command, Response, StreamDecoder, chunks, encode
from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.simulator.injected_faults import Faults


class Desk:
    """The robot, its clock and a decoder on its notifications."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.time = 100.0
        self.robot = SimulatedBB8(clock=lambda: self.time, faults=faults)
        self.notifications: list[bytes] = []
        self.packets: list[Response | AsyncPacket] = []
        self.drops = 0
        self.decoder = StreamDecoder()
        self._seq = 0

    def connect(self) -> None:
        """Open the link and listen, as the app does."""
        self.robot.connect()
        self.robot.on_notify = self._heard
        self.robot.on_disconnect = self._dropped

    def wake(self) -> None:
        """Connect, show the key, wake it up and wait until it has booted."""
        self.connect()
        self.robot.write(gatt_uuids.ANTI_DOS, gatt_uuids.ANTI_DOS_KEY)
        self.robot.write(gatt_uuids.TX_POWER, gatt_uuids.TX_POWER_MAX)
        self.robot.write(gatt_uuids.WAKE, gatt_uuids.WAKE_UP)
        self.after(1.0)

    def after(self, seconds: float) -> None:
        """Turn the clock."""
        self.time += seconds
        self.robot.tick()

    def send(self, command: Command) -> None:
        """Write a command."""
        self._seq = (self._seq + 1) % 256
        for piece in chunks(encode(command, self._seq)):
            self.robot.write(gatt_uuids.COMMANDS, piece)

    def ask(self, command: Command) -> Response:
        """Write a command and return its answer."""
        before = len(self.packets)
        self.send(command)
        answers = [p for p in self.packets[before:] if isinstance(p, Response) and p.seq == self._seq]
        assert len(answers) == 1
        return answers[0]

    def events(self, code: int) -> list[bytes]:
        """Data of the async packets with that id."""
        return [p.data for p in self.packets if isinstance(p, AsyncPacket) and p.id == code]

    def _heard(self, data: bytes) -> None:
        self.notifications.append(data)
        self.packets += self.decoder.feed(data, self.time)

    def _dropped(self) -> None:
        self.drops += 1


def woken(faults: Faults | None = None) -> Desk:
    """A robot that is connected and awake."""
    desk = Desk(faults)
    desk.wake()
    return desk
