"""Ten rounds of a robot's life against the real BlueZ; test_bluez.py runs it inside the UML guest."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import statistics
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bumble.controller import Controller
from bumble.device import Device
from bumble.hci import (
    Address,
    HCI_ErrorCode,
    HCI_LE_Connection_Complete_Event,
    HCI_LE_Create_Connection_Cancel_Command,
    HCI_StatusReturnParameters,
    LeFeatureMask,
)
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink
from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from bb8_core.link import robot_search
from bb8_core.link.connection_states import LinkState, Status
from bb8_core.link.robot_connection import LinkConfig, RobotLink
from bb8_core.radio.advertisement_match import Target
from bb8_core.radio.bleak_radio import BleakRadio
from bb8_core.robot import commands
from bb8_core.simulator.bluetooth_robot import SimulatedBB8
from bb8_core.simulator.bumble_peripheral import BumblePeripheral

PATIENCE_S = 90.0


class HostController(Controller):
    """bumble's virtual controller, which takes a cancelled connection attempt back as a real one does.

    It must not claim LL privacy or extended advertising: the kernel would wait for the enhanced form of the
    connection event, which bumble never sends, and do nothing else for 20 s. With `clumsy` it claims them,
    to have just such a host.
    """

    def __init__(self, clumsy: bool, **parts: Any) -> None:
        super().__init__("host", **parts)
        if not clumsy:
            self.le_features &= ~(LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING)

    def on_hci_le_create_connection_cancel_command(
        self, _command: HCI_LE_Create_Connection_Cancel_Command
    ) -> HCI_StatusReturnParameters:
        """Answer, then report the attempt as ended without a connection (Core Vol 4 Part E 7.8.13)."""
        if self.pending_le_connection is not None:
            self.pending_le_connection = None
            asyncio.get_running_loop().call_soon(self._report_cancelled)
        return HCI_StatusReturnParameters(HCI_ErrorCode.SUCCESS)

    def _report_cancelled(self) -> None:
        self.send_hci_packet(
            HCI_LE_Connection_Complete_Event(
                status=HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=0,
                peer_address_type=0,
                peer_address=Address.ANY,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )


async def until(true: Callable[[], Any], what: str) -> float:
    """Wait; returns how long it took in seconds."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > PATIENCE_S:
            raise TimeoutError(f"not seen: {what}")
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def adapter_on() -> None:
    """Wait for the kernel's adapter in BlueZ and switch it on."""
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        reply = await bus.call(
            Message(
                destination="org.bluez",
                path="/org/bluez/hci0",
                interface="org.freedesktop.DBus.Properties",
                member="Get",
                signature="ss",
                body=["org.bluez.Adapter1", "Powered"],
            )
        )
        if reply is not None and reply.body and getattr(reply.body[0], "value", None) is True:
            bus.disconnect()
            return
        await asyncio.sleep(0.1)
    raise TimeoutError("the adapter was not powered")


async def round_trip(link: RobotLink, robot: SimulatedBB8) -> dict[str, float]:
    """Connect, drive, stop, drop, vanish, come back."""
    took = {"ready_s": await until(lambda: link.ready, "ready")}
    began = time.monotonic()
    answer = await link.channel.request(commands.roll(60, 90), 5.0)
    took["drive_ms"] = (time.monotonic() - began) * 1000
    if not answer.ok or robot.motor.speed != 60:
        raise AssertionError(f"the robot does not drive: {answer} {robot.motor}")
    began = time.monotonic()
    answer = await link.channel.request(commands.stop(90), 5.0)
    took["stop_ms"] = (time.monotonic() - began) * 1000
    if not answer.ok or robot.motor.speed != 0:
        raise AssertionError(f"the robot does not stop: {answer} {robot.motor}")
    await link.channel.request(commands.roll(60, 0), 5.0)
    robot.hang_up()
    robot.vanish()
    took["drop_s"] = await until(lambda: not link.ready, "the drop noticed")
    if robot.motor.speed != 0:
        raise AssertionError("the robot goes on driving after the link is lost")
    took["absent_s"] = await until(lambda: link.status.state is LinkState.ABSENT, "absent")
    robot.in_reach = True
    return took


