"""Missing services: the list is cleared once per robot, then the device is not a BB-8."""

from __future__ import annotations

import pytest

from bb8_core.link.connection_states import Cause
from bb8_core.link.radio_interface import LinkError
from bb8_core.radio.service_check import ServiceCheck

ONE, OTHER = "C9:00:00:00:B5:4A", "D0:00:00:00:00:01"


class Memory:
    """A list of services that can be cleared."""

    def __init__(self, error: LinkError | None = None) -> None:
        self.error = error
        self.clears = 0

    async def clear(self) -> None:
        self.clears += 1
        if self.error is not None:
            raise self.error


async def cause_at(check: ServiceCheck, address: str, memory: Memory) -> Cause:
    with pytest.raises(LinkError) as caught:
        await check.require(address, ["22bb746f"], memory.clear)
    return caught.value.cause


async def test_a_complete_robot_passes() -> None:
    check, memory = ServiceCheck(), Memory()
    await check.require(ONE, [], memory.clear)
    assert (memory.clears, check.cleared(ONE)) == (0, False)


async def test_the_list_of_each_robot_is_cleared_once() -> None:
    check, memory = ServiceCheck(), Memory()
    assert await cause_at(check, ONE, memory) is Cause.STALE_SERVICES
    assert check.cleared(ONE)
    assert await cause_at(check, ONE, memory) is Cause.NOT_A_BB8
    assert memory.clears == 1
    assert await cause_at(check, OTHER, memory) is Cause.STALE_SERVICES
    assert memory.clears == 2


async def test_an_error_while_clearing_is_raised_and_the_list_is_not_cleared_again() -> None:
    check, memory = ServiceCheck(), Memory(LinkError(Cause.DROPPED))
    assert await cause_at(check, ONE, memory) is Cause.DROPPED
    assert await cause_at(check, ONE, memory) is Cause.NOT_A_BB8
    assert memory.clears == 1
