"""What is sent to the robot after each connection, before any other command.

The order follows what runs on real robots (scross01/bb8-esphome DEVELOPMENT.md): subscribe first, then the
anti-DoS key, power and wake; an answered PING proves better than any pause that the robot is awake.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import AnswerTimeout, LinkError
from bb8_core.robot import commands, response_decoding
from bb8_core.robot.packet_framing import Command, Response, mrsp_name
from bb8_core.robot.response_types import PowerState

PING_EVERY_S = 0.3
WAKE_DEADLINE_S = 5.0
FIRMWARE_STOP_MS = 1000
"""How long the robot drives on without hearing from us once its own motion timeout is armed."""

T = TypeVar("T")

_log = logging.getLogger("bb8.link")

Ask = Callable[[Command], Awaitable[Response]]
"""Send a command until any try is answered; raises LinkError or AnswerTimeout."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the options allow during the handshake."""

    motion_timeout: bool = True
    collision_events: bool = True


@dataclass(frozen=True, slots=True)
class Readiness:
    """What the robot itself acknowledged in this connection."""

    firmware: str
    stop_on_disconnect: bool
    motion_timeout_ms: int
    """0: the robot's own dead-man is not armed."""
    collisions: bool
    power: PowerState | None


async def wait_awake(ask: Callable[[Command, float, float], Awaitable[Response]]) -> None:
    """PING until the robot answers; LinkError after 5 s of silence."""
    try:
        await ask(commands.ping(), PING_EVERY_S, WAKE_DEADLINE_S)
    except AnswerTimeout:
        raise LinkError(Cause.NO_ANSWER) from None


async def prepare(ask: Ask, wishes: Wishes) -> Readiness:
    """Arm the robot's own stops, read what it is, switch its reports on; LinkError if it falls silent."""
    stops = await _arm_stop_on_disconnect(ask)
    timeout_ms = await _arm_motion_timeout(ask, wishes)
    if not stops and not timeout_ms:
        _log.warning("this robot supports neither of its own stops: motion stays refused")
    firmware = await _firmware(ask)
    collision = (
        commands.collision_detection() if wishes.collision_events else commands.collision_detection_off()
    )
    collisions = await _accepted(ask, collision) and wishes.collision_events
    await _accepted(ask, commands.power_notifications(on=True))
    return Readiness(firmware, stops, timeout_ms, collisions, await read_power(ask))


async def read_power(ask: Ask) -> PowerState | None:
    """The battery, without keeping the robot awake; None if the robot does not report it."""
    response = await patiently(ask, commands.without_reset(commands.power_state()))
    return _parsed(response_decoding.parse_power_state, response)


async def read_odometer(ask: Ask) -> int | None:
    """Distance of the robot's life in cm, without keeping it awake; None if it does not answer."""
    response = await patiently(ask, commands.without_reset(commands.read_odometer()))
    reading = _parsed(response_decoding.parse_odometer, response)
    return reading.distance_cm if reading else None


async def patiently(ask: Ask, command: Command) -> Response:
    """Ask again, because a lost answer is not a refusal; LinkError if no try is answered."""
    try:
        return await ask(command)
    except AnswerTimeout:
        raise LinkError(Cause.NO_ANSWER, command.name) from None


async def _accepted(ask: Ask, command: Command) -> bool:
    response = await patiently(ask, command)
    if not response.ok:
        _log.info("the robot refused %s: %s", command.name, mrsp_name(response.mrsp))
    return response.ok


async def _arm_stop_on_disconnect(ask: Ask) -> bool:
    """Temporary option bit 0; the other flags are kept as they are."""
    current = await patiently(ask, commands.get_temporary_options())
    flags = _parsed(response_decoding.parse_temporary_options, current)
    return await _accepted(ask, commands.stop_on_disconnect(flags.flags if flags else 0))


async def _arm_motion_timeout(ask: Ask, wishes: Wishes) -> int:
    """Return the milliseconds after which the robot stops by itself, 0 if it will not.

    The timeout acts only with permanent option bit 4, which lives in flash: it is read first and written
    at most once in the robot's life, and only if the option allows it.
    """
    options = _parsed(
        response_decoding.parse_permanent_options, await patiently(ask, commands.get_permanent_options())
    )
    if options is None:
        return 0
    if not options.motion_timeouts:
        if not wishes.motion_timeout:
            return 0
        _log.info("writing the robot's permanent option for motion timeouts (once in its life)")
        if not await _accepted(ask, commands.set_permanent_motion_timeouts(options.flags)):
            return 0
    return FIRMWARE_STOP_MS if await _accepted(ask, commands.motion_timeout(FIRMWARE_STOP_MS)) else 0


async def _firmware(ask: Ask) -> str:
    reading = _parsed(response_decoding.parse_versions, await patiently(ask, commands.versions()))
    return reading.firmware if reading else "unknown"


def _parsed(parse: Callable[[bytes], T], response: Response) -> T | None:
    """Read an answer; None for a refusal or an answer that is not as documented."""
    if not response.ok:
        return None
    try:
        return parse(response.data)
    except ValueError as error:
        _log.info("an answer could not be read: %s", error)
        return None