class Tally:
    """How many notifications the robot sent and how many the link was given, for each connection."""

    def __init__(self, link: RobotLink, device: Device) -> None:
        self.said: Counter[int] = Counter()
        self.heard: Counter[int] = Counter()
        self._link = link
        self._receive, self._notify = link.channel.received, device.notify_subscribers
        link.channel.received = self._received  # type: ignore[method-assign]
        device.notify_subscribers = self._notified  # type: ignore[method-assign]

    def _received(self, data: bytes) -> None:
        self.heard[self._link.connections] += 1
        self._receive(data)

    async def _notified(self, *arguments: Any, **more: Any) -> None:
        self.said[self._link.connections] += 1
        await self._notify(*arguments, **more)

    def pairs(self) -> list[tuple[int, int]]:
        """Sent and received, connection by connection."""
        return [(self.said[number], self.heard[number]) for number in sorted(self.said | self.heard)]


ABANDON = """
import asyncio, os, signal
from bb8_core.radio.bleak_radio import BleakRadio
from bb8_core.radio.advertisement_match import Target
async def main():
    seen = asyncio.get_running_loop().create_future()
    radio = BleakRadio(Target())
    await radio.start_scan(lambda sighting: seen.done() or seen.set_result(sighting))
    sighting = await seen
    await radio.stop_scan()
    await radio.connect(sighting, lambda: None)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


async def abandon(robot: SimulatedBB8) -> None:
    """Connect from a process that is killed: BlueZ keeps the link, so the robot advertises no more."""
    for _ in range(3):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ABANDON)
        if await process.wait() == -signal.SIGKILL and robot.connected:
            return
    raise AssertionError("the robot was not left connected")


async def story(rounds_wanted: int, host_kind: str) -> dict[str, Any]:
    """The whole life; returns what was measured."""
    robot = SimulatedBB8()
    # Short rounds: how long a silent robot is not yet absent, and what it said before counts.
    robot_search.SILENCE_S = 2.0
    robot_search.FRESH_S = 1.0
    states: list[str] = []

    def told(status: Status) -> None:
        states.append(status.state.value)

    async with await open_transport("vhci") as hci:
        air = LocalLink()  # type: ignore[no-untyped-call]
        HostController(host_kind == "clumsy", host_source=hci.source, host_sink=hci.sink, link=air)
        controller = Controller(robot.address, link=air)
        host = Host(controller, AsyncPipeSink(controller))
        peripheral = BumblePeripheral(Device(address=Address(robot.address), host=host), robot)
        await peripheral.start()
        await adapter_on()
        radio = BleakRadio(Target())
        if host_kind == "abandoned":
            await abandon(robot)
            await radio.close_stale(robot.address)
        link = RobotLink(radio, LinkConfig(keep_connected=True), told, lambda _: None)
        tally = Tally(link, peripheral.device)
        running = asyncio.create_task(link.run())
        rounds = [await round_trip(link, robot) for _ in range(rounds_wanted)]
        await until(lambda: link.ready, "ready at the end")
        counters = link.counters
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await peripheral.stop()
    return {
        "rounds": rounds,
        "states": states,
        "counters": counters,
        "medians": medians(rounds),
        "notifications": tally.pairs(),
    }


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The middle of each figure."""
    return {key: round(statistics.median(took[key] for took in rounds), 3) for key in rounds[0]}


def main() -> int:
    """Run as the arguments say (file of the result, rounds, kind of host), and leave the result as JSON."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(name)s %(message)s")
    try:
        result = asyncio.run(asyncio.wait_for(story(int(sys.argv[2]), sys.argv[3]), 400))
    except Exception:  # noqa: BLE001 - the guest has no other way to tell
        result = {"error": traceback.format_exc()}
    Path(sys.argv[1]).write_text(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
