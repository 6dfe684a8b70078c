"""The simulated robot as a GATT peripheral on a bumble device, for laboratories with a real Bluetooth host.

bumble is needed only here and is imported when a peripheral is made. Its virtual controller never delivers
scan responses, so that name and service stand in the advertisement itself, which leaves no room for more.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from bb8_core.simulator.bleak_backend import GATT, Ticker
from bb8_core.simulator.bluetooth_robot import RESPONSES, SimulatedBB8

LOOK_EVERY_S: Final = 0.1
"""How soon the radio follows a robot that vanishes, appears or falls asleep."""
_FLAGS: Final = b"\x06"
_ERRORS: Final = (RuntimeError, ValueError, OSError, asyncio.TimeoutError)

_log = logging.getLogger("bb8.simulator")


class BumblePeripheral:
    """Puts a robot on the air through `device`, a `bumble.device.Device` that nothing else configures."""

    def __init__(self, device: Any, robot: SimulatedBB8) -> None:
        """Give the device the robot's services; `start` switches it on."""
        self.device = device
        self.robot = robot
        self._connection: Any = None
        self._responses: Any = None
        self._advertising = False
        self._ticker = Ticker(robot)
        self._spoken: asyncio.Queue[bytes] = asyncio.Queue()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self.device.add_services(self._services())
        self.device.on("connection", self._connected)

    async def start(self) -> None:
        """Power the device on and advertise for as long as the robot does."""
        await self.device.power_on()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._follow()), loop.create_task(self._speak())]

    async def stop(self) -> None:
        """Stop advertising. The radio's task ends by itself: bumble does not survive a cancelled command."""
        self._stopping = True
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._ticker.disarm()
        await self._advertise(False)

    def _services(self) -> list[Any]:
        from bumble.gatt import Service

        return [
            Service(uuid, [self._characteristic(name, properties) for name, properties in characteristics])
            for uuid, characteristics in GATT
        ]

    def _characteristic(self, uuid: str, properties: tuple[str, ...]) -> Any:
        """Make one characteristic; writes go to the robot, reads come from it."""
        from bumble.gatt import Characteristic, CharacteristicValue

        flags = Characteristic.Properties(0)
        for name in properties:
            flags |= Characteristic.Properties[name.upper().replace("-", "_")]
        permissions = Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE
        value = CharacteristicValue(
            read=lambda _: self.robot.read(uuid), write=lambda _, data: self._written(uuid, bytes(data))
        )
        made = Characteristic(uuid, flags, permissions, value)
        if uuid == RESPONSES:
            self._responses = made
            made.on(made.EVENT_SUBSCRIPTION, self._subscribed)
        return made

    def _written(self, uuid: str, data: bytes) -> None:
        self.robot.write(uuid, data)
        self._ticker.arm()

    def _subscribed(self, _bearer: Any, notify: bool, _indicate: bool) -> None:
        self.robot.on_notify = self._spoken.put_nowait if notify else None

    def _connected(self, connection: Any) -> None:
        """Take a connection that the host made."""
        self._advertising = False
        self._connection = connection
        connection.on(connection.EVENT_DISCONNECTION, self._disconnected)
        try:
            self.robot.connect()
        except ConnectionError as error:
            _log.info("refusing a connection: %s", error)
            return
        self._ticker.arm()

    def _disconnected(self, _reason: int) -> None:
        self._connection = None
        self._ticker.disarm()
        self.robot.disconnect()

    async def _follow(self) -> None:
        """Keep the radio as the robot is: advertising, linked or gone."""
        while not self._stopping:
            if self._connection is not None and not self.robot.connected and self._spoken.empty():
                await self._hang_up()
            elif self._connection is None:
                await self._advertise(self.robot.advertising)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _hang_up(self) -> None:
        try:
            await self._connection.disconnect()
        except _ERRORS as error:
            _log.debug("the link was gone already: %s", error)

    async def _advertise(self, on: bool) -> None:
        if on == self._advertising:
            return
        self._advertising = on
        if on:
            await self.device.start_advertising(advertising_data=advertising_data(self.robot))
        else:
            await self.device.stop_advertising()

    async def _speak(self) -> None:
        """Send notifications in the order in which the robot sent them."""
        while True:
            data = await self._spoken.get()
            if self._connection is not None:
                await self.device.notify_subscribers(self._responses, data)


def advertising_data(robot: SimulatedBB8) -> bytes:
    """Return flags, name and the control service: 30 of the 31 bytes that an advertisement has."""
    from bumble.core import UUID, AdvertisingData

    return bytes(
        AdvertisingData(
            [
                (AdvertisingData.FLAGS, _FLAGS),
                (AdvertisingData.COMPLETE_LOCAL_NAME, robot.name.encode()[:8]),
                (AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS, bytes(UUID(GATT[0][0]))),
            ]
        )
    )
